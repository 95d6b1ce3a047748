package objects

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
)

func sum(a Algorithm, data []byte) []byte { return digest(a, [][]byte{data}) }

// The check values of the catalogue of parametrised CRC algorithms, and FIPS 180.
func TestSums(t *testing.T) {
	for a, want := range map[Algorithm]string{
		CRC32: "cbf43926", CRC32C: "e3069283", CRC64NVME: "ae8b14860a799888", MD5: "25f9e794323b453885f5181f1b624d0b",
		SHA1:   "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		SHA256: "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	} {
		if got := hex.EncodeToString(sum(a, []byte("123456789"))); got != want || a.Length() != len(want)/2 {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
	if Algorithm("MD4").Known() || !MD5.Known() || !XXHASH3.Known() || !CRC64NVME.Known() {
		t.Error("known algorithms")
	}
}

func TestCombine(t *testing.T) {
	for _, a := range []Algorithm{CRC32, CRC32C, CRC64NVME} {
		for range 200 {
			data := random(rand.IntN(5000), rand.Uint64())
			cut := rand.IntN(len(data) + 1)
			got := combine(a, sum(a, data[:cut]), sum(a, data[cut:]), int64(len(data)-cut))
			if !bytes.Equal(got, sum(a, data)) {
				t.Fatalf("%s: %d of %d: %x", a, cut, len(data), got)
			}
		}
	}
	// A terabyte of zeros in no time: doubling must give the same as one step.
	z := sum(CRC64NVME, make([]byte, 1<<20))
	size, all := int64(1<<20), z
	for range 20 {
		all, size = combine(CRC64NVME, all, all, size), size*2
	}
	one := z
	for i := int64(1 << 20); i < size; i *= 2 {
		one = combine(CRC64NVME, one, one, i)
	}
	if !bytes.Equal(all, one) {
		t.Error("combining large sizes")
	}
	if combine(SHA256, z, z, 1) != nil {
		t.Error("SHA-256 was combined")
	}
}

// TestFips runs round trips and uploads in each of Go's FIPS 140-3 modes.
func TestFips(t *testing.T) {
	if os.Getenv("OBJECTS_FIPS") != "" || testing.Short() {
		return
	}
	for _, mode := range []string{"on", "only"} {
		cmd := exec.Command(os.Args[0], "-test.run=TestSums|TestExchangedRecords|TestTampering|TestUploadRefusals|TestLock")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode, "OBJECTS_FIPS="+mode)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", mode, err, out)
		}
	}
}
