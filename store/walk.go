package store

// Walker is a backend that walks with jumps cheaply.
type Walker interface {
	// Walk is what the function Walk says, over one consistent state.
	Walk(r Range, f func(kv KV) (next string, more bool)) error
}

// patience is how many records are passed one by one before a new walk begins.
const patience = 16

// Walk hands f the records of r in order. f answers the key at which to go on,
// empty for the following one, and whether to go on at all. The value is f's only
// until it answers. Unlike Tx.Scan it belongs to no transaction: it shows what is
// there now.
func Walk(b Backend, r Range, f func(kv KV) (next string, more bool)) error {
	if w, ok := b.(Walker); ok {
		return w.Walk(r, f)
	}
	for again := true; again; {
		again = false
		to, passed := "", 0
		for kv, err := range b.Scan(r, false) {
			if err != nil {
				return err
			}
			if kv.Key < to {
				if passed++; passed < patience {
					continue
				}
				r.Start, again = to, r.End == "" || to < r.End
				break
			}
			next, more := f(kv)
			if !more {
				return nil
			}
			to, passed = next, 0
		}
	}
	return nil
}
