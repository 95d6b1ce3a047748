package s3_test

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// TestFaults: what a disk does to objects, seen by clients.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	w := start(t, redoubttest.Options{Change: func(c *server.Config) { c.Blob = "file://" + filepath.Join(dir, "blobs") }})
	// In this order: the last one needs a disk of its own.
	t.Run("damage", func(t *testing.T) { w.damage(t, filepath.Join(dir, "blobs")) })
	t.Run("keys", w.lostKeys)
	t.Run("clock", w.clockJumps)
	t.Run("full", diskFull)
}

// TestBlobsInABucket: nothing that a client sees depends on where data are kept, nor
// on a restart. (REDOUBT_TEST_BLOB=s3 runs every test so.)
func TestBlobsInABucket(t *testing.T) {
	w := start(t, redoubttest.Options{Store: "pebble", Blob: "s3"})
	large := strings.Repeat("kept elsewhere ", 50_000)
	b := w.bucket(t)
	w.put(t, b, "k", large)
	t.Run("objects", w.objects)
	t.Run("multipart", w.multipart)
	t.Run("cut off", w.cutOff)
	if left, err := filepath.Glob(filepath.Join(w.Data, "blobs", "*")); err != nil || len(left) > 0 {
		t.Error("here lies", left, err)
	}
	w.Server = w.Server.Restart(t)
	w.s3 = client(w.Admin.Config(region))
	if text, _ := read(t, w.s3, b, "k"); text != large {
		t.Error("after a restart:", len(text))
	}
	w.emptied(t, b)
}

// only is the path of the only blob in a directory.
func only(t *testing.T, dir string) (found string) {
	t.Helper()
	ok(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && len(d.Name()) == 32 && filepath.Base(filepath.Dir(path)) == d.Name()[:2] {
			if data, err := os.ReadFile(path); err == nil && len(data) > 100_000 { // not the store's own
				if found != "" {
					t.Fatal("two blobs", found, path)
				}
				found = path
			}
		}
		return err
	}))
	if found == "" {
		t.Fatal("no blob")
	}
	return found
}

// damage does to a blob what disks and people do. Nothing of it is ever served: the
// answer is an error, or a body that is cut before the damage.
func (w *world) damage(t *testing.T, dir string) {
	ctx := t.Context()
	b, key := w.bucket(t), aws.String("k")
	plain := strings.Repeat("a line of the object\n", 20_000)
	w.put(t, b, *key, plain)
	w.put(t, b, "small", "beside it")
	path := only(t, dir)
	good, err := os.ReadFile(path)
	ok(t, err)
	flip := func(at int) func() {
		return func() {
			bad := append([]byte{}, good...)
			bad[at] ^= 0x80
			ok(t, os.WriteFile(path, bad, 0o600))
		}
	}
	get := func(span string) (string, error) {
		in := &s3.GetObjectInput{Bucket: &b, Key: key}
		if span != "" {
			in.Range = &span
		}
		out, err := w.s3.GetObject(ctx, in)
		if err != nil {
			return "", err
		}
		defer out.Body.Close()
		text, err := io.ReadAll(out.Body)
		return string(text), err
	}
	for what, c := range map[string]struct {
		do    func()
		first bool // the damage is in the first chunk
		rest  bool // the last chunk is whole
	}{
		"the first byte":            {flip(0), true, true},
		"a byte of the first chunk": {flip(1000), true, true},
		"the last byte":             {flip(len(good) - 1), false, false},
		"a byte in the middle":      {flip(len(good) / 2), false, true},
		"a byte less":               {func() { ok(t, os.WriteFile(path, good[:len(good)-1], 0o600)) }, false, false},
		"nothing":                   {func() { ok(t, os.WriteFile(path, nil, 0o600)) }, true, false},
		"half":                      {func() { ok(t, os.WriteFile(path, good[:len(good)/2], 0o600)) }, false, false},
		"it is gone":                {func() { ok(t, os.Remove(path)) }, true, false},
		"it cannot be read":         {func() { ok(t, os.Remove(path)); ok(t, os.Mkdir(path, 0o700)) }, true, false},
	} {
		c.do()
		text, err := get("")
		if c.first {
			refused(t, err, 500, "InternalError")
		} else if err == nil || !strings.HasPrefix(plain, text) || len(text) == len(plain) {
			t.Errorf("%s: %d bytes, %v", what, len(text), err)
		}
		if text, err := get("bytes=-7"); c.rest && (err != nil || text != plain[len(plain)-7:]) {
			t.Errorf("%s, and the end is whole: %q %v", what, text, err)
		} else if !c.rest {
			refused(t, err, 500, "InternalError")
		}
		// It is not copied either, and leaves nothing where it would have gone.
		if c.first {
			_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/k")})
			refused(t, err, 500, "InternalError")
		}
		_, err = w.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b, Key: aws.String("copy")})
		refused(t, err, 404, "NotFound")
		if text, _ := read(t, w.s3, b, "small"); text != "beside it" {
			t.Errorf("%s: %q", what, text)
		}
		os.Remove(path)
		ok(t, os.WriteFile(path, good, 0o600))
		if text, err := get(""); err != nil || text != plain {
			t.Errorf("%s, undone: %d bytes, %v", what, len(text), err)
		}
	}
	// What is damaged can be replaced, and deleted.
	ok(t, os.Remove(path))
	w.put(t, b, *key, "new")
	if text, err := get(""); text != "new" {
		t.Error(text, err)
	}
	w.emptied(t, b)
}

