package proof

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// keep stores objects in every way that encrypts them, replaces and deletes some, and
// adds what they hold to the secrets. over is the address of the HTTPS listener.
func (p *process) keep(t *testing.T, s secrets, over string, check func()) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	api := p.s3(t)
	ca, err := os.ReadFile(filepath.Join(p.data, "ca.pem"))
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	private := s3.New(api.Options(), func(o *s3.Options) {
		o.BaseEndpoint = aws.String("https://" + over)
		o.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	})
	key := p.must(t, &kmsapi.Model, "CreateKey", object{}, p.admin).at("KeyMetadata.KeyId")
	customer := make([]byte, 32)
	rand.Read(customer)
	s["customer's key"] = customer
	sum := md5.Sum(customer)
	c64, m64 := base64.StdEncoding.EncodeToString(customer), base64.StdEncoding.EncodeToString(sum[:])

	const plain, versioned = "objects", "versions"
	for _, b := range []string{plain, versioned} {
		_, err := api.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &b})
		must(err)
		_, err = api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"}, BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{"NONE"}},
		}}}})
		must(err)
	}
	_, err = api.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String(versioned), VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	must(err)

	// text is what an object of a kind holds: a line over and over, so that every piece
	// of it would show, and would say whose it is.
	s["data of an object"] = []byte(" holds what nobody may read")
	text := func(what string, size int) []byte {
		line := []byte(what + " holds what nobody may read\n")
		return bytes.Repeat(line, size/len(line)+1)
	}
	ways := map[string]func(*s3.PutObjectInput){
		"SSE-S3":  func(*s3.PutObjectInput) {},
		"SSE-KMS": func(in *s3.PutObjectInput) { in.ServerSideEncryption, in.SSEKMSKeyId = "aws:kms", &key },
		"Bucket Key": func(in *s3.PutObjectInput) {
			in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = "aws:kms", &key, aws.Bool(true)
		},
		"DSSE": func(in *s3.PutObjectInput) { in.ServerSideEncryption, in.SSEKMSKeyId = "aws:kms:dsse", &key },
		"SSE-C": func(in *s3.PutObjectInput) {
			in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = aws.String("AES256"), &c64, &m64
		},
	}
	for way, ask := range ways {
		for what, size := range map[string]int{"a small": 10, "a large": 300_000} {
			for _, turn := range []string{"deleted", "replaced", "last"} {
				for _, b := range []string{plain, versioned} {
					what := what + " object, " + way + ", " + b + ", " + turn
					in := &s3.PutObjectInput{Bucket: &b, Key: aws.String(marked + way + what[:7]), Body: bytes.NewReader(text(what, size))}
					ask(in)
					_, err := private.PutObject(ctx, in)
					must(err)
					if turn == "deleted" {
						_, err := api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: in.Key})
						must(err)
					}
				}
			}
		}
		// In parts, completed and not.
		var in s3.PutObjectInput
		ask(&in)
		for _, complete := range []bool{true, false} {
			k := aws.String(marked + way + "parts")
			up, err := private.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(plain), Key: k, ServerSideEncryption: in.ServerSideEncryption, SSEKMSKeyId: in.SSEKMSKeyId, BucketKeyEnabled: in.BucketKeyEnabled,
				SSECustomerAlgorithm: in.SSECustomerAlgorithm, SSECustomerKey: in.SSECustomerKey, SSECustomerKeyMD5: in.SSECustomerKeyMD5})
			must(err)
			var parts []types.CompletedPart
			sizes := []int{100_000}
			if way == "DSSE" && complete {
				sizes = []int{5 << 20, 100}
			}
			for n, size := range sizes {
				what := map[bool]string{true: "a part", false: "a lonely part"}[complete] + ", " + way + ", " + string(rune('1'+n))
				p, err := private.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(plain), Key: k, UploadId: up.UploadId, PartNumber: aws.Int32(int32(n + 1)), Body: bytes.NewReader(text(what, size)),
					SSECustomerAlgorithm: in.SSECustomerAlgorithm, SSECustomerKey: in.SSECustomerKey, SSECustomerKeyMD5: in.SSECustomerKeyMD5})
				must(err)
				parts = append(parts, types.CompletedPart{ETag: p.ETag, PartNumber: aws.Int32(int32(n + 1))})
			}
			if complete {
				_, err := private.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(plain), Key: k, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
					SSECustomerAlgorithm: in.SSECustomerAlgorithm, SSECustomerKey: in.SSECustomerKey, SSECustomerKeyMD5: in.SSECustomerKeyMD5})
				must(err)
			}
		}
	}
	check()
	_, err = api.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(versioned), Key: aws.String(marked + "copy"), CopySource: aws.String(plain + "/" + marked + "DSSEa large")})
	must(err)
}
