package proof

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
)

// command runs the program and answers what it wrote and whether it ended well.
func command(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err == nil
}

// Security requirement 16: a backup tells nothing to who lacks the recipient's
// key, is refused when a byte of it is not as it was, and what was revoked after
// it stays revoked when it is restored.
func TestBackups(t *testing.T) {
	dir := t.TempDir()
	data, file, identity := filepath.Join(dir, "data"), filepath.Join(dir, "b.redoubt"), filepath.Join(dir, "identity")
	seal := filepath.Join(dir, "seal.key")
	p := launch(t, data, "--seal-key", seal)
	s := p.session(t, func() {})
	ann := credential{id: p.must(t, &iamapi.Model, "ListAccessKeys", object{"UserName": "ann"}, p.admin).at("AccessKeyMetadata.member.AccessKeyId"), secret: string(s["user's secret key"])}
	p.must(t, &stsapi.Model, "GetCallerIdentity", object{}, ann)
	kept := p.must(t, &kmsapi.Model, "CreateKey", object{}, p.admin).at("KeyMetadata.KeyId")
	box := p.must(t, &kmsapi.Model, "Encrypt", object{"KeyId": kept, "Plaintext": []byte("kept")}, p.admin).at("CiphertextBlob")
	imported := p.must(t, &kmsapi.Model, "DescribeKey", object{"KeyId": "alias/" + marked}, p.admin).at("KeyMetadata.KeyId")

	do := func(want bool, args ...string) string {
		t.Helper()
		out, ok := command(t, args...)
		if ok != want {
			t.Fatalf("redoubt %s: %s", strings.Join(args, " "), out)
		}
		return out
	}
	out := do(true, "backup", "keygen", identity)
	at := strings.Index(out, "redoubt-backup-recipient-")
	if at < 0 {
		t.Fatal(out)
	}
	recipient := strings.Fields(out[at:])[0]
	do(true, "backup", file, "--recipient", recipient, "--data", data)
	do(true, "backup", "verify", file, "--identity", identity)

	// Revoked after the backup: an access key and the material of a key.
	p.must(t, &iamapi.Model, "DeleteAccessKey", object{"UserName": "ann", "AccessKeyId": ann.id}, p.admin)
	p.must(t, &kmsapi.Model, "DeleteImportedKeyMaterial", object{"KeyId": imported}, p.admin)
	p.stop(t)

	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s["name of an alias"] = []byte(marked)
	for _, what := range s.hits(b) {
		t.Errorf("%s lies in the backup in the clear", what)
	}
	broken := filepath.Join(dir, "broken")
	for what, c := range map[string][]byte{
		"cut short": b[:len(b)-1], "half of it": b[:len(b)/2], "longer": append(append([]byte(nil), b...), 0), "empty": nil,
		"a bit in the middle": flip(b, len(b)/2), "a bit of the head": flip(b, 40), "a bit at the end": flip(b, len(b)-1),
	} {
		if err := os.WriteFile(broken, c, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, ok := command(t, "backup", "verify", broken, "--identity", identity); ok {
			t.Errorf("%s: verified: %s", what, out)
		}
		if out, ok := command(t, "restore", broken, "--identity", identity, "--ledger", filepath.Join(data, "ledger"), "--data", filepath.Join(dir, "never"), "--seal-key", seal); ok {
			t.Errorf("%s: restored: %s", what, out)
		}
		os.RemoveAll(filepath.Join(dir, "never"))
	}
	do(true, "backup", "keygen", identity+"-2")
	do(false, "backup", "verify", file, "--identity", identity+"-2")

	restored := filepath.Join(dir, "restored")
	do(false, "restore", file, "--identity", identity, "--data", restored, "--seal-key", seal) // without a ledger nobody knows what was revoked
	os.RemoveAll(restored)
	out = do(true, "restore", file, "--identity", identity, "--ledger", filepath.Join(data, "ledger"), "--data", restored, "--seal-key", seal)
	// Material that was deleted can have been imported again: the key has changed,
	// and is named for review (docs/backup.md).
	if !strings.Contains(out, imported) || !strings.Contains(out, ann.id) {
		t.Errorf("what was revoked or changed is not named: %s", out)
	}
	q, _ := restart(t, restored, p.admin, "--seal-key", seal)
	if got := q.must(t, &kmsapi.Model, "Decrypt", object{"CiphertextBlob": unbase64(t, box)}, q.admin).at("Plaintext"); got != "a2VwdA==" {
		t.Errorf("what was kept: %q", got)
	}
	if a := q.call(&stsapi.Model, "GetCallerIdentity", object{}, ann); a.code != "InvalidClientTokenId" {
		t.Errorf("an access key that was revoked after the backup: %v", a)
	}
	q.stop(t)
}

// flip answers b with one bit changed.
func flip(b []byte, at int) []byte {
	c := append([]byte(nil), b...)
	c[at] ^= 1
	return c
}
