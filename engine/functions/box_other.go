//go:build !linux

package functions

import (
	"errors"
	"net"
	"os"
	"os/exec"
)

// Sandboxes need Linux; elsewhere only built-in functions run.

var errNotLinux = errors.New("sandboxes need Linux")

// Sandboxed does nothing here.
func Sandboxed() {}

type box struct {
	cmd            *exec.Cmd
	output, events *os.File
	exited         chan struct{}
	last           report
}

func newBox(*spawner, bool) (*box, error)           { return nil, errNotLinux }
func (b *box) configure(spec) ([]*os.File, error)   { return nil, errNotLinux }
func (b *box) share(int)                            {}
func (b *box) command(byte)                         {}
func (b *box) kill()                                {}
func (b *box) close()                               {}
func (b *box) memory() int                          { return 0 }
func (b *box) hasExited() bool                      { return true }
func endShares()                                    {}
func sandboxable() bool                             { return false }
func hostMemory() int                               { return 4096 }
func (e *Engine) trySandbox() (_ []string, _ error) { return nil, errNotLinux }

type ownUser struct{ net.Listener }

type spawner struct{ done chan struct{} }

func newSpawner() *spawner { return &spawner{make(chan struct{})} }
