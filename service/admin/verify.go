package admin

import (
	"context"
	"encoding/json"
	"io"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// Line is a line of what VerifyBlobs answers, JSON each: how far it has come, twice a
// second, and in the end the report, or what made it stop before the end.
type Line struct {
	Progress *objects.Progress `json:",omitempty"`
	Report   *objects.Report   `json:",omitempty"`
	Faults   []Fault           `json:",omitempty"` // with the report
	Error    string            `json:",omitempty"`
}

// Fault is an objects.Fault as it is told.
type Fault struct {
	Bucket  string `json:",omitempty"` // its id
	Key     string `json:",omitempty"`
	Version string `json:",omitempty"`
	Segment string `json:",omitempty"`
	Problem string
}

// VerifyBlobs looks at the data of all objects while the server serves. It stops when
// the caller goes away.
func (s *Service) VerifyBlobs(ctx context.Context, c *redoubt.Call, in *redoubtapi.VerifyBlobsInput) (*redoubtapi.VerifyBlobsOutput, error) {
	if !s.verifying.TryLock() {
		return nil, redoubtapi.ErrVerificationInProgressException.New("The data are being verified already.")
	}
	ctx, stop := context.WithCancel(store.Without(ctx))
	r, w := io.Pipe()
	remove := deref(in.RemoveOrphans)
	go func() { // ends with the stream: closing it ends ctx
		defer s.verifying.Unlock()
		defer stop()
		lines := json.NewEncoder(w)
		var last time.Time
		report, err := s.Verify(ctx, c, remove, func(p objects.Progress) {
			if now := time.Now(); now.Sub(last) >= 500*time.Millisecond {
				last = now
				lines.Encode(Line{Progress: &p}) // nobody may be left to read it: ctx ends then
			}
		})
		end := Line{Report: report}
		if report != nil {
			for _, f := range report.Faults {
				end.Faults = append(end.Faults, Fault{f.Bucket, f.Key, f.Version, f.Segment, f.Err.Error()})
			}
			report.Faults = nil
		}
		if err != nil {
			end.Error = err.Error()
		}
		w.CloseWithError(lines.Encode(end))
	}()
	return &redoubtapi.VerifyBlobsOutput{Lines: &verification{r, stop}}, nil
}

// verification is the stream of lines; closing it ends the work.
type verification struct {
	*io.PipeReader
	stop func()
}

// Close implements io.Closer.
func (v *verification) Close() error {
	v.stop()
	return v.PipeReader.Close()
}
