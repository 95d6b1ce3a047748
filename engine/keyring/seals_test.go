package keyring

import (
	"bytes"
	"crypto/fips140"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeyFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	s := NewFileSeal(filepath.Join(dir, "seal.key"))
	open(t, newDB(t), s).Close()
	info, err := os.Stat(s.path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	text, _ := os.ReadFile(s.path)
	for name, spoil := range map[string]func(path string){
		"readable by others": func(p string) { os.Chmod(p, 0o604) },
		"readable by group":  func(p string) { os.Chmod(p, 0o640) },
		"a link":             func(p string) { os.Rename(p, p+".real"); os.Symlink(p+".real", p) },
		"a directory":        func(p string) { os.Remove(p); os.Mkdir(p, 0o700) },
		"empty":              func(p string) { os.Truncate(p, 0) },
		"short":              func(p string) { os.Truncate(p, 40) },
		"too large":          func(p string) { os.WriteFile(p, bytes.Repeat(text, 200), 0o600) },
		"not a key":          func(p string) { os.WriteFile(p, []byte("hello\n"), 0o600) },
		"missing":            func(p string) { os.Remove(p) },
	} {
		p := filepath.Join(t.TempDir(), "seal.key")
		if err := os.WriteFile(p, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewFileSeal(p).read(); err != nil {
			t.Fatal(err)
		}
		spoil(p)
		if _, err := NewFileSeal(p).read(); err == nil {
			t.Errorf("a key file that is %s was read", name)
		} else if strings.Contains(err.Error(), string(text[20:40])) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	// Making a key never follows a link nor overwrites.
	target := filepath.Join(dir, "victim")
	link := filepath.Join(dir, "link")
	os.Symlink(target, link)
	if _, err := NewFileSeal(link).create(); err == nil {
		t.Error("made through a link")
	}
	if _, err := s.create(); err == nil {
		t.Error("overwritten")
	}
}

func TestPassphrase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "phrase")
	os.WriteFile(file, []byte("correct horse\r\n"), 0o600)
	t.Setenv("REDOUBT_TEST_PASSPHRASE", "correct horse")
	w, err := PassphraseFromFile(file).Wrap(ctx, []byte("root"), []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := PassphraseFromEnv("REDOUBT_TEST_PASSPHRASE").Unwrap(ctx, w, []byte("aad"))
	if err != nil || string(root) != "root" {
		t.Fatal(root, err)
	}
	var p passphraseParams
	json.Unmarshal(w.Params, &p)
	if want := map[bool]string{false: "argon2id", true: "pbkdf2-hmac-sha256"}[fips140.Enabled()]; p.KDF != want {
		t.Errorf("derived by %s", p.KDF)
	}
	_, err = PassphraseFromEnv("REDOUBT_TEST_PASSPHRASE").Unwrap(ctx, w, []byte("other"))
	wantErr(t, err, ErrWrongSeal)
	os.WriteFile(file, []byte("wrong horse"), 0o600)
	_, err = PassphraseFromFile(file).Unwrap(ctx, w, []byte("aad"))
	wantErr(t, err, ErrWrongSeal)
	if _, err := passphrase(t, "short").Wrap(ctx, []byte("root"), nil); err == nil {
		t.Error("a short passphrase was taken")
	}
	if _, err := PassphraseFromEnv("REDOUBT_TEST_ABSENT").Unwrap(ctx, w, nil); err == nil {
		t.Error("no passphrase, no error")
	}
	// Records cannot ask for endless work or memory.
	for _, params := range []string{`{`, `{}`, `{"KDF":"argon2id","Salt":"AAAAAAAAAAAAAAAAAAAAAA==","Time":1,"Memory":4294967295,"Threads":1}`,
		`{"KDF":"argon2id","Salt":"","Time":1,"Memory":64,"Threads":1}`,
		`{"KDF":"argon2id","Salt":"AAAAAAAAAAAAAAAAAAAAAA==","Time":0,"Memory":64,"Threads":0}`,
		`{"KDF":"pbkdf2-hmac-sha256","Salt":"AAAAAAAAAAAAAAAAAAAAAA==","Rounds":2000000000}`} {
		start := time.Now()
		if _, err := passphrase(t, "correct horse").Unwrap(ctx, Wrap{"passphrase", json.RawMessage(params), w.Blob}, nil); err == nil {
			t.Errorf("%s: no error", params)
		}
		if time.Since(start) > time.Second {
			t.Errorf("%s: took %s", params, time.Since(start))
		}
	}
}

// fakeKMS answers Encrypt and Decrypt as AWS does, without being one: what it
// checks is what travels.
type fakeKMS struct {
	t      *testing.T
	signed int
	fail   string // __type to answer
	hold   map[string]kmsMessage
}

func (f *fakeKMS) Sign(r *http.Request, body []byte, now time.Time) {
	f.signed++
	r.Header.Set("Authorization", "signed")
}

func (f *fakeKMS) Do(r *http.Request) (*http.Response, error) {
	answer := func(status int, v any) (*http.Response, error) {
		b, _ := json.Marshal(v)
		return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(b))}, nil
	}
	if r.URL.String() != "https://kms.example.com/" || r.Header.Get("Authorization") == "" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		f.t.Errorf("request %v", r)
	}
	if f.fail != "" {
		return answer(400, map[string]string{"__type": f.fail, "message": "no"})
	}
	var in kmsMessage
	json.NewDecoder(r.Body).Decode(&in)
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.Encrypt":
		id := "blob " + in.KeyID
		f.hold[id] = in
		return answer(200, map[string]any{"CiphertextBlob": []byte(id), "KeyId": in.KeyID})
	case "TrentService.Decrypt":
		held, ok := f.hold[string(in.CiphertextBlob)]
		if !ok || held.EncryptionContext["redoubt:binding"] != in.EncryptionContext["redoubt:binding"] {
			return answer(400, map[string]string{"__type": "InvalidCiphertextException"})
		}
		if held.KeyID != in.KeyID {
			return answer(400, map[string]string{"__type": "com.amazonaws.kms#IncorrectKeyException"})
		}
		return answer(200, map[string]any{"Plaintext": held.Plaintext})
	}
	return answer(501, nil)
}

