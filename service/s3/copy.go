package s3

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// source is what x-amz-copy-source names.
type source struct {
	bucket, key string
	version     *string
}

// copySource reads x-amz-copy-source: bucket/key, or an access point's ARN with
// /object/key, percent-encoded, with ?versionId behind it.
func copySource(header *string) (*source, error) {
	text := value(header)
	bad := invalidArgument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
	src := &source{}
	if path, query, ok := strings.Cut(text, "?"); ok {
		q, err := url.ParseQuery(query)
		if err != nil {
			return nil, bad
		}
		if v := q.Get("versionId"); v != "" {
			src.version = &v
		}
		text = path
	}
	path, err := url.PathUnescape(text)
	if err != nil {
		return nil, bad
	}
	path = strings.TrimPrefix(path, "/")
	if strings.HasPrefix(path, "arn:") {
		point, key, ok := strings.Cut(path, "/object/")
		if !ok {
			return nil, bad
		}
		src.bucket, src.key = point, key
	} else {
		src.bucket, src.key, _ = strings.Cut(path, "/")
	}
	if src.bucket == "" || src.key == "" {
		return nil, bad
	}
	return src, nil
}

// copyNeeds: reading the source and writing the object, with what comes with it.
func (s *Service) copyNeeds(ctx context.Context, c *redoubt.Call, in *api.CopyObjectInput) ([]redoubt.Need, error) {
	src, err := copySource(in.CopySource)
	if err != nil {
		return nil, err
	}
	reads, v, err := s.readNeeds(ctx, c, reading{&src.bucket, &src.key, src.version, in.ExpectedSourceBucketOwner, in.RequestPayer}, "s3:GetObject")
	if err != nil {
		return nil, err
	}
	var put api.PutObjectInput
	fill(&put, in)
	with := conditions{"s3:x-amz-copy-source": {strings.TrimPrefix(value(in.CopySource), "/")}}
	with.set("s3:x-amz-metadata-directive", in.MetadataDirective)
	if value(in.TaggingDirective) != "REPLACE" {
		put.Tagging = nil
		if v != nil && len(v.Tags) > 0 {
			q := url.Values{}
			for k, t := range v.Tags {
				q.Set(k, t)
			}
			put.Tagging = new(q.Encode())
			reads = append(reads, reads[0])
			reads[len(reads)-1].Action = versioned("s3:GetObjectTagging", src.version)
		}
	}
	writes, err := s.writeNeeds(ctx, c, &put, with)
	return append(reads, writes...), err
}

