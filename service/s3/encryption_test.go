package s3_test

import (
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// overTLS is a client for the HTTPS listener.
func (w *world) overTLS(t *testing.T) *s3.Client {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(w.Data, "ca.pem"))
	ok(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c := w.Admin.Config(region)
	c.BaseEndpoint = aws.String(w.TLSURL())
	c.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	return client(c)
}

func (w *world) encryption(t *testing.T) {
	ctx := t.Context()
	keys := kms.NewFromConfig(w.Admin.Config(region))
	made, err := keys.CreateKey(ctx, &kms.CreateKeyInput{})
	ok(t, err)
	key := made.KeyMetadata.Arn
	b := w.bucket(t)
	kind := func(alg types.ServerSideEncryption, id *string) func(*s3.PutObjectInput) {
		return func(in *s3.PutObjectInput) { in.ServerSideEncryption, in.SSEKMSKeyId = alg, id }
	}
	// Each way round trips, and says so.
	out := w.put(t, b, "kms", "under a key", kind("aws:kms", made.KeyMetadata.KeyId))
	if out.ServerSideEncryption != "aws:kms" || *out.SSEKMSKeyId != *key || out.BucketKeyEnabled != nil {
		t.Errorf("%+v", out)
	}
	out = w.put(t, b, "dsse", "in two layers", kind("aws:kms:dsse", key))
	if out.ServerSideEncryption != "aws:kms:dsse" {
		t.Errorf("%+v", out)
	}
	for name, want := range map[string]string{"kms": "under a key", "dsse": "in two layers"} {
		text, got := read(t, w.s3, b, name)
		if text != want || *got.SSEKMSKeyId != *key {
			t.Errorf("%s: %q %+v", name, text, got)
		}
		text, _ = read(t, w.s3, b, name, func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=1-3") })
		if text != want[1:4] {
			t.Errorf("a range of %s: %q", name, text)
		}
	}
	// The context is the object's ARN: only with it KMS opens the data key. A caller
	// needs the key too, and sees the metadata without.
	may, _ := w.user(t, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	_, err = may.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("kms")})
	refused(t, err, 403, "AccessDenied")
	if !strings.Contains(err.Error(), "kms:Decrypt") {
		t.Error(err)
	}
	_, err = may.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b, Key: aws.String("kms")})
	ok(t, err)
	_, err = may.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("x"), Body: strings.NewReader("x"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: key})
	refused(t, err, 403, "AccessDenied")
	bound, _ := w.user(t, `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com","kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::`+b+`/kms"}}}`)
	read(t, bound, b, "kms")
	_, err = bound.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("dsse")})
	refused(t, err, 403, "AccessDenied")
	// KMS's refusals pass.
	_, err = w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("x"), Body: strings.NewReader("x"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: aws.String("alias/none")})
	refused(t, err, 400, "KMS.NotFoundException")
	_, err = keys.DisableKey(ctx, &kms.DisableKeyInput{KeyId: key})
	ok(t, err)
	_, err = w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("kms")})
	refused(t, err, 400, "KMS.DisabledException")
	_, err = keys.EnableKey(ctx, &kms.EnableKeyInput{KeyId: key})
	ok(t, err)

	// Multipart and copies under keys.
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("parts"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: key, BucketKeyEnabled: aws.Bool(true)})
	ok(t, err)
	p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("parts"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("the only part")})
	ok(t, err)
	_, err = w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("parts"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: p.ETag, PartNumber: aws.Int32(1)}}}})
	ok(t, err)
	cp, err := w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("plain"), CopySource: aws.String(b + "/parts")})
	ok(t, err)
	if cp.ServerSideEncryption != "AES256" {
		t.Errorf("%+v", cp)
	}
	if text, got := read(t, w.s3, b, "parts"); text != "the only part" || !*got.BucketKeyEnabled {
		t.Errorf("%q %+v", text, got)
	}

	// SSE-C: blocked at first, over TLS only, the key not kept.
	tls := w.overTLS(t)
	secret := bytes.Repeat([]byte("k"), 32)
	sum := md5.Sum(secret)
	k64, m64 := base64.StdEncoding.EncodeToString(secret), base64.StdEncoding.EncodeToString(sum[:])
	customer := func(c *s3.Client, k, m string) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("mine"), Body: strings.NewReader("under my key"), SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: &k, SSECustomerKeyMD5: &m})
		return err
	}
	refused(t, customer(tls, k64, m64), 403, "AccessDenied")
	_, err = w.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"}, BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{"NONE"}},
	}}}})
	ok(t, err)
	refused(t, customer(w.s3, k64, m64), 400, "InvalidRequest")
	refused(t, customer(tls, k64, base64.StdEncoding.EncodeToString(make([]byte, 16))), 400, "InvalidArgument")
	ok(t, customer(tls, k64, m64))
	_, err = tls.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("mine")})
	refused(t, err, 400, "InvalidRequest")
	other := bytes.Repeat([]byte("o"), 32)
	sum = md5.Sum(other)
	_, err = tls.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("mine"), SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: aws.String(base64.StdEncoding.EncodeToString(other)), SSECustomerKeyMD5: aws.String(base64.StdEncoding.EncodeToString(sum[:]))})
	refused(t, err, 403, "AccessDenied")
	text, got := read(t, tls, b, "mine", func(in *s3.GetObjectInput) {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = aws.String("AES256"), &k64, &m64
	})
	if text != "under my key" || got.ServerSideEncryption != "" || *got.SSECustomerKeyMD5 != m64 {
		t.Errorf("%q %+v", text, got)
	}
}

