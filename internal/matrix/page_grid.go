package matrix

// grid is a table of what is tested against versions of Kubernetes.
type grid struct {
	Title   string
	Columns []string
	Rows    []gridRow
}

// gridRow is one line of the grid; a pair that is no cell is nil.
type gridRow struct {
	Name  string
	Cells []*pageCell
}

// grids are the cells of one version, and the upgrades, each in a table of its own.
func (r *Report) grids(cells map[*Outcome]*pageCell) []grid {
	var all []grid
	for _, part := range []struct {
		title  string
		wanted func(*Outcome) bool
	}{
		{"Istio on Kubernetes", func(o *Outcome) bool { return o.From == "" }},
		{"Upgrades on Kubernetes", func(o *Outcome) bool { return o.From != "" }},
	} {
		rows, columns, at := r.table(part.wanted)
		if len(rows) == 0 {
			continue
		}
		g := grid{Title: part.title, Columns: columns}
		for _, name := range rows {
			row := gridRow{Name: name}
			for _, column := range columns {
				row.Cells = append(row.Cells, cells[at[name+column]])
			}
			g.Rows = append(g.Rows, row)
		}
		all = append(all, g)
	}
	return all
}
