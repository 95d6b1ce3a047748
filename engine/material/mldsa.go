package material

import (
	"crypto/sha3"
	"crypto/subtle"
	"math/bits"
	"sync"

	"filippo.io/mldsa"
)

// verifyExternalMu is ML-DSA.Verify_internal (FIPS 204 algorithm 8) from the
// message representative μ on. The library signs a given μ but verifies whole
// messages only. Everything here is public, so that nothing needs to take
// constant time; on raw messages it is tested against the library.
func verifyExternalMu(key *mldsa.PublicKey, mu, signature []byte) bool {
	p := parametersOf(key.Parameters())
	pk := key.Bytes() // ρ ‖ t₁, of the right length: the library has parsed it
	challenge, z, hints, ok := p.decodeSignature(signature)
	if !ok {
		return false
	}
	c := sampleInBall(challenge, p.tau)
	c.ntt()
	for i := range z {
		z[i].ntt()
	}
	h := sha3.NewSHAKE256()
	h.Write(mu)
	rho, t1 := pk[:32], pk[32:]
	for r := range p.k {
		// w = A∘z − c∘(t₁·2ᵈ), one row at a time.
		var w poly
		for s := range p.l {
			a := sampleUniform(rho, byte(s), byte(r))
			for i := range w {
				w[i] = reduce(uint64(w[i]) + uint64(a[i])*uint64(z[s][i]))
			}
		}
		t := unpack(t1[320*r:], 10)
		for i := range t {
			t[i] <<= 13
		}
		t.ntt()
		for i := range w {
			w[i] = reduce(uint64(w[i]) + uint64(q)*uint64(q) - uint64(c[i])*uint64(t[i]))
		}
		w.inverse()
		for i := range w {
			w[i] = p.useHint(hints[r][i], w[i])
		}
		h.Write(pack(&w, bits.Len32((q-1)/(2*p.gamma2)-1)))
	}
	want := make([]byte, len(challenge))
	h.Read(want)
	return subtle.ConstantTimeCompare(want, challenge) == 1
}

const q = 8380417

// mldsaParameters are the columns of FIPS 204 table 1.
type mldsaParameters struct {
	k, l, tau, omega int
	eta              uint32
	gamma1Bits       int // γ₁ = 2^gamma1Bits
	gamma2           uint32
	challenge        int // bytes: λ/4
}

func parametersOf(m mldsa.Parameters) mldsaParameters {
	switch m {
	case mldsa.MLDSA44():
		return mldsaParameters{4, 4, 39, 80, 2, 17, (q - 1) / 88, 32}
	case mldsa.MLDSA65():
		return mldsaParameters{6, 5, 49, 55, 4, 19, (q - 1) / 32, 48}
	}
	return mldsaParameters{8, 7, 60, 75, 2, 19, (q - 1) / 32, 64}
}

// poly is a polynomial of 256 coefficients in [0, q).
type poly [256]uint32

func reduce(x uint64) uint32 { return uint32(x % q) }

// decodeSignature is sigDecode (algorithm 27) with the bound on z.
func (p mldsaParameters) decodeSignature(sig []byte) (challenge []byte, z []poly, hints [][256]bool, ok bool) {
	width := p.gamma1Bits + 1
	size := 32 * width
	if len(sig) != p.challenge+p.l*size+p.omega+p.k {
		return nil, nil, nil, false
	}
	challenge, sig = sig[:p.challenge], sig[p.challenge:]
	gamma1 := int64(1) << p.gamma1Bits
	bound := gamma1 - int64(p.tau)*int64(p.eta)
	z = make([]poly, p.l)
	for i := range z {
		z[i] = unpack(sig[i*size:], width)
		for j, x := range z[i] {
			v := gamma1 - int64(x)
			if v >= bound || -v >= bound {
				return nil, nil, nil, false
			}
			z[i][j] = uint32((v + q) % q)
		}
	}
	hints, ok = p.decodeHints(sig[p.l*size:])
	return challenge, z, hints, ok
}

// decodeHints is HintBitUnpack (algorithm 21): exactly one encoding is valid.
func (p mldsaParameters) decodeHints(y []byte) ([][256]bool, bool) {
	hints := make([][256]bool, p.k)
	index := 0
	for i := range hints {
		end := int(y[p.omega+i])
		if end < index || end > p.omega {
			return nil, false
		}
		for first := index; index < end; index++ {
			if index > first && y[index-1] >= y[index] {
				return nil, false
			}
			hints[i][y[index]] = true
		}
	}
	for _, b := range y[index:p.omega] {
		if b != 0 {
			return nil, false
		}
	}
	return hints, true
}