// TestRestart: what was acknowledged is there after a restart, ciphertext on disk,
// and a flipped byte is noticed instead of served.
func TestRestart(t *testing.T) {
	w := start(t, redoubttest.Options{Store: "pebble", Change: func(c *server.Config) { c.ListenTLS = "127.0.0.1:0" }})
	b := w.bucket(t)
	plain := strings.Repeat("a line that must not lie on disk\n", 8192)
	w.put(t, b, "large", plain)
	w.put(t, b, "small", "a line that must not lie on disk")
	w.put(t, b, "kms", plain, func(in *s3.PutObjectInput) { in.ServerSideEncryption = "aws:kms" })
	w.Server = w.Server.Restart(t)
	w.s3 = client(w.Admin.Config(region))
	for _, key := range []string{"large", "kms"} {
		if text, _ := read(t, w.s3, b, key); text != plain {
			t.Errorf("%s is not what it was", key)
		}
	}
	find := func(what string) (files []string) {
		err := filepath.WalkDir(w.Data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(what)) {
				files = append(files, path)
			}
			return nil
		})
		ok(t, err)
		return files
	}
	if hits := find("must not lie on disk"); len(hits) > 0 {
		t.Error("plaintext in", hits)
	}
	ok(t, os.WriteFile(filepath.Join(w.Data, "planted"), []byte("it must not lie on disk"), 0o600))
	if hits := find("must not lie on disk"); len(hits) != 1 {
		t.Error("the search does not find what is there:", hits)
	}
	if os.Getenv("REDOUBT_TEST_BLOB") != "" {
		return // where the blobs are no files of this server's
	}
	// A byte in every blob.
	flipped := 0
	ok(t, filepath.WalkDir(filepath.Join(w.Data, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || len(d.Name()) != 32 {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		flipped++
		at := make([]byte, 1)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if _, err := f.ReadAt(at, info.Size()/2); err != nil {
			return err
		}
		_, err = f.WriteAt([]byte{at[0] ^ 1}, info.Size()/2)
		return err
	}))
	if flipped < 2 {
		t.Fatal("blobs found:", flipped)
	}
	for _, key := range []string{"large", "kms"} {
		out, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: &key})
		if err != nil {
			refused(t, err, 500, "InternalError")
			continue
		}
		// The head was out already: the body is cut before the damage.
		body, err := io.ReadAll(out.Body)
		out.Body.Close()
		if err == nil || !strings.HasPrefix(plain, string(body)) {
			t.Errorf("%s: %d damaged bytes were served: %v", key, len(body), err)
		}
	}
}

func (w *world) lifecycle(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	ok(t, err)
	put := func(rules ...types.LifecycleRule) error {
		_, err := w.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
		return err
	}
	on := types.ExpirationStatus("Enabled")
	logs := &types.LifecycleRuleFilter{Prefix: aws.String("logs/")}
	refused(t, put(types.LifecycleRule{Status: on, Filter: logs}), 400, "InvalidRequest")
	refused(t, put(types.LifecycleRule{Status: on, Filter: logs, Transitions: []types.Transition{{Days: aws.Int32(1), StorageClass: "GLACIER"}}}), 501, "NotImplemented")
	refused(t, put(types.LifecycleRule{Status: on, Filter: logs, Expiration: &types.LifecycleExpiration{Days: aws.Int32(0)}}), 400, "InvalidArgument")
	ok(t, put(
		types.LifecycleRule{ID: aws.String("logs"), Status: on, Filter: logs, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)}, NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(2)}},
		types.LifecycleRule{ID: aws.String("rest"), Status: on, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}},
	))
	got, err := w.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b})
	ok(t, err)
	if len(got.Rules) != 2 || *got.Rules[0].ID != "logs" || *got.Rules[0].Expiration.Days != 3 {
		t.Errorf("%+v", got.Rules)
	}
	w.put(t, b, "logs/a", "old")
	w.put(t, b, "logs/a", "new")
	w.put(t, b, "kept", "x")
	_, err = w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("never")})
	ok(t, err)
	// left tells the versions and markers of logs/a and how many uploads there are.
	left := func() (versions, markers, uploads int) {
		list, err := w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b})
		ok(t, err)
		ups, err := w.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &b})
		ok(t, err)
		return len(list.Versions), len(list.DeleteMarkers), len(ups.Uploads)
	}
	until := func(days int, versions, markers, uploads int) {
		t.Helper()
		for range days {
			w.Clock.Advance(24 * time.Hour)
		}
		redoubttest.Eventually(t, func() error {
			if v, m, u := left(); v != versions || m != markers || u != uploads {
				return fmt.Errorf("versions %d, markers %d, uploads %d: want %d %d %d", v, m, u, versions, markers, uploads)
			}
			return nil
		})
	}
	until(2, 3, 0, 0) // the upload is aborted
	until(1, 2, 0, 0) // the noncurrent version has gone
	until(1, 2, 1, 0) // the object got a delete marker
	// What it hides goes, then the marker itself, which stands alone.
	redoubttest.Eventually(t, func() error {
		if v, m, _ := left(); v != 1 || m != 0 {
			w.Clock.Advance(24 * time.Hour)
			return fmt.Errorf("versions %d, markers %d", v, m)
		}
		return nil
	})
	read(t, w.s3, b, "kept")
}
