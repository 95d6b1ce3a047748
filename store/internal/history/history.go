// Package history remembers the newest commits of a backend: conflict checks
// and watches are answered from it, whatever engine keeps the records.
//
// A commit passes through two moments. Append makes it known to conflict checks
// and is called before any read can see its values; Publish makes it the newest
// revision and is called when they are readable everywhere on this node. A
// transaction that read some of the values in between is therefore refused,
// although it began, by its revision, before the commit.
//
// Memory is bounded three ways, by commits, by writes and by the bytes of values
// held for watches; what falls out moves the floor up, and whoever asks from
// below it is told so.
package history

import (
	"context"
	"iter"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/redoubt-sec/redoubt/store"
)

// Bounds of what is kept.
const (
	maxCommits = store.Retained
	maxWrites  = 8 * store.Retained
	maxValues  = 8 << 20 // bytes of values, for watches
)

// Log is the history of one backend.
type Log struct {
	applying atomic.Int64 // newest revision of which a read may see something
	rev      atomic.Int64 // newest published revision

	mu      sync.RWMutex
	commits []commit         // by revision, oldest first
	last    map[string]int64 // newest revision of every key in commits
	writes  int
	bytes   int
	floor   int64         // what was written up to here is no longer known
	valued  int           // index of the first commit that still has its values
	missing int64         // watches from below this revision miss values
	changed chan struct{} // closed at the next Publish; nil while nobody waits
	err     error         // set by Close
}

type commit struct {
	rev    int64
	writes []store.Write
}

// New starts a history behind revision rev, about whose past it knows nothing.
func New(rev int64) *Log {
	l := new(Log)
	l.forget(rev)
	l.rev.Store(rev)
	return l
}

// Forget drops everything up to rev, because the backend has learned that it
// missed changes or is about to move its revisions: transactions and watches from
// before rev are refused. It is called before any read can see what was missed;
// then the backend tells OnChange every key that may have changed and calls
// Publish.
func (l *Log) Forget(rev int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(rev)
}

func (l *Log) forget(rev int64) {
	l.commits, l.last, l.writes, l.bytes, l.valued = nil, map[string]int64{}, 0, 0, 0
	l.floor, l.missing = rev, rev
	l.applying.Store(rev)
}

// Revision is the newest published revision.
func (l *Log) Revision() int64 { return l.rev.Load() }

// Check answers ErrConflict if anything that c read was written after c.ReadRev.
func (l *Log) Check(c store.Commit) error {
	if l.applying.Load() == c.ReadRev || len(c.Keys)+len(c.Ranges) == 0 {
		return nil // nothing was committed meanwhile (the common case), or read
	}
	if l.Newest(c, c.ReadRev) > c.ReadRev {
		return store.ErrConflict
	}
	return nil
}

// Newest answers the newest revision after the given one that wrote something
// that c read, or the given one if there is none. What is below the floor counts
// as written by the newest.
func (l *Log) Newest(c store.Commit, after int64) int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if after < l.floor {
		return l.applying.Load()
	}
	newest := after
	for _, k := range c.Keys {
		newest = max(newest, l.last[k])
	}
	if len(c.Ranges) == 0 {
		return newest
	}
	for i := len(l.commits) - 1; i >= 0 && l.commits[i].rev > newest; i-- {
		for _, w := range l.commits[i].writes {
			if inside(c.Ranges, w.Key) {
				return l.commits[i].rev
			}
		}
	}
	return newest
}

func inside(ranges []store.Range, key string) bool {
	for _, r := range ranges {
		if r.Contains(key) {
			return true
		}
	}
	return false
}

// Append records a commit whose values are about to become readable. Revisions
// must rise.
func (l *Log) Append(rev int64, writes []store.Write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits = append(l.commits, commit{rev, writes})
	l.writes += len(writes)
	for _, w := range writes {
		l.last[w.Key] = rev
		l.bytes += len(w.Value)
	}
	l.applying.Store(rev)
	l.trim()
}

// trim drops values and then whole commits beyond the bounds. The newest commit
// stays whole: it has not been delivered yet.
func (l *Log) trim() {
	for l.bytes > maxValues && l.valued < len(l.commits)-1 {
		c := &l.commits[l.valued]
		kept := make([]store.Write, len(c.writes)) // watches may hold the old ones
		for i, w := range c.writes {
			l.bytes -= len(w.Value)
			kept[i].Key = w.Key
		}
		c.writes = kept
		l.missing = c.rev
		l.valued++
	}
	// In steps, so that moving the rest down costs little for each commit.
	if len(l.commits) <= maxCommits+maxCommits/4 && l.writes <= maxWrites+maxWrites/4 {
		return
	}
	drop, writes := 0, l.writes
	for drop < len(l.commits)-1 && (len(l.commits)-drop > maxCommits || writes > maxWrites) {
		writes -= len(l.commits[drop].writes)
		drop++
	}
	for i, c := range l.commits[:drop] {
		for _, w := range c.writes {
			if l.last[w.Key] == c.rev {
				delete(l.last, w.Key)
			}
			if i >= l.valued {
				l.bytes -= len(w.Value)
			}
		}
		l.floor = c.rev
	}
	l.writes = writes
	l.commits = append([]commit(nil), l.commits[drop:]...)
	l.valued = max(0, l.valued-drop)
	l.missing = max(l.missing, l.floor)
}

// Publish makes rev the newest revision and wakes the watches.
func (l *Log) Publish(rev int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rev.Store(rev)
	l.wake()
}

func (l *Log) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// Close ends all watches with err, those to come too.
func (l *Log) Close(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		l.wake()
	}
}

// Watch yields the changes under prefix after a revision, in order, until ctx
// ends; store.ErrCompacted when they are no longer known.
func (l *Log) Watch(ctx context.Context, prefix string, after int64) iter.Seq2[store.Change, error] {
	r := store.Prefix(prefix)
	return func(yield func(store.Change, error) bool) {
		for ctx.Err() == nil {
			commits, changed, err := l.since(after)
			for _, c := range commits {
				for _, w := range c.writes {
					if !r.Contains(w.Key) {
						continue
					}
					ch := store.Change{KV: store.KV{Key: w.Key, Value: w.Value, Rev: c.rev}, Deleted: w.Value == nil}
					if !yield(ch, nil) {
						return
					}
				}
				after = c.rev
			}
			switch {
			case err != nil:
				yield(store.Change{}, err)
				return
			case changed != nil:
				select {
				case <-changed:
				case <-ctx.Done():
				}
			}
		}
	}
}

// since answers published commits after a revision, some at a time, or a channel
// that tells of the next.
func (l *Log) since(after int64) ([]commit, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after < l.missing {
		return nil, nil, store.ErrCompacted
	}
	rev := l.rev.Load()
	from := sort.Search(len(l.commits), func(i int) bool { return l.commits[i].rev > after })
	to := from
	for to < len(l.commits) && to-from < 256 && l.commits[to].rev <= rev {
		to++
	}
	if to > from {
		return append([]commit(nil), l.commits[from:to]...), nil, nil
	}
	if l.err != nil {
		return nil, nil, l.err
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return nil, l.changed, nil
}
