package check

// stages splits checks into those that run at the same time, in the order in
// which the stages follow each other.
func stages(checks []Check) [][]Check {
	var all [][]Check
	var long, together, alone []Check
	flush := func() {
		if together = append(long, together...); len(together) > 0 {
			all = append(all, together)
		}
		for _, c := range alone {
			all = append(all, []Check{c})
		}
		long, together, alone = nil, nil, nil
	}
	for _, c := range checks {
		switch {
		case c.Gate:
			flush()
			all = append(all, []Check{c})
		case c.Parallel && c.Long:
			long = append(long, c)
		case c.Parallel:
			together = append(together, c)
		default:
			alone = append(alone, c)
		}
	}
	flush()
	return all
}
