package keyring

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// TestFips runs this package's tests once more in each of Go's FIPS 140-3 modes,
// which a process has from its start on.
func TestFips(t *testing.T) {
	if os.Getenv("KEYRING_FIPS") != "" {
		return
	}
	for _, mode := range []string{"on", "only"} {
		cmd := exec.Command(os.Args[0], "-test.skip=Idle")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode, "KEYRING_FIPS="+mode)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", mode, err, out)
		}
	}
}

// TestFipsArgon2id: a root key under argon2id, from before, opens in all modes
// but fips140=only.
func TestFipsArgon2id(t *testing.T) {
	params := `{"KDF":"argon2id","Salt":"AAAAAAAAAAAAAAAAAAAAAA==","Time":1,"Memory":64,"Threads":1}`
	var p passphraseParams
	if err := json.Unmarshal([]byte(params), &p); err != nil {
		t.Fatal(err)
	}
	s := passphrase(t, "correct horse")
	key, err := s.derive(p)
	if os.Getenv("KEYRING_FIPS") == "only" {
		if err == nil || !strings.Contains(err.Error(), "FIPS") {
			t.Errorf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	blob := message.Append(nil, key, passphraseLabel, nil, []byte("root"))
	root, err := s.Unwrap(ctx, Wrap{"passphrase", json.RawMessage(params), blob}, nil)
	if err != nil || string(root) != "root" {
		t.Errorf("%q, %v", root, err)
	}
}
