package capture

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Changed are the objects that differ between two captures, or that one of them lacks;
// none where both are the same one.
func Changed(from, to *Mesh) []*Object {
	if from == to {
		return nil
	}
	old := map[string]*Object{}
	for _, o := range from.Objects {
		old[o.identity()] = o
	}
	var changed []*Object
	for _, o := range to.Objects {
		if before := old[o.identity()]; before == nil || !reflect.DeepEqual(before.Body, o.Body) {
			changed = append(changed, o)
		}
		delete(old, o.identity())
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		changed = append(changed, old[key])
	}
	return changed
}

// TakenBack is a capture in which one object is as another capture has it, or lacks it.
func TakenBack(of, as *Mesh, o *Object) *Mesh {
	same := func(other *Object) bool { return other.identity() == o.identity() }
	back := *of
	back.Objects = slices.Clone(of.Objects)
	i, j := slices.IndexFunc(of.Objects, same), slices.IndexFunc(as.Objects, same)
	switch {
	case i < 0 && j >= 0:
		back.Objects = append(back.Objects, as.Objects[j])
	case i >= 0 && j < 0:
		back.Objects = slices.Delete(back.Objects, i, i+1)
	case i >= 0:
		back.Objects[i] = as.Objects[j]
	}
	return &back
}

// Differs are the paths of the fields that differ between two objects.
func Differs(before, after any) [][]string {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	var all [][]string
	below := func(key string, x, y any) {
		for _, path := range Differs(x, y) {
			all = append(all, append([]string{key}, path...))
		}
	}
	a, aTable := before.(map[string]any)
	b, bTable := after.(map[string]any)
	x, xList := before.([]any)
	y, yList := after.([]any)
	switch {
	case aTable && bTable:
		keys := maps.Clone(a)
		maps.Copy(keys, b)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			below(key, a[key], b[key])
		}
	case xList && yList:
		for i := range max(len(x), len(y)) {
			below(strconv.Itoa(i), at(x, i), at(y, i))
		}
	default:
		return [][]string{{}}
	}
	return all
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}
