// Package wiretest holds what the decoders' fuzz tests share.
package wiretest

import (
	"errors"
	"runtime/metrics"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/wire"
)

// What a decoder may allocate for an input: a constant, for tables that are
// built on first use and for the measurement's own slack, and a multiple of the
// input's size.
const (
	constant = 16 << 20
	multiple = 1000
)

// Decode runs a decoder on an input of size bytes. It fails the test when the
// error is none that a client may see as its own fault, or when the decoder
// allocates out of proportion.
func Decode(t *testing.T, size int, decode func() error) {
	t.Helper()
	before := allocated()
	err := decode()
	if n := allocated() - before; n > constant+multiple*uint64(size) {
		t.Errorf("%d bytes allocated for %d", n, size)
	}
	if err == nil {
		return
	}
	e, ok := errors.AsType[*redoubt.Error](err)
	if !ok || wire.Status(e, nil)/100 != 4 {
		t.Errorf("%v", err)
	}
}

func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