// lostKeys takes KMS keys away under objects: nothing opens any more, in no way, and
// nothing more is written under them.
func (w *world) lostKeys(t *testing.T) {
	ctx := t.Context()
	keys := kms.NewFromConfig(w.Admin.Config(region))
	for _, bucketKey := range []bool{false, true} {
		made, err := keys.CreateKey(ctx, &kms.CreateKeyInput{})
		ok(t, err)
		arn, b := made.KeyMetadata.Arn, w.bucket(t)
		_, err = w.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: arn}, BucketKeyEnabled: &bucketKey,
		}}}})
		ok(t, err)
		w.put(t, b, "k", "under the key")
		w.put(t, b, "large", strings.Repeat("under the key", 30_000))
		w.put(t, b, "plain", "under the bucket's own", func(in *s3.PutObjectInput) { in.ServerSideEncryption = "AES256" })
		up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("up")})
		ok(t, err)
		part := func() (*s3.UploadPartOutput, error) {
			return w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part")})
		}
		p, err := part()
		ok(t, err)
		// each does everything that takes the key.
		each := func(code string) {
			t.Helper()
			for _, key := range []string{"k", "large"} {
				_, err := w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: &key})
				refused(t, err, 400, code)
			}
			_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("x")})
			refused(t, err, 400, code)
			_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/k"), ServerSideEncryption: "AES256"})
			refused(t, err, 400, code)
			_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/plain")})
			refused(t, err, 400, code)
			_, err = w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("other")})
			refused(t, err, 400, code)
			_, err = part()
			refused(t, err, 400, code)
			// What takes no key goes on.
			head, err := w.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b, Key: aws.String("k")})
			ok(t, err)
			if *head.SSEKMSKeyId != *arn || *head.ContentLength != int64(len("under the key")) {
				t.Errorf("%+v", head)
			}
			if text, _ := read(t, w.s3, b, "plain"); text != "under the bucket's own" {
				t.Error(text)
			}
		}
		_, err = keys.DisableKey(ctx, &kms.DisableKeyInput{KeyId: arn})
		ok(t, err)
		each("KMS.DisabledException")
		_, err = keys.EnableKey(ctx, &kms.EnableKeyInput{KeyId: arn})
		ok(t, err)
		if text, _ := read(t, w.s3, b, "k"); text != "under the key" {
			t.Error(text)
		}
		_, err = keys.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: arn, PendingWindowInDays: aws.Int32(7)})
		ok(t, err)
		each("KMS.KMSInvalidStateException")
		w.Clock.Advance(8 * 24 * time.Hour)
		redoubttest.Eventually(t, func() error {
			_, err := keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: arn})
			if err == nil {
				return errStillThere
			}
			return nil
		})
		each("KMS.NotFoundException")
		// Whoever cannot read it can put it away.
		_, err = w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag}}}})
		if err != nil && !codeIn(err, "KMS.NotFoundException") {
			t.Error(err)
		}
		w.emptied(t, b)
	}
}