// CopyObject copies an object, within S3's limit for one copy. Its data are opened
// for the caller and encrypted anew.
func (s *Service) CopyObject(ctx context.Context, c *redoubt.Call, in *api.CopyObjectInput) (*api.CopyObjectOutput, error) {
	src, err := copySource(in.CopySource)
	if err != nil {
		return nil, err
	}
	cond, err := writeCondition(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	for name, d := range map[string]*string{"x-amz-metadata-directive": in.MetadataDirective, "x-amz-tagging-directive": in.TaggingDirective} {
		if d != nil && *d != "COPY" && *d != "REPLACE" {
			return nil, invalidArgument("Unknown "+strings.TrimSuffix(strings.TrimPrefix(name, "x-amz-"), "-directive")+" directive.", name, *d)
		}
	}
	var from *Bucket
	var v *objects.Version
	if from, v, err = s.source(ctx, c, src); err != nil {
		return nil, err
	}
	asked := readCondition{in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince}
	if err := asked.ofCopy(v, c.Time); err != nil {
		return nil, err
	}
	if v.Size > objects.MaxPart {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	if s.inPlace(in, src, from, v) {
		return nil, invalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	var put api.PutObjectInput
	fill(&put, in)
	about := saidBy(&put)
	if value(in.MetadataDirective) != "REPLACE" {
		about.keep(v)
	}
	if value(in.TaggingDirective) != "REPLACE" {
		about.tagging = tagText(v.Tags)
	}
	kept := v.Checksum.Algorithm
	if in.ChecksumAlgorithm != nil {
		kept = objects.Algorithm(*in.ChecksumAlgorithm)
		if _, ok := sizeOf(kept); !ok {
			return nil, unsupported()
		}
	}
	if kept == "" {
		kept = objects.CRC64NVME
	}
	secrets, err := s.secrets(ctx, c, from, &v.Encryption, customerKey{in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5})
	if err != nil {
		return nil, err
	}
	defer wipe(secrets)
	encryption := &sse{in.ServerSideEncryption, in.SSEKMSKeyId, in.SSEKMSEncryptionContext, in.BucketKeyEnabled, customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}}
	w, err := s.create(ctx, c, in.Bucket, value(in.Key), v.Size, encryption, about, []objects.Algorithm{kept})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	body, err := s.Objects.Open(ctx, v, objects.Read{Secrets: secrets, Length: -1})
	if err != nil {
		return nil, s.changed(ofObjects(err, from, src.key, ""))
	}
	defer body.Close()
	got, err := w.take(input{Reader: body, length: v.Size})
	if err != nil {
		return nil, err
	}
	made, b, err := s.commit(ctx, c, w, about, got.Checksum(kept), cond, "Copy")
	if err != nil {
		return nil, err
	}
	result := &api.CopyObjectResult{ETag: shownETag(made.ETag), LastModified: new(made.Modified)}
	setChecksum(result, made.Checksum)
	out := &api.CopyObjectOutput{
		CopyObjectResult: result, VersionId: b.versionID(made), ServerSideEncryption: shownKind(&made.Encryption), SSEKMSKeyId: given(made.Encryption.KeyARN),
		SSEKMSEncryptionContext: shownContext(in.SSEKMSEncryptionContext, &made.Encryption), BucketKeyEnabled: given(made.Encryption.BucketKey), RequestCharged: charged(c, b),
		CopySourceVersionId: from.sourceID(v),
	}
	if out.Expiration, err = s.expiration(ctx, b, made); err != nil {
		return nil, err
	}
	if made.Encryption.Kind == objects.SSEC {
		out.SSECustomerAlgorithm, out.SSECustomerKeyMD5 = in.SSECustomerAlgorithm, in.SSECustomerKeyMD5
	}
	return out, nil
}

// changed: a source that was deleted while it was copied is not there.
func (s *Service) changed(err error) error {
	if errors.Is(err, objects.ErrChanged) {
		return refusal(409, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.")
	}
	return err
}

// source finds what is copied.
func (s *Service) source(ctx context.Context, c *redoubt.Call, src *source) (*Bucket, *objects.Version, error) {
	b, v, err := s.look(ctx, c, &src.bucket, &src.key, src.version)
	if e, ok := errors.AsType[*redoubt.Error](err); ok && e.Code == "MethodNotAllowed" {
		err = invalidRequest("The source of a copy request may not specifically refer to a delete marker by version id.")
	}
	if err == nil && unreadable(v, c.Time) {
		err = refusal(403, "ObjectNotInActiveTierError", "The source object of the COPY operation is not in the active tier and is only stored in Amazon Glacier.")
	}
	return b, v, err
}

// inPlace reports whether a copy onto itself would change nothing. Where the bucket
// was told how to encrypt, or does it otherwise than the object is, S3 takes that for a
// change.
func (s *Service) inPlace(in *api.CopyObjectInput, src *source, from *Bucket, v *objects.Version) bool {
	return src.bucket == value(in.Bucket) && src.key == value(in.Key) && src.version == nil &&
		value(in.MetadataDirective) != "REPLACE" && in.StorageClass == nil && in.WebsiteRedirectLocation == nil && in.ServerSideEncryption == nil &&
		in.SSECustomerAlgorithm == nil && in.BucketKeyEnabled == nil && in.ChecksumAlgorithm == nil &&
		!from.Encryption.Told && string(v.Encryption.Kind) == from.Encryption.Algorithm
}

// keep takes the source's metadata over. The redirect location is not among it.
func (r *said) keep(v *objects.Version) {
	kept := func(name string) *string { return given(v.System[name]) }
	r.cacheControl, r.disposition, r.encoding, r.language, r.contentType = kept(metaCacheControl), kept(metaDisposition), kept(metaEncoding), kept(metaLanguage), kept(metaType)
	r.expires = nil
	if t, err := time.Parse(time.RFC3339, v.System[metaExpires]); err == nil {
		r.expires = &t
	}
	r.metadata = v.User
}

// tagText writes tags as the header x-amz-tagging does.
func tagText(tags map[string]string) *string {
	q := url.Values{}
	for k, v := range tags {
		q.Set(k, v)
	}
	return given(q.Encode())
}

// ofCopy is check for a copy's source, which is never "not modified": it fails.
func (r readCondition) ofCopy(v *objects.Version, now time.Time) error {
	e, ok := errors.AsType[*redoubt.Error](r.check(v, now))
	switch {
	case !ok:
		return nil
	case e.Code != "NotModified":
		return preconditionFailed("x-amz-copy-source-" + e.Fields["Condition"].(string))
	case r.noneMatch != nil:
		return preconditionFailed("x-amz-copy-source-If-None-Match")
	}
	return preconditionFailed("x-amz-copy-source-If-Modified-Since")
}
