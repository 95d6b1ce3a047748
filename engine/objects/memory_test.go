package objects

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// resident is how much memory this process has now, in bytes; 0 where that is not
// to be had.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	var kib int64
	fmt.Sscan(rest, &kib)
	return kib << 10
}

// An object of any size goes through in constant memory, both ways.
func TestMemorySoak(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	count, size := 4, int64(48<<20)
	if os.Getenv("REDOUBT_SOAK") != "" {
		count, size = 80, 64<<20 // 5 GiB
	}
	w := onDisk(t)
	piece := random(1<<20, 1)
	u := w.start("k", Checksum{Algorithm: CRC64NVME, Type: FullObject}, Encryption{}, nil)
	// What the store itself takes is not this test's.
	w.put("warm", piece, Unversioned)
	debug.FreeOSMemory()
	before, most := resident(), int64(0)
	if before == 0 {
		t.Skip("the resident size is not to be had")
	}
	look := func() { most = max(most, resident()-before) }
	var chosen []Chosen
	for n := 1; n <= count; n++ {
		to, err := w.PutPart(context.Background(), NewPart{Bucket: u.Bucket, Key: u.Key, Upload: u.ID, Number: n, Size: size})
		if err != nil {
			t.Fatal(err)
		}
		for sent := int64(0); sent < size; sent += int64(len(piece)) {
			if _, err := to.Write(piece); err != nil {
				t.Fatal(err)
			}
			look()
		}
		if _, err := to.Finish(); err != nil {
			t.Fatal(err)
		}
		var p *Part
		w.tx(func(ctx context.Context) (err error) { p, err = to.CommitPart(ctx); return err })
		to.Close()
		chosen = append(chosen, Chosen{Number: n, ETag: p.ETag})
	}
	v, err := w.complete(Complete{Key: "k", Upload: u.ID, Parts: chosen})
	if err != nil || v.Size != int64(count)*size {
		t.Fatalf("%+v, %v", v, err)
	}
	from, err := w.Open(context.Background(), v, Read{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	total := int64(0)
	for {
		n, err := io.CopyN(io.Discard, from, 1<<20)
		total += n
		look()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if total != v.Size {
		t.Errorf("%d of %d bytes", total, v.Size)
	}
	t.Logf("%d MiB there and back: %d KiB more than before", v.Size>>20, most>>10)
	if most > 32<<20 {
		t.Errorf("the process grew by %d MiB", most>>20)
	}
}
