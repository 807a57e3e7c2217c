package options

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestWhatTakesLong(t *testing.T) {
	for _, c := range []struct {
		outage, hours, minutes string
		outages                Outages
		soak                   time.Duration
		refused                string
	}{
		{},
		{outage: "0"},
		{outage: "1", outages: SomeOutages},
		{outage: "true", outages: SomeOutages},
		{outage: "all", outages: AllOutages},
		{outage: "yes", refused: "OUTAGE=yes: want 1"},
		{hours: "8", soak: 8 * time.Hour},
		{minutes: "20", soak: 20 * time.Minute},
		{minutes: "3", refused: "MINUTES=3: want a time from 4m0s to 72h0m0s"},
		{hours: "one", refused: "HOURS=one: want a time"},
		{hours: "100", refused: "HOURS=100"},
		{hours: "NaN", refused: "HOURS=NaN"},
		{hours: "1", minutes: "20", refused: "leave one out"},
	} {
		o := &Options{outages: c.outage, hours: c.hours, minutes: c.minutes}
		g := gomega.NewWithT(t)
		err := o.completeLong()
		if c.refused != "" {
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.refused)))
			continue
		}
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(o.Outage).To(gomega.Equal(c.outages))
		g.Expect(o.Soak).To(gomega.Equal(c.soak))
	}
	o := &Options{minutes: "20", Exam: true}
	gomega.NewWithT(t).Expect(o.completeLong()).To(gomega.MatchError(gomega.ContainSubstring("leave them out")))
}
