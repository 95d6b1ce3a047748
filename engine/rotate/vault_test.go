package rotate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// vault is Secrets Manager as rotations see it, in memory.
type vault struct {
	t         testing.TB
	mu        sync.Mutex
	secrets   map[string]*secret
	fuse      *fuse
	passwords map[string]bool // every password that ever was in it
}

type secret struct {
	cancelled bool
	values    map[string]string   // by version
	stages    map[string][]string // by version
}

func newVault(t testing.TB) *vault {
	return &vault{t: t, secrets: map[string]*secret{}, fuse: new(fuse), passwords: map[string]bool{}}
}

// put stores a secret with one version, v1, that is current.
func (v *vault) put(id string, value map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b, err := json.Marshal(value)
	if err != nil {
		v.t.Fatal(err)
	}
	v.see(string(b))
	v.secrets[id] = &secret{values: map[string]string{"v1": string(b)}, stages: map[string][]string{"v1": {Current}}}
}

func (v *vault) see(value string) {
	var m struct{ Password string }
	if json.Unmarshal([]byte(value), &m) == nil && len(m.Password) > 3 {
		v.passwords[m.Password] = true
	}
}

// begin makes a version as RotateSecret does: staged, without a value.
func (v *vault) begin(id, token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[id]
	for version, stages := range s.stages {
		s.stages[version] = slices.DeleteFunc(stages, func(l string) bool { return l == Pending })
	}
	s.stages[token] = append(s.stages[token], Pending)
}

// end takes AWSPENDING from the version that became current.
func (v *vault) end(id, token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[id]
	s.stages[token] = slices.DeleteFunc(s.stages[token], func(l string) bool { return l == Pending })
}

// credentials answers user and password of the version with a stage; "" if
// there is none.
func (v *vault) credentials(id, stage string) (user, password string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[id]
	for version, stages := range s.stages {
		if slices.Contains(stages, stage) {
			var m struct{ Username, Password string }
			json.Unmarshal([]byte(s.values[version]), &m)
			return m.Username, m.Password
		}
	}
	return "", ""
}

func (v *vault) Describe(_ context.Context, id string) (Description, error) {
	if err := v.fuse.check(); err != nil {
		return Description{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[id]
	if s == nil {
		return Description{}, ErrNotFound
	}
	return Description{Cancelled: s.cancelled, Stages: maps.Clone(s.stages)}, nil
}

func (v *vault) Value(_ context.Context, id, version, stage string) (string, error) {
	if err := v.fuse.check(); err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[id]
	if s == nil {
		return "", ErrNotFound
	}
	for known, stages := range s.stages {
		if slices.Contains(stages, stage) && (version == "" || version == known) && s.values[known] != "" {
			return s.values[known], nil
		}
	}
	return "", ErrNotFound
}

func (v *vault) PutPending(_ context.Context, id, version, value string) error {
	return v.fuse.around(func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		s := v.secrets[id]
		if old := s.values[version]; old != "" && old != value {
			return errors.New("ResourceExistsException")
		}
		v.see(value)
		s.values[version] = value
		if !slices.Contains(s.stages[version], Pending) {
			s.stages[version] = append(s.stages[version], Pending)
		}
		return nil
	})
}

func (v *vault) MoveCurrent(_ context.Context, id, to, from string) error {
	return v.fuse.around(func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		s := v.secrets[id]
		if !slices.Contains(s.stages[from], Current) {
			return errors.New("InvalidParameterException")
		}
		for version, stages := range s.stages {
			s.stages[version] = slices.DeleteFunc(stages, func(l string) bool { return l == Previous || l == Current })
		}
		s.stages[from] = append(s.stages[from], Previous)
		s.stages[to] = append(s.stages[to], Current)
		return nil
	})
}

