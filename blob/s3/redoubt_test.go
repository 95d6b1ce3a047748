package s3_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/blob/blobtest"
	"github.com/redoubt-sec/redoubt/blob/s3"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// The contract holds on a bucket of another redoubt.
func TestContractOnRedoubt(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	other := redoubttest.Start(t, redoubttest.Options{})
	open := func(t testing.TB, bucket string) *s3.Store {
		t.Helper()
		s, err := s3.New(s3.Config{
			Endpoint: other.URL, Bucket: bucket, Prefix: "data/", Client: http.DefaultClient,
			Signer: &sigv4.Signer{AccessKeyID: other.Admin.AccessKeyID, Secret: other.Admin.Secret, Region: "us-east-1", Service: "s3", S3: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	n := 0
	blobtest.Run(t, blobtest.Suite{
		Open: func(t testing.TB) blob.Store {
			n++
			s := open(t, "blobs-"+string(rune('a'+n)))
			if err := s.MakeBucket(t.Context()); err != nil {
				t.Fatal(err)
			}
			return s
		},
		Reopen: func(t testing.TB, b blob.Store) blob.Store { return open(t, b.(*s3.Store).Bucket) },
		Large:  17 << 20,
	})

	// What a dead writer left is an upload, which Sweep finds after a week.
	s := open(t, "blobs-b")
	w, err := s.Create(t.Context(), blob.NewName(), -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(blobtest.Data(9<<20, 1)); err != nil {
		t.Fatal(err)
	}
	heir := open(t, "blobs-b")
	if n, err := heir.Sweep(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	heir.Later(time.Minute)
	heir.Signer = at{heir.Signer}
	if n, err := heir.Sweep(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := w.Commit(); err == nil {
		t.Error("committed although it was swept")
	}
}

// at signs with the time that it is, whatever the store takes it for.
type at struct{ s3.Signer }

func (a at) Sign(r *http.Request, body []byte, _ time.Time) { a.Signer.Sign(r, body, time.Now()) }
