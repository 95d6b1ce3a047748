package proof

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
)

// Security requirement 14: the credentials file is made once. Deleting it makes no
// new ones, and the key it held goes on.
func TestCredentialsAreMadeOnce(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, data)
	admin := p.admin
	path := filepath.Join(data, "credentials")
	for name, mode := range map[string]os.FileMode{"": 0o700 | os.ModeDir, "credentials": 0o600, "seal.key": 0o600, "control-token": 0o600, "store": 0o700 | os.ModeDir} {
		if fi, err := os.Stat(filepath.Join(data, name)); err != nil || fi.Mode() != mode {
			t.Errorf("%s: %v %v, want %v", name, fi.Mode(), err, mode)
		}
	}
	p.stop(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p, _ = restart(t, data, admin)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is back: %v", err)
	}
	keys := p.must(t, &iamapi.Model, "ListAccessKeys", object{"UserName": "admin"}, admin)
	if got := keys.at("AccessKeyMetadata.member.AccessKeyId"); got != admin.id {
		t.Errorf("the administrator's keys: %v", keys)
	}
	p.stop(t)
	// Looser modes are refused, and so is a link in its place.
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, data, "credentials")
	os.Remove(path)
	if err := os.Symlink("/etc/hostname", path); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, data, "credentials")
	os.Remove(path)
	os.Chmod(data, 0o755)
	refusesToStart(t, data, "0755")
}

// refusesToStart fails the test if a server starts on data, or does not say why
// not.
func refusesToStart(t *testing.T, data, why string, args ...string) {
	t.Helper()
	p := spawn(t, data, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		t.Errorf("it starts, although %s\n%s", why, p.log)
		return
	}
	if p.cmd.ProcessState.Success() || !strings.Contains(p.log.String(), why) {
		t.Errorf("%v: does not say %q: %s", p.cmd.ProcessState, why, p.log)
	}
}

// Security requirement 2: neither mode opens the other's data.
func TestModesDoNotMix(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, data)
	if a := p.post("/_redoubt/clock", readToken(t, data), `{"advance":"1h"}`); a.status != 404 {
		t.Errorf("a server for production has a clock to move: %v", a)
	}
	p.stop(t)
	refusesToStart(t, data, "dev", "--dev")
	other := filepath.Join(t.TempDir(), "dev")
	launch(t, other, "--dev").stop(t)
	refusesToStart(t, other, "dev")
	refusesToStart(t, filepath.Join(t.TempDir(), "x"), "loopback", "--dev", "--listen", "0.0.0.0:0")
}

func readToken(t *testing.T, data string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "control-token"))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(b))
}

// Security requirement 17: after a rotation of the seal the old one opens nothing,
// the new one everything; and calls go on meanwhile.
func TestSealRotates(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.key"), filepath.Join(dir, "second.key")
	p := launch(t, data, "--seal-key", first)
	admin := p.admin
	kept, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	key := p.must(t, &kmsapi.Model, "CreateKey", object{}, admin).at("KeyMetadata.KeyId")
	box := p.must(t, &kmsapi.Model, "Encrypt", object{"KeyId": key, "Plaintext": []byte("kept")}, admin).at("CiphertextBlob")
	var over atomic.Bool
	var calls, failures atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !over.Load() {
			calls.Add(1)
			if a := p.call(&kmsapi.Model, "GenerateDataKey", object{"KeyId": key, "KeySpec": "AES_256"}, admin); !a.ok() {
				failures.Add(1)
				t.Errorf("while the seal rotates: %v", a)
			}
		}
	}()
	p.must(t, &redoubtapi.Model, "RotateSeal", object{"Kind": "file", "KeyFile": second, "RotateRoot": true}, admin)
	for before := calls.Load(); calls.Load() < before+20; {
		time.Sleep(time.Millisecond)
	}
	over.Store(true)
	<-done
	t.Logf("%d calls meanwhile and after", calls.Load())
	old, err := os.ReadFile(first)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	p.kill() // not even an orderly stop

	// The old seal, and one that never was: the server starts, sealed, and serves
	// nothing.
	wrong := filepath.Join(dir, "wrong.key")
	b := make([]byte, 32)
	rand.Read(b)
	if err := os.WriteFile(wrong, []byte(fmt.Sprintf("%x\n", b)), 0o600); err != nil {
		t.Fatal(err)
	}
	if old == nil {
		t.Log("the old key is gone")
		if err := os.WriteFile(first, kept, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{first, wrong} {
		q := spawn(t, data, "--listen", "127.0.0.1:0", "--seal-key", path)
		q.await(t, func() error {
			url, err := os.ReadFile(filepath.Join(data, "endpoint"))
			if err != nil || len(url) == 0 {
				return fmt.Errorf("no endpoint: %v", err)
			}
			q.endpoint = newEndpoint(t, strings.TrimSpace(string(url)))
			return q.get("/_redoubt/health").err
		})
		if a := q.get("/_redoubt/health"); a.status != 503 || !strings.Contains(string(a.body), "sealed") {
			t.Errorf("health under another seal: %d %s", a.status, a.body)
		}
		if a := q.call(&kmsapi.Model, "DescribeKey", object{"KeyId": key}, admin); a.status != 503 {
			t.Errorf("a call under another seal: %v", a)
		}
		q.stop(t)
	}
	q := launch(t, data, "--seal-key", second)
	blob := unbase64(t, box)
	if got := q.must(t, &kmsapi.Model, "Decrypt", object{"CiphertextBlob": blob}, admin).at("Plaintext"); got != "a2VwdA==" {
		t.Errorf("under the new seal: %q", got)
	}
	q.stop(t)
}
