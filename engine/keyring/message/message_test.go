package message

import (
	"bytes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestSumIsHMAC(t *testing.T) {
	// RFC 4231 test cases 1, 2 and 6.
	for _, c := range []struct{ key, data, want string }{
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{string(bytes.Repeat([]byte("aa"), 131)),
			"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	} {
		if fips140.Enforced() && len(c.key) < 28 {
			continue // crypto/hmac refuses keys below 112 bits; ours have 256
		}
		var out [32]byte
		sum(&out, unhex(c.key), unhex(c.data))
		if hex.EncodeToString(out[:]) != c.want {
			t.Errorf("%s: %x", c.key, out)
		}
	}
	for n := range 600 {
		key, data := make([]byte, 14+n%60), make([]byte, n)
		rand.Read(key)
		rand.Read(data)
		var out [32]byte
		sum(&out, key, data)
		h := hmac.New(sha256.New, key)
		h.Write(data)
		if !hmac.Equal(out[:], h.Sum(nil)) {
			t.Fatalf("%d bytes", n)
		}
	}
}

func TestDeriveIsCounterKDF(t *testing.T) {
	key, context := make([]byte, 32), make([]byte, 16)
	rand.Read(key)
	rand.Read(context)
	h := hmac.New(sha256.New, key)
	h.Write([]byte{0, 0, 0, 1})
	h.Write([]byte("label"))
	h.Write([]byte{0})
	h.Write(context)
	h.Write([]byte{0, 0, 1, 0})
	if got := Derive(key, "label", context); !hmac.Equal(got[:], h.Sum(nil)) {
		t.Errorf("%x", got)
	}
	long := bytes.Repeat([]byte("x"), 1000)
	h.Reset()
	h.Write([]byte{0, 0, 0, 1, 'l', 0})
	h.Write(long)
	h.Write([]byte{0, 0, 1, 0})
	if got := Derive(key, "l", long); !hmac.Equal(got[:], h.Sum(nil)) {
		t.Errorf("%x", got)
	}
}

func TestMessage(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	seen := map[string]bool{}
	for n := range 100 {
		sealed := Append([]byte("head"), key, "l", []byte("aad"), make([]byte, n))
		if string(sealed[:4]) != "head" || len(sealed) != 4+n+Overhead {
			t.Fatalf("%x", sealed)
		}
		sealed = sealed[4:]
		if seen[string(sealed[:28])] {
			t.Fatal("salt and nonce twice")
		}
		seen[string(sealed[:28])] = true
		plain, err := Open(key, "l", []byte("aad"), sealed)
		if err != nil || !bytes.Equal(plain, make([]byte, n)) {
			t.Fatal(plain, err)
		}
		for _, c := range []struct {
			key        []byte
			label, aad string
			sealed     []byte
		}{
			{bytes.Repeat([]byte{8}, 32), "l", "aad", sealed},
			{key, "m", "aad", sealed},
			{key, "l", "aae", sealed},
			{key, "l", "aad", sealed[:len(sealed)-1]},
			{key, "l", "aad", sealed[1:]},
			{key, "l", "aad", nil},
		} {
			if _, err := Open(c.key, c.label, []byte(c.aad), c.sealed); !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	key, out, in := make([]byte, 32), make([]byte, 0, 1024), make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		Append(out, key, "label", nil, in)
	}
}
