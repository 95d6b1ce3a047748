package keyring

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

func (r *recent) held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.byTag)
}

func TestRecent(t *testing.T) {
	k, err := Open(context.Background(), store.Open(memory.New(), 0), NewFileSeal(filepath.Join(t.TempDir(), "seal.key")), redoubt.Wall{})
	if err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte("k"), 32)
	blob, err := k.Seal("test.key", []byte("a"), key)
	if err != nil {
		t.Fatal(err)
	}
	open := func(want error) {
		t.Helper()
		b, err := k.Open("test.key", []byte("a"), blob)
		if !errors.Is(err, want) || want == nil && !bytes.Equal(b, key) {
			t.Fatalf("%x %v", b, err)
		}
		clear(b) // callers wipe what they get: it must be theirs
	}
	open(nil)
	open(nil)
	if k.recent.held() != 1 {
		t.Fatal("an opened key is not held")
	}

	for i := range blob { // its tag included
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if _, err := k.Open("test.key", []byte("a"), bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for _, other := range []struct{ purpose, aad string }{{"test.key", "b"}, {"test.other", "a"}} {
		if _, err := k.Open(other.purpose, []byte(other.aad), blob); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v: %v", other, err)
		}
	}

	// More keys than there is room for: each still opens.
	for i := range 3 * recentSlots {
		b, err := k.Seal("test.key", nil, []byte{byte(i), byte(i >> 8), 1})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if p, err := k.Open("test.key", nil, b); err != nil || !bytes.Equal(p, []byte{byte(i), byte(i >> 8), 1}) {
				t.Fatal(p, err)
			}
		}
	}
	large, _ := k.Seal("test.key", nil, make([]byte, recentSize+1))
	if _, err := k.Open("test.key", nil, large); err != nil || k.recent.held() > recentSlots {
		t.Fatal(err, k.recent.held())
	}

	for deadline := time.Now().Add(30 * time.Second); k.recent.held() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("idle keys are still held")
		}
	}
	k.recent.mem.Use(func(mem []byte) {
		if bytes.ContainsFunc(mem, func(r rune) bool { return r != 0 }) {
			t.Error("idle keys were not wiped")
		}
	})

	open(nil)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	open(ErrSealed)
	if k.recent.held() != 0 {
		t.Error("a closed keyring holds keys")
	}
}