// useHint is algorithm 40, with Decompose (36) in it.
func (p mldsaParameters) useHint(hint bool, r uint32) uint32 {
	m := (q - 1) / (2 * p.gamma2)
	r0 := int64(r % (2 * p.gamma2))
	if r0 > int64(p.gamma2) {
		r0 -= 2 * int64(p.gamma2)
	}
	r1 := uint32(0)
	if int64(r)-r0 == q-1 {
		r0--
	} else {
		r1 = uint32((int64(r) - r0) / (2 * int64(p.gamma2)))
	}
	switch {
	case !hint:
		return r1
	case r0 > 0:
		return (r1 + 1) % m
	default:
		return (r1 + m - 1) % m
	}
}

// sampleUniform is RejNTTPoly (algorithm 30): one entry of the matrix A.
func sampleUniform(rho []byte, s, r byte) (a poly) {
	h := sha3.NewSHAKE128()
	h.Write(rho)
	h.Write([]byte{s, r})
	var buf [168]byte // SHAKE128's rate, a multiple of 3
	for n := 0; n < len(a); {
		h.Read(buf[:])
		for i := 0; i < len(buf) && n < len(a); i += 3 {
			v := uint32(buf[i]) | uint32(buf[i+1])<<8 | uint32(buf[i+2]&0x7f)<<16
			if v < q {
				a[n] = v
				n++
			}
		}
	}
	return a
}

// sampleInBall is algorithm 29: tau coefficients are 1 or -1, the others 0.
func sampleInBall(seed []byte, tau int) (c poly) {
	h := sha3.NewSHAKE256()
	h.Write(seed)
	var sign [8]byte
	h.Read(sign[:])
	var j [1]byte
	for i := 256 - tau; i < 256; i++ {
		for h.Read(j[:]); int(j[0]) > i; h.Read(j[:]) {
		}
		c[i] = c[j[0]]
		n := i + tau - 256
		if sign[n/8]>>(n%8)&1 == 1 {
			c[j[0]] = q - 1
		} else {
			c[j[0]] = 1
		}
	}
	return c
}

// zetas are ζ^BitRev₈(m) with ζ = 1753.
var zetas = sync.OnceValue(func() *poly {
	var powers, z poly
	powers[0] = 1
	for i := 1; i < 256; i++ {
		powers[i] = reduce(uint64(powers[i-1]) * 1753)
	}
	for m := range z {
		z[m] = powers[bits.Reverse8(uint8(m))]
	}
	return &z
})

// ntt is algorithm 41.
func (w *poly) ntt() {
	z, m := zetas(), 0
	for n := 128; n >= 1; n /= 2 {
		for start := 0; start < 256; start += 2 * n {
			m++
			for j := start; j < start+n; j++ {
				t := reduce(uint64(z[m]) * uint64(w[j+n]))
				w[j+n] = (w[j] + q - t) % q
				w[j] = (w[j] + t) % q
			}
		}
	}
}

// inverse is NTT⁻¹, algorithm 42.
func (w *poly) inverse() {
	z, m := zetas(), 256
	for n := 1; n < 256; n *= 2 {
		for start := 0; start < 256; start += 2 * n {
			m--
			for j := start; j < start+n; j++ {
				t := w[j]
				w[j] = (t + w[j+n]) % q
				w[j+n] = reduce(uint64(q-z[m]) * uint64(t+q-w[j+n]))
			}
		}
	}
	for j := range w {
		w[j] = reduce(uint64(w[j]) * 8347681) // 256⁻¹
	}
}

// unpack reads 256 coefficients of width bits, little endian (algorithms 18, 19).
func unpack(b []byte, width int) (p poly) {
	var acc uint64
	var have int
	for i := range p {
		for have < width {
			acc |= uint64(b[0]) << have
			b = b[1:]
			have += 8
		}
		p[i] = uint32(acc) & (1<<width - 1)
		acc >>= width
		have -= width
	}
	return p
}

// pack is SimpleBitPack (algorithm 16).
func pack(p *poly, width int) []byte {
	out := make([]byte, 0, 32*width)
	var acc uint64
	var have int
	for _, x := range p {
		acc |= uint64(x) << have
		for have += width; have >= 8; have -= 8 {
			out = append(out, byte(acc))
			acc >>= 8
		}
	}
	return out
}
