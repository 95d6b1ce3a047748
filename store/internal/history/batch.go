package history

import "github.com/redoubt-sec/redoubt/store"

// Batch is a row of commits that will become durable together and that no read
// can see yet. Each must be checked against those before it, which the Log does
// not know.
type Batch struct {
	keys  map[string]struct{}
	order []string
}

// Conflicts reports whether c read anything that the batch writes.
func (b *Batch) Conflicts(c store.Commit) bool {
	if len(b.order) == 0 {
		return false
	}
	for _, k := range c.Keys {
		if _, ok := b.keys[k]; ok {
			return true
		}
	}
	if len(c.Ranges) > 0 {
		for _, k := range b.order {
			if inside(c.Ranges, k) {
				return true
			}
		}
	}
	return false
}

// Writes reports whether the batch writes one of these keys already.
func (b *Batch) Writes(writes []store.Write) bool {
	for _, w := range writes {
		if _, ok := b.keys[w.Key]; ok {
			return true
		}
	}
	return false
}

// Add takes a commit's writes in.
func (b *Batch) Add(writes []store.Write) {
	if b.keys == nil {
		b.keys = map[string]struct{}{}
	}
	for _, w := range writes {
		if _, ok := b.keys[w.Key]; !ok {
			b.keys[w.Key] = struct{}{}
			b.order = append(b.order, w.Key)
		}
	}
}

// Len is how many keys the batch writes.
func (b *Batch) Len() int { return len(b.order) }

// Clear empties the batch for the next one.
func (b *Batch) Clear() {
	clear(b.keys)
	b.order = b.order[:0]
}
