package front

import (
	"bytes"
	"io"
	"testing"
)

// probe notes the largest piece that was made room for before the first byte came.
type probe struct {
	io.Reader
	first int
}

func (p *probe) Read(b []byte) (int, error) {
	p.first = max(p.first, len(b))
	if p.Reader == nil {
		return 0, io.ErrUnexpectedEOF
	}
	return p.Reader.Read(b)
}

func TestBodiesGetRoomAsTheyCome(t *testing.T) {
	empty := &probe{}
	if b, err := announced(empty, 1<<20); err == nil || b != nil || empty.first > onTrust {
		t.Errorf("%d bytes of room for an announcement: %v", empty.first, err)
	}
	for _, n := range []int{1, onTrust - 1, onTrust, onTrust + 1, 4 * onTrust, 1 << 20} {
		want := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		got, err := announced(bytes.NewReader(append(bytes.Clone(want), "next"...)), n)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := announced(bytes.NewReader(want[:n-1]), n); err == nil {
			t.Errorf("%d bytes: a byte less was enough", n)
		}
	}
}
