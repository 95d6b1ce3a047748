package functions

import (
	"context"
	"sync"
)

// delivery hands log lines to the functions' sinks, after the invocation was
// answered: what a sink takes to make lines durable is not the caller's time.
type delivery struct {
	mu     sync.Mutex
	wake   *sync.Cond
	queue  []batch
	bytes  int
	closed bool
}

type batch struct {
	sink          Sink
	group, stream string
	lines         []Line
	bytes         int
}

// maxQueued is how many bytes of log wait for sinks before functions that log
// wait too.
const maxQueued = 64 << 20

func newDelivery() *delivery {
	d := &delivery{}
	d.wake = sync.NewCond(&d.mu)
	return d
}

// put queues a batch; it waits while the queue is full.
func (d *delivery) put(f *Function, stream string, lines []Line) {
	if f.Log == nil {
		return
	}
	b := batch{f.Log, f.LogGroup, stream, lines, 0}
	for _, l := range lines {
		b.bytes += len(l.Text)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.bytes > maxQueued && !d.closed {
		d.wake.Wait()
	}
	d.queue = append(d.queue, b)
	d.bytes += b.bytes
	d.wake.Broadcast()
}

// run delivers until ctx ends and the queue is empty.
func (d *delivery) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.closed = true
		d.wake.Broadcast()
	})
	defer stop()
	for {
		d.mu.Lock()
		for len(d.queue) == 0 && !d.closed {
			d.wake.Wait()
		}
		if len(d.queue) == 0 {
			d.mu.Unlock()
			return
		}
		b := d.queue[0]
		d.queue[0] = batch{}
		d.queue = d.queue[1:]
		d.mu.Unlock()
		b.sink.Put(b.group, b.stream, b.lines)
		d.mu.Lock()
		d.bytes -= b.bytes
		d.wake.Broadcast()
		d.mu.Unlock()
	}
}
