package store

import (
	"context"
	"iter"
)

// Event is a change of one row as Watch delivers it.
type Event[T any] struct {
	ID    string
	Value *T // nil: deleted
	Rev   int64
}

// Watch yields the changes of the rows after a revision (DB.Revision, taken
// before the rows were read), in order, until ctx ends; ErrCompacted when the
// watcher fell too far behind and must read anew.
func (r Rows[T]) Watch(ctx context.Context, db *DB, after int64) iter.Seq2[Event[T], error] {
	prefix := r.prefix()
	return func(yield func(Event[T], error) bool) {
		for c, err := range db.backend.Watch(ctx, prefix, after) {
			if err != nil {
				yield(Event[T]{}, err)
				return
			}
			e := Event[T]{ID: c.Key[len(prefix):], Rev: c.Rev}
			if !c.Deleted {
				e.Value, err = decode[T](c.Key, c.Value)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