func (v *vault) RandomPassword(_ context.Context, r PasswordRules) (string, error) {
	if r.Length != 32 || !r.RequireEachIncludedType || !strings.Contains(r.ExcludeCharacters, `/@"'\`) {
		v.t.Errorf("rules %+v", r)
	}
	return "nEw1!" + rand.Text()[:22] + ";%$_~", nil
}

// fuse ends a rotation as a crash would: at its n-th effect, counted over writes
// and reads on connections and changes of the vault. From then on nothing works.
type fuse struct {
	mu    sync.Mutex
	left  int // effects until it burns; 0: never
	burnt bool
	open  []net.Conn
}

var errKilled = errors.New("killed")

// set arms the fuse, or repairs it.
func (f *fuse) set(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.burnt, f.open = n, false, nil
}

func (f *fuse) check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.burnt {
		return errKilled
	}
	return nil
}

// tick counts a point at which a crash may come.
func (f *fuse) tick() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.burnt && f.left > 0 {
		if f.left--; f.left == 0 {
			f.burnt = true
			for _, c := range f.open {
				c.Close()
			}
		}
	}
	if f.burnt {
		return errKilled
	}
	return nil
}

// around may end it before and after an effect.
func (f *fuse) around(effect func() error) error {
	if err := f.tick(); err != nil {
		return err
	}
	if err := effect(); err != nil {
		return err
	}
	return f.tick()
}

// fused is a connection that may end before what it writes and after what it
// reads: the other side has then done what it was asked.
type fused struct {
	net.Conn
	fuse *fuse
}

func (c *fused) Write(p []byte) (int, error) {
	if err := c.fuse.tick(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *fused) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if killed := c.fuse.tick(); killed != nil {
		return 0, killed
	}
	return n, err
}

// world is a vault, the functions, and what they said.
type world struct {
	*vault
	engine *Engine
	lines  []string
}

func newWorld(t testing.TB, o Options, allow ...string) *world {
	t.Helper()
	gate, err := egress.New(egress.Config{Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	o.Gate = gate
	w := &world{vault: newVault(t)}
	w.engine = newEngine(o, func(ctx context.Context, address string) (net.Conn, error) {
		if err := w.fuse.check(); err != nil {
			return nil, err
		}
		c, err := gate.Dial(ctx, "rotation", address, egress.Bounds{Connect: connectTime, MaxRead: maxRead})
		if err != nil {
			return nil, err
		}
		w.fuse.mu.Lock()
		w.fuse.open = append(w.fuse.open, c)
		w.fuse.mu.Unlock()
		return &fused{c, w.fuse}, nil
	})
	t.Cleanup(w.noPasswords)
	return w
}

// local is a world whose databases are on the loopback.
func local(t testing.TB) *world { return newWorld(t, Options{}, "127.0.0.1") }

// noPasswords looks for every password in everything that was said.
func (w *world) noPasswords() {
	for _, line := range w.lines {
		for p := range w.passwords {
			if strings.Contains(line, p) {
				w.t.Errorf("a password is in %q", line)
			}
		}
	}
}

// step runs one step.
func (w *world) step(function, id, token, step string) error {
	err := w.engine.Function(function).Run(context.Background(), w, nil, Event{Step: step, SecretID: id, ClientRequestToken: token}, func(l Level, line string) {
		w.lines = append(w.lines, string(l)+" "+line)
	})
	if err != nil {
		w.lines = append(w.lines, err.Error())
	}
	return err
}

// rotate runs the steps until one fails.
func (w *world) rotate(function, id, token string) error {
	w.begin(id, token)
	for _, step := range Steps {
		if err := w.step(function, id, token, step); err != nil {
			return err
		}
	}
	w.end(id, token)
	return nil
}

func (w *world) said(part string) bool {
	return slices.ContainsFunc(w.lines, func(l string) bool { return strings.Contains(l, part) })
}

// target is a database with the functions that rotate its users.
type target struct {
	name  string // of the engine in functions
	start func(testing.TB) *rotatetest.Server
	own   func(testing.TB, rotatetest.Config) *rotatetest.Server
}

var targets = []target{
	{"MariaDB", rotatetest.StartMariaDB, rotatetest.NewMariaDB},
	{"PostgreSQL", rotatetest.StartPostgres, rotatetest.NewPostgres},
	{"Redis", rotatetest.StartRedis, rotatetest.NewRedis},
}

func (tg target) function(s Scheme) string {
	return "SecretsManager" + tg.name + "Rotation" + string(s)
}

// users keeps the names of tests on shared servers apart.
var users struct {
	sync.Mutex
	n int
}

// enrol makes a user in the database and its secret. The master's secret is
// called master. Plain means "ssl": false.
func (w *world) enrol(s *rotatetest.Server, scheme Scheme, plain bool) (id, user string) {
	w.t.Helper()
	users.Lock()
	users.n++
	user = "app" + string(rune('a'+users.n%26)) + string(rune('a'+users.n/26%26)) + string(rune('a'+users.n/676))
	users.Unlock()
	s.AddUser(w.t, user, "f1rst-"+user)
	value, master := s.Secret(user, "f1rst-"+user), s.Secret(s.Admin, s.Password)
	for _, m := range []map[string]any{value, master} {
		if plain {
			m["ssl"], m["port"] = false, s.PlainPort
		} else {
			m["ssl"] = true
		}
	}
	if scheme == MultiUser || s.Engine == "redis" {
		value["masterarn"] = "master"
	}
	id = "arn:" + user
	w.put(id, value)
	w.put("master", master)
	return id, user
}
