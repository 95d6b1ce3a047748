package keyring

import (
	"bytes"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// A key in use would be opened anew for every message: derived, expanded and
// decrypted, for what takes no longer than that itself. So small secrets stay where
// they were opened, in memory that is locked and in no dump, until nobody has asked
// for them for half a second to one second. Idle keys are not in memory.
const (
	recentSlots = 256
	recentSize  = 64 // bytes: symmetric and HMAC keys; others are used more rarely and cost more than their opening
	recentHold  = 500 * time.Millisecond
)

// recent is what was opened a moment ago. The zero value is ready.
type recent struct {
	mu     sync.Mutex
	mem    *harden.Buffer // recentSlots × recentSize, made with the first entry
	slots  []slot
	byTag  map[[tagSize]byte]int
	hand   int // where room is looked for
	round  uint
	timer  *time.Timer // pending while there are entries
	closed bool
}

// slot says what its part of mem is: the plaintext of blob, bound to bound.
type slot struct {
	bound, blob []byte
	size        int // 0: free
	used        uint
}

const tagSize = 16

func tagOf(blob []byte) [tagSize]byte { return [tagSize]byte(blob[len(blob)-tagSize:]) }

// get answers a copy of what blob was opened to. The caller wipes it.
func (r *recent) get(bound, blob []byte) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.byTag[tagOf(blob)]
	if !ok {
		return nil, false
	}
	s := &r.slots[i]
	// The tag alone vouches for nothing: whoever changes the rest of a blob must
	// not get what the whole one opens to.
	if !bytes.Equal(s.blob, blob) || !bytes.Equal(s.bound, bound) {
		return nil, false
	}
	s.used = r.round
	out := make([]byte, s.size)
	return out, r.mem.Use(func(mem []byte) {
		harden.Do(func() { copy(out, mem[i*recentSize:]) })
	})
}

// put keeps plaintext, which blob was just opened to.
func (r *recent) put(bound, blob, plaintext []byte) {
	if len(plaintext) == 0 || len(plaintext) > recentSize {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.mem == nil {
		mem, err := harden.NewBuffer(recentSlots * recentSize)
		if err != nil {
			return // there is no memory for it: it is opened again next time
		}
		r.mem, r.slots, r.byTag = mem, make([]slot, recentSlots), make(map[[tagSize]byte]int, recentSlots)
	}
	tag := tagOf(blob)
	i, ok := r.byTag[tag]
	if !ok {
		i = r.room()
	}
	r.wipe(i)
	r.mem.Use(func(mem []byte) {
		harden.Do(func() { copy(mem[i*recentSize:], plaintext) })
	})
	r.slots[i] = slot{bytes.Clone(bound), bytes.Clone(blob), len(plaintext), r.round}
	r.byTag[tag] = i
	if r.timer == nil {
		r.timer = time.AfterFunc(recentHold, r.sweep)
	}
}

// room answers a free slot, or the next one around.
func (r *recent) room() int {
	for range recentSlots {
		r.hand = (r.hand + 1) % recentSlots
		if r.slots[r.hand].size == 0 {
			return r.hand
		}
	}
	r.hand = (r.hand + 1) % recentSlots
	return r.hand
}

func (r *recent) wipe(i int) {
	s := &r.slots[i]
	if s.size == 0 {
		return
	}
	r.mem.Use(func(mem []byte) { harden.Wipe(mem[i*recentSize : (i+1)*recentSize]) })
	delete(r.byTag, tagOf(s.blob))
	*s = slot{}
}

// sweep wipes what was not used since the last sweep.
func (r *recent) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := false
	for i := range r.slots {
		if r.slots[i].used != r.round {
			r.wipe(i)
		}
		left = left || r.slots[i].size > 0
	}
	r.round++
	switch {
	case r.timer == nil: // forgotten meanwhile
	case left:
		r.timer.Reset(recentHold)
	default:
		r.timer = nil
	}
}

// forget wipes everything.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
}

func (r *recent) drop() {
	for i := range r.slots {
		r.wipe(i)
	}
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// close wipes everything and takes nothing any more.
func (r *recent) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	r.closed = true
	r.mem.Destroy()
	r.slots, r.byTag = nil, nil
}
