//go:build linux

package keyring_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("KEYRING_VICTIM"); dir != "" {
		victim(dir)
		return
	}
	os.Exit(m.Run())
}

// mask keeps the patterns that are searched for from being found where they
// are written down.
func mask(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c ^ 0xa5
	}
	return out
}

// victim makes keys of every kind, uses them as a server does, and goes idle.
// It says, masked, what must not be found in its memory.
func victim(dir string) {
	check := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	k, err := keyring.Open(context.Background(), store.Open(memory.New(), 0), keyring.NewFileSeal(filepath.Join(dir, "seal.key")), redoubt.Wall{})
	check(err)
	sealed := map[material.Spec][]byte{}
	specs := []material.Spec{material.Symmetric, material.HMAC256, material.RSA2048, material.P256, material.P384, material.P521,
		material.Secp256k1, material.Ed25519, material.MLDSA44}
	for _, spec := range specs {
		m, err := material.Generate(spec)
		check(err)
		harden.Do(func() {
			for what, secret := range secrets(spec, m) {
				fmt.Printf("secret %s/%s %x\n", spec, what, mask(secret))
			}
		})
		sealed[spec], err = k.Seal("kms.material", []byte(spec), m)
		check(err)
		m.Wipe()
	}
	header := material.Header{Account: "123456789012", KeyID: "mrk-" + strings.Repeat("0a", 16), MaterialID: strings.Repeat("0b", 32)}
	digest := make([]byte, 32)
	for range 200 {
		for _, spec := range specs {
			if spec == material.RSA2048 && sealed[spec][20]%2 == 0 {
				continue // half of the time is enough for the slowest
			}
			m, err := k.Open("kms.material", []byte(spec), sealed[spec])
			check(err)
			use(check, header, spec, m, digest)
			material.Material(m).Wipe()
		}
	}
	planted := make([]byte, 32) // a key that somebody forgot to wipe
	rand.Read(planted)
	fmt.Printf("planted x %x\n", mask(planted))
	time.Sleep(3 * time.Second) // keys are idle when they were not used for one
	for range 3 {
		runtime.GC()
	}
	fmt.Println("idle")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(planted)
}

func use(check func(error), h material.Header, spec material.Spec, m material.Material, digest []byte) {
	var err error
	switch alg := spec.Algorithms(material.SignVerify).Signing; {
	case spec == material.Symmetric:
		var blob []byte
		blob, err = material.Encrypt(h, m, digest, nil)
		check(err)
		_, err = material.Decrypt(m, blob, nil)
	case spec == material.HMAC256:
		_, err = material.MAC(material.HMACSHA256, spec, m, digest)
	default:
		_, err = material.Sign(alg[0], spec, m, material.Raw, digest)
	}
	check(err)
}

// secrets are the byte patterns that give a key away: as it is, as HMAC's pads
// mask it, and the numbers in it in both orders of bytes.
func secrets(spec material.Spec, m material.Material) map[string][]byte {
	out := map[string][]byte{}
	number := func(name string, b []byte) {
		out[name] = b
		back := slices.Clone(b)
		slices.Reverse(back)
		out[name+" reversed"] = back
	}
	if !spec.Asymmetric() {
		out["raw"] = bytes.Clone(m)
		for _, pad := range []byte{0x36, 0x5c} {
			p := bytes.Clone(m)
			for i := range p {
				p[i] ^= pad
			}
			out[fmt.Sprintf("masked %x", pad)] = p
		}
		return out
	}
	if spec == material.MLDSA44 {
		out["seed"] = bytes.Clone(m)
		return out
	}
	parsed, err := x509.ParsePKCS8PrivateKey(m)
	if err != nil { // secp256k1: the 32 bytes behind version and octet string header
		i := bytes.Index(m, []byte{2, 1, 1, 4, 32})
		number("scalar", bytes.Clone(m[i+5:i+37]))
		return out
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		for i, p := range append([]*big.Int{key.D}, key.Primes...) {
			number(fmt.Sprint("number ", i), p.Bytes())
		}
	case *ecdsa.PrivateKey:
		scalar, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		number("scalar", scalar)
	case ed25519.PrivateKey:
		out["seed"] = bytes.Clone(key.Seed())
	}
	return out
}

// TestIdleKeysAreNotInMemory reads the whole memory of a process whose keys are
// idle. What must be found shows that the search works: a planted marker, and
// nothing else.
func TestIdleKeysAreNotInMemory(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "KEYRING_VICTIM="+t.TempDir())
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); cmd.Wait() }()
	patterns := map[string][]byte{}
	idle := false
	for in := bufio.NewScanner(stdout); !idle && in.Scan(); {
		f := strings.Fields(in.Text())
		switch f[0] {
		case "secret", "planted":
			p, err := hex.DecodeString(f[len(f)-1])
			if err != nil {
				t.Fatal(in.Text())
			}
			patterns[strings.Join(f[:len(f)-1], " ")] = p
		case "idle":
			idle = true
		default:
			t.Fatal(in.Text())
		}
	}
	if !idle {
		t.Fatal("the process ended early")
	}
	found := scan(t, cmd.Process.Pid, patterns)
	if found["planted x"] == 0 {
		t.Fatal("the search does not find what was planted")
	}
	for name, n := range found {
		// Without erasure, what the standard library copies stays on the heap
		// until it is reused: private keys, and crypto/hmac's masked keys.
		ours := strings.Contains(name, "SYMMETRIC") || strings.HasSuffix(name, "/raw")
		switch {
		case name == "planted x":
		case ours, harden.Erases:
			t.Errorf("%s: found %d times", name, n)
		default:
			t.Logf("%s: found %d times: built without erasure", name, n)
		}
	}
}

// scan counts the places in the writable memory of a process that hold each of
// the masked patterns.
func scan(t *testing.T, pid int, patterns map[string][]byte) map[string]int {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skip("not allowed to read the memory of a child process: ", err)
	}
	defer mem.Close()
	found := map[string]int{}
	var total int64
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || mode[:2] != "rw" {
			continue
		}
		const step, overlap = 1 << 22, 1 << 10
		buf := make([]byte, step+overlap)
		for at := from; at < to; at += step {
			n, _ := mem.ReadAt(buf[:min(step+overlap, to-at)], at)
			chunk := mask(buf[:n])
			total += int64(n)
			for name, p := range patterns {
				for off := 0; ; {
					i := bytes.Index(chunk[off:], p)
					if i < 0 || off+i >= step {
						break
					}
					found[name]++
					off += i + 1
				}
			}
		}
	}
	t.Logf("searched %d MB for %d patterns", total>>20, len(patterns))
	return found
}
