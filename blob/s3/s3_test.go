package s3

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/blob/blobtest"
	"github.com/redoubt-sec/redoubt/sigv4"
)

var ctx = context.Background()

func openStore(place string) (blob.Store, error) {
	s, err := New(Config{
		Endpoint: place, Bucket: "blobs", Prefix: "some where/", Client: http.DefaultClient,
		Signer: &sigv4.Signer{AccessKeyID: "AKIDEXAMPLE", Secret: "secret", Region: "us-east-1", Service: "s3", S3: true},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func open(t testing.TB, place string) *Store {
	t.Helper()
	s, err := openStore(place)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Store)
}

func TestMain(m *testing.M) { blobtest.Main(m, openStore) }

func suite(faults bool) blobtest.Suite {
	return blobtest.Suite{
		Open: func(t testing.TB) blob.Store {
			b := serve(t)
			b.faults = faults
			return open(t, b.URL)
		},
		Reopen: func(t testing.TB, b blob.Store) blob.Store { return open(t, b.(*Store).Endpoint) },
		Large:  18 << 20,
	}
}

func TestContract(t *testing.T) { blobtest.Run(t, suite(false)) }

// The contract holds although the server is busy at times, loses answers and
// cuts bodies off.
func TestContractWithFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	blobtest.Run(t, suite(true))
}

func TestKill(t *testing.T) {
	rounds := 4
	if os.Getenv("REDOUBT_SOAK") != "" {
		rounds = 200
	} else if testing.Short() {
		t.Skip("short")
	}
	b := serve(t)
	blobtest.Kill(t, b.URL, rounds, openStore,
		func(s blob.Store) error {
			if n, err := s.Sweep(ctx); n != 0 || err != nil {
				t.Errorf("swept %d that may still be written, %v", n, err)
			}
			s.(*Store).now = func() time.Time { return time.Now().Add(sweepAge) }
			_, err := s.Sweep(ctx)
			return err
		},
		func() int { return len(b.uploads) })
}

func TestWriterTooOld(t *testing.T) {
	b := serve(t)
	s := open(t, b.URL)
	w, err := s.Create(ctx, blob.NewName(), -1)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return time.Now().Add(life + time.Minute) }
	if err := w.Commit(); err == nil || len(b.objects) != 0 {
		t.Errorf("%v, %d objects", err, len(b.objects))
	}
}

func TestBadConfig(t *testing.T) {
	for _, c := range []Config{
		{Endpoint: "", Bucket: "b"}, {Endpoint: "ftp://h", Bucket: "b"}, {Endpoint: "http://h/path", Bucket: "b"}, {Endpoint: "http://h"}, {Endpoint: "http://h", Bucket: "a/b"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v", c)
		}
	}
	// A bucket that is not there is no absent blob.
	b := serve(t)
	s := open(t, b.URL)
	s.Bucket = "other"
	if _, err := s.Open(ctx, blob.NewName(), 0, -1); err == nil || err.Error() == blob.ErrNotFound.Error() {
		t.Error(err)
	}
}
