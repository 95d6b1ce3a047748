package keyring

// Arithmetic in GF(2⁸) modulo x⁸+x⁴+x³+x+1, without tables and without
// branches on values: shares are secrets, and table lookups leave traces in
// the processor's caches.

func gfMul(a, b byte) byte {
	var p byte
	for range 8 {
		p ^= -(b & 1) & a
		carry := -(a >> 7)
		a = a<<1 ^ carry&0x1b
		b >>= 1
	}
	return p
}

// gfInverse is a²⁵⁴; 0 for 0.
func gfInverse(a byte) byte {
	r := byte(1)
	for range 7 { // 254 = 2+4+8+…+128
		a = gfMul(a, a)
		r = gfMul(r, a)
	}
	return r
}

// split answers, for x = 1 to parts, the value at x of a random polynomial of
// degree threshold-1 through secret at 0, byte by byte. random gives the other
// coefficients.
func split(secret []byte, parts, threshold int, random func([]byte)) [][]byte {
	coefficients := make([][]byte, threshold)
	coefficients[0] = secret
	for i := 1; i < threshold; i++ {
		coefficients[i] = make([]byte, len(secret))
		random(coefficients[i])
		defer clear(coefficients[i])
	}
	shares := make([][]byte, parts)
	for p := range shares {
		y := make([]byte, len(secret))
		for i := threshold - 1; i >= 0; i-- { // Horner
			for j := range y {
				y[j] = gfMul(y[j], byte(p+1)) ^ coefficients[i][j]
			}
		}
		shares[p] = y
	}
	return shares
}

// combine answers the value at 0 of the polynomial through the given points:
// Lagrange's interpolation. xs are distinct and not 0, which is not secret.
func combine(xs []byte, ys [][]byte) []byte {
	secret := make([]byte, len(ys[0]))
	for i, xi := range xs {
		weight := byte(1)
		for j, xj := range xs {
			if i != j {
				weight = gfMul(weight, gfMul(xj, gfInverse(xj^xi)))
			}
		}
		for n := range secret {
			secret[n] ^= gfMul(weight, ys[i][n])
		}
	}
	return secret
}
