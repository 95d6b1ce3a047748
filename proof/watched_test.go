package proof

import (
	"bufio"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-sec/redoubt/server"
)

// A watched server is this test program started again. Before each write of its
// store's log, and after each flush of it, it asks whether it may go on: so a test
// can end it at exactly that point.

// watchedData makes a test program be such a server, on this data directory.
const watchedData = "PROOF_WATCHED_DATA"

func serveWatched(data string) error {
	conf := server.Config{Data: data, Listen: "127.0.0.1:0", ListenTLS: "off", EgressAllow: []string{"127.0.0.1"}}
	if err := conf.Complete(); err != nil {
		return err
	}
	ask := &asking{to: os.NewFile(3, "questions"), from: bufio.NewReader(os.NewFile(4, "answers"))}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := server.Start(ctx, conf, server.Options{
		Version: "proof", Disk: watchedDisk{vfs.Default, ask}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	return s.Wait(ctx)
}

// asking is the server's side of the two pipes.
type asking struct {
	mu   sync.Mutex
	to   *os.File
	from *bufio.Reader
}

func (a *asking) point() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.to.Write([]byte{'?'}); err != nil {
		return err
	}
	_, err := a.from.ReadByte()
	return err
}

// watchedDisk is the operating system's disk.
type watchedDisk struct {
	vfs.FS
	ask *asking
}

func (d watchedDisk) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return watchedFile{f, d.ask}, nil
}

func (d watchedDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.wrap(name, f, err)
}

func (d watchedDisk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(name, f, err)
}

type watchedFile struct {
	vfs.File
	ask *asking
}

func (f watchedFile) Write(p []byte) (int, error) {
	if err := f.ask.point(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f watchedFile) SyncData() error {
	if err := f.File.SyncData(); err != nil {
		return err
	}
	return f.ask.point()
}

func (f watchedFile) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	return f.ask.point()
}

// watched starts such a server. point is called at each of its points, and the
// server goes on when it returns.
func watched(t testing.TB, data string, point func()) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hear, questions, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{watchedData + "=" + data}
	cmd.ExtraFiles = []*os.File{questions, answers}
	p := begin(t, data, cmd)
	questions.Close()
	answers.Close()
	go func() { // ends with the process
		defer hear.Close()
		defer say.Close()
		for b := make([]byte, 1); ; {
			if _, err := hear.Read(b); err != nil {
				return
			}
			point()
			if _, err := say.Write(b); err != nil {
				return
			}
		}
	}()
	p.ready(t)
	return p
}
