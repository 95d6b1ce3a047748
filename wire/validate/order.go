package validate

import (
	"cmp"
	"slices"
)

// finding says which errors a member of a structure has.
type finding struct {
	name       string
	start, end int
}

// rearrange brings the errors of a structure's members into the order of a Java
// hash table of sixteen places, which is how IAM was seen to list them:
// clientIDList, thumbprintList, url; minimumPasswordLength,
// passwordReusePrevention, maxPasswordAge.
func (w *walker) rearrange(found []finding) {
	first := found[0].start
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(place(a.name), place(b.name)) })
	errors := slices.Clone(w.errors)
	w.errors = w.errors[:first]
	for _, f := range found {
		w.errors = append(w.errors, errors[f.start:f.end]...)
	}
}

// place is where a Java hash table of sixteen places has a member's name.
func place(name string) uint32 {
	var h uint32
	for _, c := range (step{name: name}).String() {
		h = h*31 + uint32(c)
	}
	return (h ^ h>>16) % 16
}
