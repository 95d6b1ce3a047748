package server

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// A stopped server's objects are verified from its directory alone.
func TestVerifyBlobs(t *testing.T) {
	conf := Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", ListenTLS: "off"}
	if err := conf.Complete(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	ctx := context.Background()
	s, err := Start(ctx, conf, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	bucket := objects.NewBucket()
	w, err := func() (*objects.Writer, error) {
		if err := s.db.Run(ctx, func(ctx context.Context) error { return s.objects.MakeBucket(ctx, bucket) }); err != nil {
			return nil, err
		}
		return s.objects.Create(ctx, objects.NewObject{Bucket: bucket, Key: "k", Size: -1, Encryption: objects.Encryption{Kind: objects.SSES3}})
	}()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.Repeat([]byte("some data "), 20_000)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	var v *objects.Version
	if err := s.db.Run(ctx, func(ctx context.Context) (err error) { v, err = w.Commit(ctx, objects.Put{}); return err }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBlobs(ctx, conf, false, nil, log); err == nil {
		t.Error("verified beside a running server")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	verify := func(bad, orphans int64) {
		t.Helper()
		told := 0
		r, err := VerifyBlobs(ctx, conf, false, func(objects.Progress) { told++ }, log)
		if err != nil || r.Versions != 1 || r.Bad != bad || r.Orphans != orphans || told == 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	verify(0, 0)
	blobs := filepath.Join(conf.Data, "blobs")
	name := blob.NewName()
	if err := os.WriteFile(filepath.Join(blobs, name[:2], name), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	verify(0, 1)
	path := filepath.Join(blobs, v.Data.Segment.ID[:2], v.Data.Segment.ID)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[100_000] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	verify(1, 1)
	conf.Blob = "file://" + t.TempDir() + "/elsewhere"
	if _, err := VerifyBlobs(ctx, conf, false, nil, log); err == nil {
		t.Error("verified against other blobs")
	}
}

func TestBlobAddresses(t *testing.T) {
	for _, bad := range []string{"s3:", "s3://", "http://h/", "file", "file://relative", "s3://u:p@b/", "s3://b/?endpoint=https://h&nonsense=1", "s3://b#x"} {
		c := Config{Blob: bad}
		if err := c.Complete(); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	for text, want := range map[string]blobBucket{
		"s3://b":                              {"b", "", "https://s3.us-east-1.amazonaws.com", "us-east-1", ""},
		"s3://b/p/q/?region=eu-west-1":        {"b", "p/q/", "https://s3.eu-west-1.amazonaws.com", "eu-west-1", ""},
		"s3://b/p?endpoint=http://h:1&ca=/ca": {"b", "p/", "http://h:1", "us-east-1", "/ca"},
	} {
		got, err := parseBlobBucket(text, "us-east-1")
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
