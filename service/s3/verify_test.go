package s3_test

import (
	"bytes"
	"encoding/json"
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
	"github.com/redoubt-sec/redoubt/service/admin"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// verify asks the server to look at all data, as the account's administrator.
func verify(t *testing.T, w *redoubttest.Server, a *redoubttest.Account) (*http.Response, []admin.Line) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/_redoubt/v1/blob/verify", strings.NewReader("{}"))
	ok(t, err)
	r.Header.Set("Content-Type", "application/json")
	(&sigv4.Signer{AccessKeyID: a.AccessKeyID, Secret: a.Secret, Region: region, Service: "redoubt"}).Sign(r, []byte("{}"), time.Now())
	resp, err := http.DefaultTransport.RoundTrip(r)
	ok(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return resp, nil
	}
	var lines []admin.Line
	for d := json.NewDecoder(resp.Body); ; {
		var l admin.Line
		err := d.Decode(&l)
		if err == io.EOF {
			return resp, lines
		}
		ok(t, err)
		lines = append(lines, l)
	}
}

// A running server verifies its data, those under KMS keys as far as who asks may use
// them, and says why others were not opened.
func TestVerify(t *testing.T) {
	w := start(t, redoubttest.Options{})
	keys := kms.NewFromConfig(w.Admin.Config(region))
	key := func() *string {
		out, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{})
		ok(t, err)
		return out.KeyMetadata.Arn
	}
	good, bad := key(), key()
	b := w.bucket(t)
	large := strings.Repeat("some data ", 20_000)
	under := func(kind types.ServerSideEncryption, key *string, bucketKey bool) func(*s3.PutObjectInput) {
		return func(in *s3.PutObjectInput) {
			in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = kind, key, &bucketKey
		}
	}
	w.put(t, b, "plain", large)
	w.put(t, b, "kms", large, under(types.ServerSideEncryptionAwsKms, good, false))
	w.put(t, b, "managed", "small", under(types.ServerSideEncryptionAwsKms, nil, false))
	w.put(t, b, "bucketkey", large, under(types.ServerSideEncryptionAwsKms, good, true))
	w.put(t, b, "dsse", large, under(types.ServerSideEncryptionAwsKmsDsse, good, false))
	w.put(t, b, "disabled", large, under(types.ServerSideEncryptionAwsKms, bad, false))
	w.put(t, b, "disabled2", large, under(types.ServerSideEncryptionAwsKms, bad, true))
	up, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("up"), ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: good})
	ok(t, err)
	_, err = w.s3.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(large)})
	ok(t, err)
	_, err = keys.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: bad})
	ok(t, err)

	// Another account's administrator does not administer the installation.
	if r, _ := verify(t, w.Server, w.other); r.StatusCode != 403 {
		t.Error(r.Status)
	}
	end := func() admin.Line {
		t.Helper()
		_, lines := verify(t, w.Server, w.Admin)
		last := lines[len(lines)-1]
		if last.Report == nil || last.Error != "" || lines[0].Progress == nil && len(lines) > 1 {
			t.Fatalf("%+v", lines)
		}
		return last
	}
	r := end().Report
	if why := "KMS.DisabledException: " + *bad; r.Versions != 7 || r.Parts != 1 || r.Bad != 0 || r.Decrypted != 6 || len(r.Skipped) != 1 || r.Skipped[why] != 2 {
		t.Errorf("%+v", r)
	}

	// A byte that was changed under a KMS key is found by its chunk, by whoever may open
	// it.
	var spoilt string
	ok(t, filepath.WalkDir(w.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || len(d.Name()) != 32 {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && len(text) > len(large) && spoilt == "" {
			spoilt = path
			text[100_000] ^= 1
			err = os.WriteFile(path, text, 0o600)
		}
		return err
	}))
	last := end()
	if last.Report.Bad != 1 || len(last.Faults) != 1 || last.Faults[0].Segment != filepath.Base(spoilt) || !bytes.Contains([]byte(last.Faults[0].Problem), []byte("damaged")) {
		t.Errorf("%+v", last)
	}
}
