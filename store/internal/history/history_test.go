package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
)

func put(l *Log, rev int64, key string, size int) {
	l.Append(rev, []store.Write{{Key: key, Value: make([]byte, size)}})
	l.Publish(rev)
}

func watchFrom(l *Log, after int64) (n int, err error) {
	for _, err := range l.Watch(context.Background(), "", after) {
		if err != nil {
			return n, err
		}
		if n++; after+int64(n) == l.Revision() {
			return n, nil
		}
	}
	return n, nil
}

// Values are let go before the knowledge of who wrote what.
func TestBounds(t *testing.T) {
	l := New(0)
	const large = 1 << 20
	for rev := int64(1); rev <= 100; rev++ {
		put(l, rev, fmt.Sprint("k", rev), large)
	}
	if l.bytes > maxValues {
		t.Errorf("%d bytes of values are held", l.bytes)
	}
	if _, err := watchFrom(l, 10); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("watch from where the values are gone: %v", err)
	}
	if n, err := watchFrom(l, 95); n != 5 || err != nil {
		t.Errorf("watch from where they are not: %d, %v", n, err)
	}
	if err := l.Check(store.Commit{ReadRev: 10, Keys: []string{"k11"}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("changed without its value at hand: %v", err)
	}
	if err := l.Check(store.Commit{ReadRev: 10, Keys: []string{"k10"}}); err != nil {
		t.Errorf("not changed: %v", err)
	}

	for rev := int64(101); rev < 101+3*maxCommits; rev++ {
		put(l, rev, fmt.Sprint("k", rev), 1)
	}
	if len(l.commits) > 2*maxCommits || len(l.last) > 2*maxCommits || l.bytes != len(l.commits) || l.writes != len(l.commits) {
		t.Errorf("held: %d commits, %d keys, %d writes, %d bytes", len(l.commits), len(l.last), l.writes, l.bytes)
	}
	wide := make([]store.Write, 1000)
	for rev := l.Revision() + 1; rev < 101+3*maxCommits+1000; rev++ {
		for i := range wide {
			wide[i] = store.Write{Key: fmt.Sprint("w", rev, ".", i)}
		}
		l.Append(rev, slices.Clone(wide))
		l.Publish(rev)
	}
	if l.writes > 2*maxWrites || len(l.last) > 2*maxWrites {
		t.Errorf("held: %d keys, %d writes", len(l.last), l.writes)
	}
}

// Between Append and Publish a commit counts for checks, and does not show.
func TestInFlight(t *testing.T) {
	l := New(7)
	read := store.Commit{ReadRev: 7, Keys: []string{"a"}}
	l.Append(8, []store.Write{{Key: "a", Value: []byte("1")}})
	if l.Revision() != 7 || !errors.Is(l.Check(read), store.ErrConflict) {
		t.Error("a commit in flight is not seen by a check")
	}
	if err := l.Check(store.Commit{ReadRev: 7, Keys: []string{"b"}}); err != nil {
		t.Errorf("another key: %v", err)
	}
	l.Publish(8)
	l.Forget(20)
	if l.Revision() != 8 || !errors.Is(l.Check(store.Commit{ReadRev: 8, Keys: []string{"b"}}), store.ErrConflict) {
		t.Error("after a gap everything has changed")
	}
}
