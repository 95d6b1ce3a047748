package rotatetest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Config says how a server differs from the shared one.
type Config struct {
	// NoTLS makes it speak plain only.
	NoTLS bool
}

// Server is a running database server.
type Server struct {
	// Engine is how secrets call it: mariadb, postgres or redis.
	Engine string
	// Host is the loopback's address; certificates name it.
	Host string
	// Port takes TLS where the server has it, PlainPort takes plain
	// connections. They differ for Redis only.
	Port, PlainPort int
	// Admin may do everything.
	Admin, Password string
	// CA is the authority of the server's certificate in PEM, "" without TLS.
	CA string

	dir  string // owned by the server's user
	kind kind
	turn sync.Mutex // of the administrator's statements: PostgreSQL refuses some side by side
	mu   sync.Mutex
	stop io.WriteCloser // of the watching shell
	done chan struct{}  // closed when the shell has ended
}

// kind is what differs between servers.
type kind interface {
	// install makes the data directory below dir.
	install(dir string, own *syscall.Credential) error
	// command is how to run it.
	command(s *Server) (*exec.Cmd, error)
	// exec runs a statement as a user and answers the first column of its rows.
	exec(s *Server, user, password, statement string) ([]string, error)
	// addUser are the statements that make an application's user.
	addUser(user, password string) []string
	// work is a statement that this user may execute.
	work() string
}

// Exec runs statements as the administrator.
func (s *Server) Exec(t testing.TB, statements ...string) {
	t.Helper()
	s.turn.Lock()
	defer s.turn.Unlock()
	for _, st := range statements {
		if _, err := s.kind.exec(s, s.Admin, s.Password, st); err != nil {
			t.Fatalf("%s: %s: %v", s.Engine, st, err)
		}
	}
}

// Ask answers the first column of what a statement of the administrator gives.
func (s *Server) Ask(t testing.TB, statement string) []string {
	t.Helper()
	out, err := s.kind.exec(s, s.Admin, s.Password, statement)
	if err != nil {
		t.Fatalf("%s: %s: %v", s.Engine, statement, err)
	}
	return out
}

// AddUser makes a user as an application has one: it may sign in, and read and
// write its own data.
func (s *Server) AddUser(t testing.TB, user, password string) {
	t.Helper()
	s.Exec(t, s.kind.addUser(user, password)...)
}

// Try signs in as an application would, and reads its data.
func (s *Server) Try(user, password string) error {
	_, err := s.kind.exec(s, user, password, s.kind.work())
	return err
}

// Secret is the value of a secret for a user, to which the caller may add.
func (s *Server) Secret(user, password string) map[string]any {
	m := map[string]any{"engine": s.Engine, "host": s.Host, "port": s.Port, "username": user, "password": password}
	if s.CA != "" {
		m["sslrootcert"] = s.CA
	}
	return m
}

// shared are the servers that tests of this process have in common, and data
// directories as install leaves them.
var shared = struct {
	mariadb, postgres, redis one
	sync.Mutex
	templates map[string]string
}{templates: map[string]string{}}

// one is a server that the first who asks for it starts.
type one struct {
	sync.Mutex
	server *Server
}

func (o *one) share(t testing.TB, start func(testing.TB, Config) *Server) *Server {
	t.Helper()
	o.Lock()
	defer o.Unlock()
	if o.server == nil {
		o.server = start(t, Config{})
	}
	return o.server
}

// start brings up a server of its own.
func start(t testing.TB, s *Server, c Config) *Server {
	t.Helper()
	began := time.Now()
	own := unprivileged(t)
	var err error
	if s.dir, err = os.MkdirTemp("", "redoubt-"+s.Engine+"-"); err != nil {
		t.Fatal(err)
	}
	if err := give(s.dir, own); err != nil {
		t.Fatal(err)
	}
	s.Host = "127.0.0.1"
	if !c.NoTLS {
		if s.CA, err = certify(s.dir, own); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.fill(own); err != nil {
		os.RemoveAll(s.dir)
		t.Fatalf("%s: %v", s.Engine, err)
	}
	s.Port, s.PlainPort = freePort(t), 0
	s.Start(t)
	t.Logf("%s on port %d after %s", s.Engine, s.Port, time.Since(began).Round(time.Millisecond))
	return s
}

// fill gives the server its data directory, made once per process.
func (s *Server) fill(own *syscall.Credential) error {
	shared.Lock()
	defer shared.Unlock()
	template := shared.templates[s.Engine]
	if template == "" {
		if err := s.kind.install(s.dir, own); err != nil {
			return err
		}
		// Kept beside the data: it goes when this server goes, so the next one
		// can only be copied while the first runs. Tests that start several
		// begin with the shared one.
		template = filepath.Join(s.dir, "template")
		if err := run(own, "cp", "-a", filepath.Join(s.dir, "data"), template); err != nil {
			return err
		}
		shared.templates[s.Engine] = template
		return nil
	}
	return run(own, "cp", "-a", template, filepath.Join(s.dir, "data"))
}

// watch ends the server when its standard input ends, and removes the directory
// unless it was told to keep it.
const watch = `dir=$1 signal=$2; shift 2
"$@" </dev/null >>"$dir/log" 2>&1 & server=$!
read -r word
kill -$signal $server 2>/dev/null
wait $server 2>/dev/null
[ "$word" = keep ] || rm -rf "$dir"`

// Start starts a server that was stopped, on the same port and data.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	own := unprivileged(t)
	cmd, err := s.kind.command(s)
	if err != nil {
		t.Fatal(err)
	}
	signal := "KILL"
	if s.Engine == "postgres" {
		signal = "QUIT" // at once, but with its shared memory given back
	}
	cmd = exec.Command("/bin/sh", append([]string{"-c", watch, "watch", s.dir, signal}, cmd.Args...)...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: own, Setpgid: true}
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		cmd.Wait()
		close(done)
	}()
	s.mu.Lock()
	s.stop, s.done = stop, done
	s.mu.Unlock()
	s.await(t)
}

// await waits until the administrator can sign in.
func (s *Server) await(t testing.TB) {
	t.Helper()
	var err error
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err = s.kind.exec(s, s.Admin, s.Password, ""); err == nil {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	s.end("")
	t.Fatalf("%s did not start: %v\n%s", s.Engine, err, log)
}

// Stop ends the server at once, as a crash would, and keeps its data.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end("keep\n")
}

func (s *Server) end(word string) {
	s.mu.Lock()
	stop, done := s.stop, s.done
	s.stop = nil
	s.mu.Unlock()
	if stop == nil {
		if word == "" {
			os.RemoveAll(s.dir)
		}
		return
	}
	io.WriteString(stop, word)
	stop.Close()
	<-done
}

// unprivileged is who servers run as: nobody if this is root, for PostgreSQL
// refuses to run as root.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// give makes a file the server's.
func give(path string, own *syscall.Credential) error {
	if own == nil {
		return nil
	}
	return os.Chown(path, int(own.Uid), int(own.Gid))
}

// write makes a file that only the server may read.
func write(path string, data []byte, own *syscall.Credential) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	return give(path, own)
}

// run executes a command as the server's user.
func run(own *syscall.Credential, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: own}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// find answers the path of a server's program.
func find(t testing.TB, name string, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		if found, _ := filepath.Glob(p); len(found) > 0 {
			return found[len(found)-1] // the newest version
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: run make deps", name)
	}
	t.Skipf("%s is not installed: run make deps", name)
	return ""
}
