package questions

import "slices"

// Branch is a part of the configuration that requests may take.
type Branch struct {
	Object string `json:"object"`
	Name   string `json:"name"`
	// Why is why it is not asked; empty where it is.
	Why string `json:"why,omitempty"`
}

// Set is what is asked of a mesh, and what is not.
type Set struct {
	Questions []*Question
	Branches  []Branch

	// chance is how often a question must be asked that goes a way: what misses one route
	// takes another of the same host, and chance may decide there.
	chance map[string]int
}

// Asked counts the branches that are.
func (s *Set) Asked() int {
	n := 0
	for _, b := range s.Branches {
		if b.Why == "" {
			n++
		}
	}
	return n
}

// With adds what is asked of another configuration of the mesh: what only that has is asked
// of both. Of both can only ask who is in both.
func (s *Set) With(other *Set, inBoth func(asker string) bool) {
	for _, b := range other.Branches {
		if i := slices.IndexFunc(s.Branches, func(of Branch) bool { return of.Object == b.Object && of.Name == b.Name }); i < 0 {
			s.Branches = append(s.Branches, b)
		} else if b.Why == "" {
			s.Branches[i].Why = ""
		}
	}
	there := map[string]*Question{}
	var all []*Question
	for _, q := range slices.Concat(s.Questions, other.Questions) {
		same := there[q.Key()]
		switch {
		case !inBoth(q.Asker):
			s.Branches = append(s.Branches, Branch{q.Object, q.About, q.Asker + ", which asks it, is in one of the captures only"})
		case same != nil:
			same.Times = max(same.Times, q.Times)
		default:
			q.atLeast(max(s.chance[q.way], other.chance[q.way]))
			there[q.Key()] = q
			all = append(all, q)
		}
	}
	s.Questions = all
}
