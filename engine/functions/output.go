package functions

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// source reads what a function writes, from a pipe or a socket.
type source struct {
	file *os.File
	raw  syscall.RawConn
	take func([]byte)
	full func() bool // the log has no room: slow down

	mu  sync.Mutex
	buf []byte
}

func newSource(f *os.File, take func([]byte), full func() bool) (*source, error) {
	raw, err := f.SyscallConn()
	return &source{file: f, raw: raw, take: take, full: full, buf: make([]byte, 64<<10)}, err
}

// pull takes what is there, once. Reading and handing on are one step, so that
// nothing is on its way when drain ends.
func (s *source) pull(fd uintptr) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		n, err = syscall.Read(int(fd), s.buf)
		if err != syscall.EINTR {
			break
		}
	}
	if n > 0 {
		s.take(s.buf[:n])
	}
	return n, err
}

// run reads until nobody writes any more or the file is closed.
func (s *source) run() {
	for {
		var n int
		var err error
		failed := s.raw.Read(func(fd uintptr) bool {
			n, err = s.pull(fd)
			return err != syscall.EAGAIN
		})
		if failed != nil || err != nil || n <= 0 {
			return
		}
		if s.full() {
			// Who prints without end is held back by a full pipe.
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// drain takes what was written before it was called: no more than a pipe and a
// socket's buffer hold.
func (s *source) drain() {
	s.raw.Control(func(fd uintptr) {
		for range 64 {
			if n, err := s.pull(fd); err != nil || n <= 0 {
				return
			}
		}
	})
}

// Packets on the events socket begin with what they are.
const (
	streamPacket = 1 // output: each line is an event
	eventPacket  = 2 // one event, or the end of one
	morePacket   = 3 // the beginning of an event
)

func (i *instance) packet(p []byte) {
	switch p[0] {
	case streamPacket:
		i.journal.Write(p[1:])
	case morePacket:
		i.journal.more(p[1:])
	case eventPacket:
		i.journal.event(p[1:])
	}
}