var errStillThere = redoubt.ErrorKind("test").New("the key is still there")

// clockJumps moves the services' clock between writes: what is newest is what was
// written last, and signatures go by the machine's.
func (w *world) clockJumps(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	ok(t, err)
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("up")})
	ok(t, err)
	p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("before")})
	ok(t, err)
	var ids []string
	for _, jump := range []time.Duration{0, time.Second, 400 * 24 * time.Hour, 0, 10 * 365 * 24 * time.Hour} {
		w.Clock.Advance(jump)
		ids = append(ids, *w.put(t, b, "k", "after "+jump.String()).VersionId)
	}
	list, err := w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b})
	ok(t, err)
	for i, v := range list.Versions {
		if *v.VersionId != ids[len(ids)-1-i] || *v.IsLatest != (i == 0) {
			t.Errorf("version %d is %s", i, *v.VersionId)
		}
	}
	if text, got := read(t, w.s3, b, "k"); text != "after 87600h0m0s" || got.LastModified.Before(time.Now().Add(10*365*24*time.Hour)) {
		t.Error(text, got.LastModified)
	}
	// An upload from ten years ago is one still.
	_, err = w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag}}}})
	ok(t, err)
	if text, _ := read(t, w.s3, b, "up"); text != "before" {
		t.Error(text)
	}
	w.emptied(t, b)
}

// diskFull fills a small disk. The refusal is final for the object alone, and when
// there is room again, everything goes on.
func diskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system to be had: %v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	w := start(t, redoubttest.Options{Change: func(c *server.Config) { c.Blob = "file://" + filepath.Join(dir, "blobs") }})
	ctx := t.Context()
	b := w.bucket(t)
	old := strings.Repeat("what was there ", 50_000)
	w.put(t, b, "k", old)
	big := strings.Repeat("0123456789abcdef", 16<<20/16)
	full := func(err error) { t.Helper(); refused(t, err, 507, "InsufficientStorage") }
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k")})
	ok(t, err)
	for range 2 {
		_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader(big)})
		full(err)
		_, err = w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(big)})
		full(err)
	}
	// Filled by many small ones, up to the last that fits.
	n := 0
	for ; n < 100; n++ {
		_, err = w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String(strings.Repeat("x", n+1)), Body: strings.NewReader(old)})
		if err != nil {
			break
		}
	}
	full(err)
	_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/k")})
	full(err)
	if text, _ := read(t, w.s3, b, "k"); text != old {
		t.Error("what was there is no more")
	}
	list, err := w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b})
	ok(t, err)
	parts, err := w.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId})
	ok(t, err)
	if len(list.Contents) != n+1 || n < 5 || len(parts.Parts) > 0 {
		t.Errorf("%d objects of %d, %d parts", len(list.Contents), n+1, len(parts.Parts))
	}
	left, err := filepath.Glob(filepath.Join(dir, "blobs", "writing", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("half written: %v %v", left, err)
	}
	// Deleting makes room, in a moment: where another server might be reading what was
	// deleted, in a quarter of an hour.
	if os.Getenv("REDOUBT_TEST_STORE") == "etcd" {
		return
	}
	_, err = w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("x")})
	ok(t, err)
	redoubttest.Eventually(t, func() error {
		_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("again"), Body: strings.NewReader(old)})
		return err
	})
	if text, _ := read(t, w.s3, b, "again"); text != old {
		t.Error("after there was room again")
	}
}
