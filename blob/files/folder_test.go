package files

import (
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/blob"
)

// Writers that come while a directory is flushed share the next flush, and what comes
// of it; who comes later waits for another.
func TestSharedFlush(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, blob.NewName(), "x") // makes the directories
	d, err := s.folder("ab")
	if err != nil {
		t.Fatal(err)
	}
	flushes, hold, began := 0, make(chan error), make(chan struct{}, 10)
	d.flush = func() error {
		flushes++
		began <- struct{}{}
		return <-hold
	}
	var wg sync.WaitGroup
	results := make(chan error, 100)
	sync := func() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			results <- d.sync()
		}()
	}
	waiting := func(n int) {
		for {
			d.mu.Lock()
			have := 0
			if d.next != nil {
				have = d.next.waiting
			}
			d.mu.Unlock()
			if have == n {
				return
			}
			runtime.Gosched()
		}
	}
	sync()
	<-began
	for range 10 {
		sync()
	}
	waiting(10)
	hold <- nil
	if err := <-results; err != nil {
		t.Error(err)
	}
	<-began
	sync()
	waiting(1) // the second flush has begun: too late for it
	lost := errors.New("lost")
	hold <- lost
	for range 10 {
		if err := <-results; !errors.Is(err, lost) {
			t.Error(err)
		}
	}
	<-began
	hold <- nil
	wg.Wait()
	if err := <-results; err != nil || flushes != 3 {
		t.Errorf("%v, %d flushes for 12 writers", err, flushes)
	}
}

// A blob whose directory could not be flushed does not appear, and the next one is
// flushed by a file that was opened anew.
func TestFlushFails(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	name := blob.NewName()
	put(t, s, name, "x")
	d, err := s.folder(name[:2])
	if err != nil {
		t.Fatal(err)
	}
	d.flush = func() error { return errors.New("the disk is gone") }
	again := name[:2] + blob.NewName()[2:]
	w, err := s.Create(ctx, again, 1)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("y"))
	if err := w.Commit(); err == nil {
		t.Error("committed without a flush")
	}
	if _, err := s.Stat(ctx, again); !errors.Is(err, blob.ErrNotFound) {
		t.Error("it is there:", err)
	}
	if now, err := s.folder(name[:2]); err != nil || now == d {
		t.Error("the folder is the same", err)
	}
	put(t, s, again, "z")
}
