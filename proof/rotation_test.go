package proof

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// TestKillRotation kills the server at every point of a rotation: before each
// write of its store and after each flush, before each piece that passes between
// it and the database in either direction. At each of them an application that
// knows the secret's versions gets in: alternating users with AWSCURRENT, a single
// user with AWSCURRENT or, once its password is set, AWSPENDING, as with AWS's
// templates. Started again, the server ends the rotation by itself, at once.
func TestKillRotation(t *testing.T) {
	for _, x := range []struct {
		engine string
		start  func(testing.TB) *rotatetest.Server
	}{{"MariaDB", rotatetest.StartMariaDB}, {"PostgreSQL", rotatetest.StartPostgres}} {
		t.Run(x.engine, func(t *testing.T) {
			t.Parallel()
			for _, scheme := range []string{"SingleUser", "MultiUser"} {
				t.Run(scheme, func(t *testing.T) {
					killRotation(t, x.start(t), "SecretsManager"+x.engine+"Rotation"+scheme, scheme == "MultiUser")
				})
			}
		})
	}
}

// killer ends a server at the nth point from now.
type killer struct {
	mu     sync.Mutex
	left   int
	points int
	end    func()
	fired  chan struct{}
}

// arm counts from now; left 0 counts only.
func (k *killer) arm(left int, end func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.points, k.end, k.fired = left, 0, end, make(chan struct{})
}

// disarm reports whether that point has been.
func (k *killer) disarm() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = 0
	select {
	case <-k.fired:
		return true
	default:
		return false
	}
}

// point is passed only while the server lives, or by nothing that matters.
func (k *killer) point() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.points++
	if k.left == 0 {
		return
	}
	if k.left--; k.left == 0 {
		k.end()
		close(k.fired)
	}
}

// rotating is a secret under test and the database that it is for.
type rotating struct {
	*process
	db       *rotatetest.Server
	id       string
	user     string
	first    string // password
	token    string // of the version that is being made
	multi    bool
	function string
}

const firstPassword = "F1rst-passw0rd"

