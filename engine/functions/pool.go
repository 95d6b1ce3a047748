package functions

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// pool is the instances that exist. Those that wait for an event are in idle, the
// one that was used last at the end.
type pool struct {
	mu     sync.Mutex
	slots  []bool // users of instances that are taken
	memory int    // MiB that existing instances are configured for
	idle   []*instance
	busy   map[*instance]bool
	spare  *box // a helper that waits for its spec
	making bool // a spare
	closed bool
}

func (p *pool) init(n int) {
	p.slots = make([]bool, n)
	p.busy = map[*instance]bool{}
}

// key names a version of a function.
func (f *Function) key() string {
	return f.Account + "/" + f.Region + "/" + f.Name + "/" + f.Version
}

// acquire answers an instance for the function: one that waits, or a new one,
// whose runtime is being started (its used is zero).
func (e *Engine) acquire(ctx context.Context, f *Function) (*instance, error) {
	p := &e.pool
	now := e.conf.Clock.Now()
	var old []*instance
	var found *instance
	p.mu.Lock()
	for n := len(p.idle) - 1; n >= 0; n-- {
		i := p.idle[n]
		if i.fn.key() != f.key() {
			continue
		}
		stale := i.fn.Revision != f.Revision || i.hasExited() ||
			!i.expires.IsZero() && now.Add(f.Timeout+time.Minute).After(i.expires)
		if !stale && found != nil {
			continue
		}
		p.idle = slices.Delete(p.idle, n, n+1)
		if stale {
			old = append(old, i)
		} else {
			found = i
		}
	}
	if found != nil {
		p.busy[found] = true
	}
	p.mu.Unlock()
	for _, i := range old {
		e.discard(i)
	}
	if found != nil {
		// The sink and what else may differ between equal revisions.
		return found, nil
	}
	slot, err := e.reserve(f)
	if err != nil {
		return nil, err
	}
	i, err := e.newInstance(ctx, f, slot)
	p.mu.Lock()
	closed := p.closed
	if err == nil {
		p.busy[i] = true
	} else {
		p.slots[slot], p.memory = false, p.memory-f.Memory
	}
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if closed {
		e.discard(i)
		return nil, ErrStopped
	}
	return i, nil
}

// enter counts an invocation, for which Run waits at its end.
func (e *Engine) enter() bool {
	e.pool.mu.Lock()
	defer e.pool.mu.Unlock()
	if !e.pool.closed {
		e.work.Add(1)
	}
	return !e.pool.closed
}

// reserve takes a slot and memory for a further instance, at the cost of
// instances that have waited longest.
func (e *Engine) reserve(f *Function) (slot int, err error) {
	p := &e.pool
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return 0, ErrStopped
		}
		slot := slices.Index(p.slots, false)
		if slot >= 0 && p.memory+f.Memory <= e.conf.Memory {
			p.slots[slot] = true
			p.memory += f.Memory
			p.mu.Unlock()
			return slot, nil
		}
		if len(p.idle) == 0 {
			p.mu.Unlock()
			return 0, ErrBusy
		}
		i := p.idle[0]
		p.idle = p.idle[1:]
		p.mu.Unlock()
		e.discard(i)
	}
}

// replace makes a new instance in the place of one.
func (e *Engine) replace(ctx context.Context, i *instance) (*instance, error) {
	f := i.fn
	e.discard(i)
	return e.acquire(ctx, f)
}

// giveBack lets an instance wait for its next event, stopped.
func (e *Engine) giveBack(i *instance) {
	i.box.command(freeze)
	i.frozen = true
	p := &e.pool
	p.mu.Lock()
	delete(p.busy, i)
	keep := !p.closed && !i.retired
	if keep {
		i.used = e.conf.Clock.Now()
		p.idle = append(p.idle, i)
	}
	p.mu.Unlock()
	if !keep {
		e.discard(i)
	}
}

// discard ends an instance, and gives its place free when nothing is left of it.
func (e *Engine) discard(i *instance) {
	i.stop()
	p := &e.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, i)
	if i.slot >= 0 {
		p.slots[i.slot] = false
		p.memory -= i.fn.Memory
		i.slot = -1
	}
}

// Retire stops the instances of a function: at once those that wait, the others
// after their event. arn without a qualifier means all its versions.
func (e *Engine) Retire(arn string) {
	p := &e.pool
	match := func(i *instance) bool { return i.fn.ARN == arn || strings.HasPrefix(i.fn.ARN, arn+":") }
	p.mu.Lock()
	for i := range p.busy {
		if match(i) {
			i.retired = true
		}
	}
	old := p.takeIdle(match)
	p.mu.Unlock()
	for _, i := range old {
		e.discard(i)
	}
}

// takeIdle removes waiting instances; the caller holds mu and discards them.
func (p *pool) takeIdle(match func(*instance) bool) (taken []*instance) {
	p.idle = slices.DeleteFunc(p.idle, func(i *instance) bool {
		if match(i) {
			taken = append(taken, i)
			return true
		}
		return false
	})
	return taken
}

// stopIdle stops instances that have waited too long.
func (e *Engine) stopIdle() {
	limit := e.conf.Clock.Now().Add(-e.conf.Idle)
	p := &e.pool
	p.mu.Lock()
	old := p.takeIdle(func(i *instance) bool { return !i.used.After(limit) })
	p.mu.Unlock()
	for _, i := range old {
		e.discard(i)
	}
}

// close stops all instances. Those that run end with the engine's context.
func (e *Engine) close() {
	p := &e.pool
	p.mu.Lock()
	p.closed = true
	all := p.takeIdle(func(*instance) bool { return true })
	spare := p.spare
	p.spare = nil
	p.mu.Unlock()
	if spare != nil {
		spare.close()
	}
	for _, i := range all {
		e.discard(i)
	}
}

// takeBox answers a helper that waits for its spec, and has the next one made:
// starting this program again is a good part of a cold start.
func (e *Engine) takeBox() (*box, error) {
	p := &e.pool
	p.mu.Lock()
	b := p.spare
	p.spare = nil
	make := !p.making && !p.closed
	p.making = p.making || make
	p.mu.Unlock()
	if make {
		e.work.Go(e.makeSpare)
	}
	if b != nil && !b.hasExited() {
		return b, nil
	}
	return newBox(e.spawner, e.confined())
}

func (e *Engine) makeSpare() {
	b, err := newBox(e.spawner, e.confined())
	p := &e.pool
	p.mu.Lock()
	p.making = false
	if err == nil && !p.closed && p.spare == nil {
		p.spare, b = b, nil
	}
	p.mu.Unlock()
	if err == nil && b != nil {
		b.close()
	}
}
