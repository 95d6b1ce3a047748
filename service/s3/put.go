package s3

import (
	"context"
	"errors"
	"io"
	"sync"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// PutObject stores an object. Data are encrypted as they come, and nothing shows
// before all of it was checked and is durable.
func (s *Service) PutObject(ctx context.Context, c *redoubt.Call, in *api.PutObjectInput) (*api.PutObjectOutput, error) {
	if in.Body != nil {
		defer in.Body.Close()
	}
	if in.WriteOffsetBytes != nil {
		return nil, notImplemented("x-amz-write-offset-bytes")
	}
	cond, err := writeCondition(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	data, err := received(in.Body, in.ContentLength)
	if err != nil {
		return nil, err
	}
	sums, err := claimed(in, in.ContentMD5, in.ChecksumAlgorithm, announced(in.Body))
	if err != nil {
		return nil, err
	}
	encryption := &sse{in.ServerSideEncryption, in.SSEKMSKeyId, in.SSEKMSEncryptionContext, in.BucketKeyEnabled, customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}}
	about := saidBy(in)
	w, err := s.create(ctx, c, in.Bucket, value(in.Key), data.length, encryption, about, sums.sums())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	got, err := w.take(data)
	if err != nil {
		return nil, err
	}
	if err := sums.check(got, data.trailer()); err != nil {
		return nil, err
	}
	v, b, err := s.commit(ctx, c, w, about, got.Checksum(sums.kept()), cond, putEvent(c))
	if err != nil {
		return nil, err
	}
	out := &api.PutObjectOutput{
		ETag: shownETag(v.ETag), VersionId: b.writtenID(v), ServerSideEncryption: shownKind(&v.Encryption), SSEKMSKeyId: given(v.Encryption.KeyARN),
		SSEKMSEncryptionContext: shownContext(in.SSEKMSEncryptionContext, &v.Encryption), BucketKeyEnabled: given(v.Encryption.BucketKey), RequestCharged: charged(c, b),
	}
	if out.Expiration, err = s.expiration(ctx, b, v); err != nil {
		return nil, err
	}
	if v.Encryption.Kind == objects.SSEC {
		out.SSECustomerAlgorithm, out.SSECustomerKeyMD5 = in.SSECustomerAlgorithm, in.SSECustomerKeyMD5
	}
	setChecksum(out, v.Checksum)
	return out, nil
}

// putEvent is what notifications call it: forms have an event of their own.
func putEvent(c *redoubt.Call) string {
	if c.Signature.Type == "POST" {
		return "Post"
	}
	return "Put"
}

// announced are the trailers that a request's head promises.
func announced(body io.Reader) []string {
	if a, ok := body.(interface{ Announced() []string }); ok {
		return a.Announced()
	}
	return nil
}

func saidBy(in *api.PutObjectInput) *said {
	return &said{
		acl:          newACL(in.ACL, in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP),
		cacheControl: in.CacheControl, disposition: in.ContentDisposition, encoding: in.ContentEncoding, language: in.ContentLanguage,
		contentType: in.ContentType, expires: in.Expires, redirect: in.WebsiteRedirectLocation, class: in.StorageClass, tagging: in.Tagging,
		metadata: in.Metadata, lockMode: in.ObjectLockMode, lockUntil: in.ObjectLockRetainUntilDate, legalHold: in.ObjectLockLegalHoldStatus,
	}
}

// writeCondition reads the conditions of a write. S3 knows two forms.
func writeCondition(match, noneMatch *string) (objects.Condition, error) {
	refused := func(header, more string) (objects.Condition, error) {
		e := notImplemented(header)
		e.Fields["additionalMessage"] = more // begins in lower case, and is no header
		return objects.Condition{}, e
	}
	switch {
	case match != nil && noneMatch != nil:
		return refused("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
	case noneMatch != nil && *noneMatch != "*":
		return refused("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
	case match != nil && *match == "*":
		return refused("If-Match", "We don't accept the provided value of If-Match header for this API")
	}
	return objects.Condition{IfMatch: bareETag(value(match)), IfNoneMatch: noneMatch != nil}, nil
}

// writer is an object on its way.
type writer struct {
	*objects.Writer
	bucket  *Bucket
	key     string
	secrets [][]byte
}

// Close drops what was not committed.
func (w *writer) Close() error {
	wipe(w.secrets)
	return w.Writer.Close()
}

// create begins an object: everything that can be refused before the data come is.
func (s *Service) create(ctx context.Context, c *redoubt.Call, name *string, key string, size int64, r *sse, about *said, sums []objects.Algorithm) (*writer, error) {
	switch {
	case len(key) > objects.MaxKey:
		return nil, keyTooLong(key)
	case size > objects.MaxPart:
		return nil, tooLarge()
	}
	var b *Bucket
	if err := s.once(ctx, func(ctx context.Context) (err error) {
		if b, err = bucket(ctx, name); err == nil {
			_, err = about.attributes(ctx, c, b)
		}
		return err
	}); err != nil {
		return nil, err
	}
	enc, secrets, err := s.encrypt(ctx, c, b, key, r)
	if err != nil {
		return nil, err
	}
	w, err := s.Objects.Create(ctx, objects.NewObject{Bucket: b.ID, Key: key, Size: size, Encryption: enc, Secrets: secrets, Sums: sums})
	if err != nil {
		wipe(secrets)
		return nil, ofObjects(err, b, key, "")
	}
	return &writer{w, b, key, secrets}, nil
}

// buffers carry data from requests to the engine.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// take reads all data and makes them durable.
func (w *writer) take(data input) (objects.Sums, error) {
	buf := buffers.Get().(*[64 << 10]byte)
	defer func() {
		clear(buf[:])
		buffers.Put(buf)
	}()
	if err := pump(w.Writer, data, buf[:]); err != nil {
		return nil, ofObjects(err, w.bucket, w.key, "")
	}
	if data.length >= 0 && w.Size() != data.length {
		return nil, refusal(400, "IncompleteBody", "The request body terminated unexpectedly")
	}
	sums, err := w.Finish()
	return sums, ofObjects(err, w.bucket, w.key, "")
}

// pump copies until the data end, through buf alone.
func pump(to io.Writer, from io.Reader, buf []byte) error {
	for {
		n, err := io.ReadFull(from, buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// commit makes the object visible, if the bucket is still the one that it was
// written for. event is what notifications call it.
func (s *Service) commit(ctx context.Context, c *redoubt.Call, w *writer, about *said, sum objects.Checksum, cond objects.Condition, event string) (v *objects.Version, b *Bucket, err error) {
	err = s.once(ctx, func(ctx context.Context) error {
		if b, err = same(ctx, w.bucket); err != nil {
			return err
		}
		a, err := about.attributes(ctx, c, b)
		if err != nil {
			return err
		}
		if v, err = w.Commit(ctx, objects.Put{Versioning: b.mode(), Attributes: a, Checksum: sum, Condition: cond}); err != nil {
			return ofObjects(err, b, w.key, "")
		}
		return s.notify(ctx, c, b, "ObjectCreated:"+event, v)
	})
	return v, b, err
}

// same finds a bucket again, unless it was deleted since.
func same(ctx context.Context, b *Bucket) (*Bucket, error) {
	now, err := bucket(ctx, &b.Name)
	if err == nil && now.ID != b.ID {
		return nil, noSuchBucket(b.Name)
	}
	return now, err
}