func killRotation(t *testing.T, db *rotatetest.Server, function string, multi bool) {
	k := &killer{}
	wire := newTap(t, net.JoinHostPort(db.Host, strconv.Itoa(db.Port)), k.point)
	data := filepath.Join(t.TempDir(), "data")
	p := watched(t, data, k.point)
	call := func(op string, in object) tree { return p.must(t, &secretsmanagerapi.Model, op, in, p.admin) }
	p.must(t, &lambdaapi.Model, "AddPermission", object{
		"FunctionName": function, "StatementId": "rotation", "Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com",
	}, p.admin)
	secret := func(name, user, password string, more object) string {
		value := db.Secret(user, password)
		value["port"], value["ssl"] = wire.port(), !multi
		for k, v := range more {
			value[k] = v
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return call("CreateSecret", object{"Name": name, "SecretString": string(text), "ClientRequestToken": newToken()}).at("ARN")
	}
	master := secret("master", db.Admin, db.Password, nil)
	tag := strings.ToLower(function[len("SecretsManager"):][:3] + function[len(function)-10:][:2])

	every := 9 // each point starts a server: all of them only with REDOUBT_SOAK=1
	if soak {
		every = 1
	}
	killed := 0
	for n := 1; ; n += every {
		r := &rotating{process: p, db: db, user: fmt.Sprintf("%s%d", tag, n), first: firstPassword, token: newToken(), multi: multi, function: function}
		db.AddUser(t, r.user, r.first)
		var more object
		if multi {
			more = object{"masterarn": master}
		}
		r.id = secret(r.user, r.user, r.first, more)

		k.arm(n, func() { p.kill(); wire.cut() })
		a := r.rotate()
		if r.await(t, k.fired); !k.disarm() {
			if !a.ok() {
				t.Fatal(a)
			}
			r.check(t, "nothing was killed")
			t.Logf("killed at %d of %d points", killed, n-1)
			if n < 60 {
				t.Errorf("only %d points", n-1)
			}
			break
		}
		killed++
		at := fmt.Sprintf("killed at point %d", n)
		if err := db.Try(r.user, r.first); multi && err != nil {
			t.Fatalf("%s: the user whose turn it is not: %v", at, err)
		}

		// The rotation stands still until the application has tried its luck.
		wire.shutOff(true)
		p = watched(t, data, k.point)
		r.process = p
		r.enter(t, at)
		if !a.ok() { // the call was not answered: whoever made it makes it again
			if a := r.rotate(); !a.ok() && a.code != "InvalidRequestException" {
				t.Fatalf("%s, then: %v", at, a)
			}
		}
		wire.shutOff(false)
		for began := time.Now(); !r.done(t); time.Sleep(50 * time.Millisecond) {
			r.enter(t, at)
			if time.Since(began) > 30*time.Second {
				t.Fatalf("%s: the rotation does not go on: %s\n%.4000s", at, r.describe(t), p.log)
			}
		}
		r.check(t, at)
	}
	p.stop(t)
	p.quiet(t)
}

func newToken() string { return fmt.Sprintf("%032x", time.Now().UnixNano()) }

func (r *rotating) call(operation string, in object) *answer {
	return r.process.call(&secretsmanagerapi.Model, operation, in, r.admin)
}

func (r *rotating) rotate() *answer {
	return r.call("RotateSecret", object{
		"SecretId": r.id, "ClientRequestToken": r.token, "RotationRules": object{"AutomaticallyAfterDays": int64(30)},
		"RotationLambdaARN": "arn:aws:lambda:us-east-1:" + strings.Split(r.id, ":")[4] + ":function:" + r.function,
	})
}

// await waits until the rotation is done or the server was killed.
func (r *rotating) await(t *testing.T, fired <-chan struct{}) {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(5 * time.Millisecond) {
		select {
		case <-fired:
			return
		default:
		}
		a := r.call("DescribeSecret", object{"SecretId": r.id})
		if a.ok() && settled(stages(a), r.token) {
			return
		}
	}
	t.Fatalf("neither killed nor done\n%.4000s", r.log)
}

// stages are the labels of each version.
func stages(a *answer) map[string][]string {
	var out struct{ VersionIdsToStages map[string][]string }
	json.Unmarshal(a.body, &out)
	return out.VersionIdsToStages
}

func settled(stages map[string][]string, token string) bool {
	return slices.Equal(stages[token], []string{"AWSCURRENT"})
}

func (r *rotating) describe(t *testing.T) string {
	t.Helper()
	a := r.call("DescribeSecret", object{"SecretId": r.id})
	if !a.ok() {
		t.Fatal(a)
	}
	return string(a.body)
}

func (r *rotating) done(t *testing.T) bool {
	t.Helper()
	a := r.call("DescribeSecret", object{"SecretId": r.id})
	if !a.ok() {
		t.Fatal(a)
	}
	return settled(stages(a), r.token)
}

// login is what a version of the secret says; nothing if there is no such version.
func (r *rotating) login(t *testing.T, stage string) (user, password string) {
	t.Helper()
	a := r.call("GetSecretValue", object{"SecretId": r.id, "VersionStage": stage})
	if a.code == "ResourceNotFoundException" {
		return "", ""
	}
	if !a.ok() {
		t.Fatal(a)
	}
	var v struct{ Username, Password string }
	if err := json.Unmarshal([]byte(a.fields().at("SecretString")), &v); err != nil {
		t.Fatal(err)
	}
	return v.Username, v.Password
}

// enter signs in as an application does that knows what the secret says now. What it
// says may change between two questions: who was refused looks again.
func (r *rotating) enter(t *testing.T, at string) {
	t.Helper()
	versions := []string{"AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"}
	if r.multi {
		versions = versions[:2]
	}
	for last := ""; ; {
		var read []string
		var err error
		for _, stage := range versions {
			user, password := r.login(t, stage)
			read = append(read, user, password)
		}
		for k := 0; k < len(read); k += 2 {
			if read[k] == "" {
				continue
			}
			if err = r.db.Try(read[k], read[k+1]); err == nil {
				return
			}
		}
		now := strings.Join(read, "\x00")
		if now == last {
			t.Fatalf("%s: nobody gets in: %v", at, err)
		}
		last = now
	}
}

// check looks at a rotation that is done.
func (r *rotating) check(t *testing.T, at string) {
	t.Helper()
	user, password := r.login(t, "AWSCURRENT")
	if err := r.db.Try(user, password); err != nil {
		t.Fatalf("%s: AWSCURRENT: %v", at, err)
	}
	want := r.user
	if r.multi {
		want += "_clone"
	}
	if user != want || password == r.first {
		t.Errorf("%s: AWSCURRENT is of user %s, whose password is old: %t", at, user, password == r.first)
	}
	if err := r.db.Try(r.user, r.first); r.multi != (err == nil) {
		t.Errorf("%s: the user and password of before: %v", at, err)
	}
}
