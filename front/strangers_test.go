package front

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestStrangersCannotFillTheLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	var s strangers
	now := time.Unix(1_800_000_000, 0)
	kept := 0
	for range 100_000 {
		now = now.Add(time.Millisecond)
		if s.admit(now, log) {
			kept++
		}
	}
	if most := strangersBurst + 100*strangersRate; kept > most+1 || kept < most-1 {
		t.Errorf("%d events of 100000 in 100 s, want %d", kept, most)
	}
	if told := strings.Count(out.String(), "left out"); told != 2 {
		t.Errorf("told %d times:\n%s", told, out.String())
	}
	// After a rest there is room again.
	if !s.admit(now.Add(time.Second), log) {
		t.Error("nothing is recorded any more")
	}
}
