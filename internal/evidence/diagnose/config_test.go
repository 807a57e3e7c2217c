package diagnose

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestAHostThatStandsForManyIsNotMissing(t *testing.T) {
	w := &world{}
	for _, host := range []string{"*", "*.local", "*.shop.svc.cluster.local", "*" + clusterDomain} {
		_, status := w.resolve(host, "shop")
		gomega.NewWithT(t).Expect(status).To(gomega.Equal(unknown), "host %s", host)
	}
}