func TestKMSSeal(t *testing.T) {
	kms := &fakeKMS{t: t, hold: map[string]kmsMessage{}}
	s := NewKMSSeal("https://kms.example.com/", "alias/root", kms, kms)
	db := newDB(t)
	k := open(t, db, s)
	blob := seal(t, k, "p", "", "x")
	k.Close()
	wantOpens(t, open(t, db, NewKMSSeal("https://kms.example.com", "alias/root", kms, kms)), "p", "", blob, "x")
	if kms.signed == 0 {
		t.Error("nothing was signed")
	}
	other := open(t, db, NewKMSSeal("https://kms.example.com", "alias/other", kms, kms))
	wantErr(t, other.Unseal(ctx), ErrWrongSeal)

	// The endpoint is away: sealed, and unsealed as soon as it is back.
	kms.fail = "AccessDeniedException"
	away := open(t, db, NewKMSSeal("https://kms.example.com", "alias/root", kms, kms))
	if s := away.Status(); !s.Sealed || !strings.Contains(s.Reason, "AccessDeniedException") {
		t.Errorf("status %+v", s)
	}
	kms.fail = ""
	run(t, away)
	until(t, "unsealed", func() bool { return !away.Status().Sealed })

	// An endpoint that answers another root key than it was given is found out.
	for id, m := range kms.hold {
		m.Plaintext = make([]byte, rootSize)
		kms.hold[id] = m
	}
	wantErr(t, open(t, db, s).Unseal(ctx), ErrWrongSeal)
}
