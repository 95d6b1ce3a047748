package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
)

// putFile delivers records as one file.
func (s *Service) putFile(ctx context.Context, t *Trail, region string, records []*trail.Record, at time.Time) (File, error) {
	var text bytes.Buffer
	text.WriteString(`{"Records":[`)
	for i, r := range records {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(r.JSON)
	}
	text.WriteString("]}")
	name := fmt.Sprintf("%s_CloudTrail_%s_%s_%s.json.gz", t.Account, region, at.UTC().Format("20060102T1504Z"), unique())
	f := File{
		Bucket: t.Bucket, Object: t.folder("CloudTrail", region, at) + name, Hash: hash(text.Bytes()),
		Oldest: records[0].Time, Newest: records[len(records)-1].Time,
	}
	return f, s.put(ctx, t, f.Object, text.Bytes(), nil)
}

// put writes a file into the trail's bucket, compressed, as CloudTrail itself: the
// bucket's policy decides.
func (s *Service) put(ctx context.Context, t *Trail, object string, text []byte, metadata map[string]string) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	in := &s3api.PutObjectInput{
		Bucket: &t.Bucket, Key: &object, Body: &content{Reader: bytes.NewReader(packed.Bytes()), size: int64(packed.Len())},
		ContentLength: new(int64(packed.Len())), ContentType: new("application/json"), ContentEncoding: new("gzip"),
		ACL: new(s3api.ObjectCannedACLBucketOwnerFullControl), Metadata: metadata,
	}
	if t.Key != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = new(s3api.ServerSideEncryptionAwsKms), &t.Key
	}
	_, err := op.Invoke(ctx, s.invoker, t.as(), s3api.OpPutObject, in)
	return err
}

// content is a file on its way to S3, whose size is known.
type content struct {
	io.Reader
	size int64
}

// Length implements redoubt.Stream.
func (c *content) Length() int64 { return c.size }

// Trailer implements redoubt.Stream.
func (c *content) Trailer() map[string][]string { return nil }

// Close implements io.Closer.
func (c *content) Close() error { return nil }

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// unique is the part of a file's name that keeps it from replacing another.
func unique() string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	var b [16]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b[:])
}
