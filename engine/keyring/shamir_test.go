package keyring

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
)

func TestFieldArithmetic(t *testing.T) {
	// FIPS 197 section 4.2: {57}·{83} = {c1}, {57}·{13} = {fe}.
	if gfMul(0x57, 0x83) != 0xc1 || gfMul(0x57, 0x13) != 0xfe {
		t.Error("products of FIPS 197")
	}
	for a := range 256 {
		a := byte(a)
		if inv := gfInverse(a); a != 0 && gfMul(a, inv) != 1 || a == 0 && inv != 0 {
			t.Errorf("inverse of %#x: %#x", a, inv)
		}
		for b := range 256 {
			if b := byte(b); gfMul(a, b) != gfMul(b, a) || gfMul(a, b^0x35) != gfMul(a, b)^gfMul(a, 0x35) {
				t.Fatalf("%#x·%#x", a, b)
			}
		}
	}
}

func TestSplitAndCombine(t *testing.T) {
	secret := make([]byte, 32)
	rand.Read(secret)
	ys := split(secret, 5, 3, func(b []byte) { rand.Read(b) })
	for mask := range 1 << 5 {
		var xs []byte
		var some [][]byte
		for i := range 5 {
			if mask>>i&1 == 1 {
				xs, some = append(xs, byte(i+1)), append(some, ys[i])
			}
		}
		if len(xs) == 0 {
			continue
		}
		if got := bytes.Equal(combine(xs, some), secret); got != (len(xs) >= 3) {
			t.Errorf("shares %v give the secret: %t", xs, got)
		}
	}
	// The most there can be.
	ys = split(secret, 255, 255, func(b []byte) { rand.Read(b) })
	xs := make([]byte, 255)
	for i := range xs {
		xs[i] = byte(i + 1)
	}
	if !bytes.Equal(combine(xs, ys), secret) {
		t.Error("255 of 255")
	}
}

func TestShamirUnseal(t *testing.T) {
	db := newDB(t)
	s, err := NewShamirSeal(5, 3)
	if err != nil {
		t.Fatal(err)
	}
	shares := s.Shares()
	if len(shares) != 5 || s.Shares() != nil {
		t.Fatal("shares are handed out once")
	}
	k := open(t, db, s)
	blob := seal(t, k, "p", "", "x")
	if s.key != nil {
		t.Error("the server keeps the split key")
	}
	k.Close()

	k = open(t, db, WaitForShares())
	stop := run(t, k)
	if st := k.Status(); !st.Sealed || *st.Shares != (Progress{0, 3}) {
		t.Errorf("status %+v", st)
	}
	submit := func(share string, want Progress) {
		t.Helper()
		if p, err := k.Submit(ctx, share); err != nil || p != want {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	submit(shares[4], Progress{1, 3})
	submit(shares[4], Progress{1, 3}) // twice counts once
	submit(" "+shares[1]+"\n", Progress{2, 3})
	for _, bad := range []string{"", "hello", shares[0][:30], shares[0] + "A", strings.Replace(shares[0], "share-1", "share-2", 1), mistype(shares[0])} {
		_, err := k.Submit(ctx, bad)
		wantErr(t, err, ErrShare)
	}
	foreign, _ := NewShamirSeal(5, 3)
	_, err = k.Submit(ctx, foreign.Shares()[0])
	wantErr(t, err, ErrShareSet)
	_, err = k.Open("p", nil, blob)
	wantErr(t, err, ErrSealed)
	submit(shares[2], Progress{3, 3})
	wantOpens(t, k, "p", "", blob, "x")
	if g := k.currentSeal().(*ShamirSeal); len(g.ys) != 0 {
		t.Error("shares stay in memory")
	}
	if _, err := k.Submit(ctx, shares[0]); err == nil {
		t.Error("a share for an unsealed keyring")
	}

	stop()

	// A forged share of the right set: found out by the wrap, and all begins anew.
	k = open(t, db, WaitForShares())
	set, threshold, x, y, _ := decodeShare(shares[0])
	y[0] ^= 1
	k.Submit(ctx, encodeShare(set, threshold, x, y))
	k.Submit(ctx, shares[1])
	p, err := k.Submit(ctx, shares[2])
	wantErr(t, err, ErrWrongSeal)
	if p != (Progress{0, 3}) || !k.Status().Sealed {
		t.Errorf("%+v", p)
	}
	for _, i := range []int{0, 1, 3} {
		k.Submit(ctx, shares[i])
	}
	wantOpens(t, k, "p", "", blob, "x")

	// A new split replaces the old one.
	again, _ := NewShamirSeal(2, 2)
	fresh := again.Shares()
	if err := k.RotateSeal(ctx, again, false); err != nil {
		t.Fatal(err)
	}
	k = open(t, db, WaitForShares())
	_, err = k.Submit(ctx, shares[0])
	wantErr(t, err, ErrShareSet)
	k.Submit(ctx, fresh[0])
	k.Submit(ctx, fresh[1])
	wantOpens(t, k, "p", "", blob, "x")
	// Without a new split there is nothing to wrap another root key by.
	if err := k.RotateSeal(ctx, nil, true); err == nil {
		t.Error("a root key wrapped by shares that are gone")
	}
}

func mistype(share string) string {
	c := byte('A')
	if share[40] == c {
		c = 'B'
	}
	return share[:40] + string(c) + share[41:]
}

func TestShamirLimits(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {3, 1}, {2, 3}, {256, 3}, {0, 0}, {5, -1}} {
		if _, err := NewShamirSeal(c[0], c[1]); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}

func FuzzShare(f *testing.F) {
	s, _ := NewShamirSeal(3, 2)
	for _, share := range s.Shares() {
		f.Add(share)
	}
	f.Fuzz(func(t *testing.T, share string) {
		set, threshold, x, y, err := decodeShare(share)
		if err == nil && encodeShare(set, threshold, x, y) != strings.TrimSpace(share) {
			t.Errorf("%q is read as another share", share)
		}
	})
}
