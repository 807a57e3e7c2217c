package html

import (
	"fmt"
	"html/template"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/plot"
)

// trends are those of one group, with their chart.
type trends struct {
	Group string
	Rows  [][]string
	Chart template.HTML
}

func trendGroups(doc *report.Report) []trends {
	var all []trends
	var of []report.Trend
	for i, t := range doc.Trends {
		of = append(of, t)
		if i+1 < len(doc.Trends) && doc.Trends[i+1].Group == t.Group {
			continue
		}
		group := trends{Group: t.Group, Chart: template.HTML(trendChart(of))} // package plot escapes what it is given
		for _, t := range of {
			group.Rows = append(group.Rows, []string{
				t.Name, fmt.Sprintf("%+.2f %s", t.PerHour, t.Unit), fmt.Sprintf("%+.2f to %+.2f", t.Low, t.High), fmt.Sprintf("%.3g", t.Allowed), string(t.Verdict),
			})
		}
		all, of = append(all, group), nil
	}
	return all
}

// trendChart draws what each process used, by the minute.
func trendChart(all []report.Trend) string {
	var series []plot.Series
	for i, t := range all {
		s := plot.Series{Name: t.Name, Color: i}
		for _, p := range t.Points {
			s.Points = append(s.Points, plot.Point{X: p.At / 60, Y: p.Value})
		}
		series = append(series, s)
	}
	return plot.Growth(all[0].Group, all[0].Unit, series, []plot.Mark{{X: all[0].WarmSeconds / 60, Text: "judged from here"}})
}
