package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

func (s *Service) getNeeds(ctx context.Context, c *redoubt.Call, in *api.GetObjectInput) ([]redoubt.Need, error) {
	needs, _, err := s.readNeeds(ctx, c, reading{in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, in.RequestPayer}, "s3:GetObject")
	return needs, err
}

func (s *Service) headNeeds(ctx context.Context, c *redoubt.Call, in *api.HeadObjectInput) ([]redoubt.Need, error) {
	needs, _, err := s.readNeeds(ctx, c, reading{in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, in.RequestPayer}, "s3:GetObject")
	return needs, err
}

// look finds the version that a request reads, in a transaction of its own.
func (s *Service) look(ctx context.Context, c *redoubt.Call, name, key, version *string) (b *Bucket, v *objects.Version, err error) {
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		if b, err = bucket(ctx, name); err != nil {
			return err
		}
		v, err = s.Objects.Head(ctx, b.ID, value(key), value(version))
		return s.missing(c, b, value(key), version, err)
	})
	return b, v, err
}

// missing words what the engine says of a version that cannot be had. Whoever may
// not list the bucket is not told that it is missing.
func (s *Service) missing(c *redoubt.Call, b *Bucket, key string, version *string, err error) error {
	if err == nil {
		return nil
	}
	marker, isMarker := errors.AsType[*objects.MarkerError](err)
	if c.Denied[itemList] != nil && !errors.Is(err, objects.ErrBadVersion) {
		if isMarker || errors.Is(err, objects.ErrNoKey) || errors.Is(err, objects.ErrNoVersion) || errors.Is(err, objects.ErrBadKey) {
			return c.Denied[itemList]
		}
	}
	switch {
	case isMarker && version != nil:
		return refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.",
			"Method", method(c.Operation), "ResourceType", "DeleteMarker", "x-amz-delete-marker", "true", "x-amz-version-id", marker.Version.ID, "allow", "DELETE",
			"last-modified", marker.Version.Modified.UTC().Format(http.TimeFormat))
	case isMarker:
		e := noSuchKey(key)
		e.Fields["x-amz-delete-marker"], e.Fields["x-amz-version-id"] = "true", marker.Version.ID
		return e
	}
	return ofObjects(err, b, key, value(version))
}

// method is the HTTP method of an operation, as an error tells it.
func method(operation string) string {
	switch {
	case strings.HasPrefix(operation, "Head"):
		return "HEAD"
	case strings.HasPrefix(operation, "Put"):
		return "PUT"
	case strings.HasPrefix(operation, "Delete"):
		return "DELETE"
	}
	return "GET"
}

// GetObject answers an object's data, or a range of them.
func (s *Service) GetObject(ctx context.Context, c *redoubt.Call, in *api.GetObjectInput) (*api.GetObjectOutput, error) {
	for try := 0; ; try++ {
		out, err := s.get(ctx, c, in, true)
		if errors.Is(err, objects.ErrChanged) && try < 8 {
			continue // it was replaced between the two looks
		}
		return out, err
	}
}

// HeadObject answers what GetObject does, without the data.
func (s *Service) HeadObject(ctx context.Context, c *redoubt.Call, in *api.HeadObjectInput) (*api.HeadObjectOutput, error) {
	var get api.GetObjectInput
	fill(&get, in)
	got, err := s.get(ctx, c, &get, false)
	if err != nil {
		return nil, err
	}
	out := &api.HeadObjectOutput{}
	fill(out, got)
	return out, nil
}

func (s *Service) get(ctx context.Context, c *redoubt.Call, in *api.GetObjectInput, data bool) (*api.GetObjectOutput, error) {
	if err := overrides(c, in); err != nil {
		return nil, err
	}
	if in.Range != nil && in.PartNumber != nil {
		return nil, invalidRequest("Cannot specify both Range header and partNumber query parameter")
	}
	b, v, err := s.look(ctx, c, in.Bucket, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	customer := customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}
	cond := readCondition{in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince}
	if err := cond.check(v, c.Time); err != nil {
		return nil, err
	}
	out := s.described(c, b, v, in)
	if data && unreadable(v, c.Time) {
		e := refusal(403, string(api.ErrInvalidObjectState), "The operation is not valid for the object's storage class", "StorageClass", v.Class)
		return nil, e
	}
	at, sum := span{0, v.Size, false}, v.Checksum
	switch {
	case in.PartNumber != nil:
		var p *objects.Part
		if at, p, err = s.part(ctx, v, int(*in.PartNumber)); err != nil {
			return nil, err
		}
		if sum.Type == objects.Composite {
			sum.Value = p.Checksum.Value
		} else if at.length != v.Size {
			sum.Value = "" // a whole object's checksum says nothing of its parts
		}
		if v.Parts > 0 {
			out.PartsCount = new(int32(v.Parts))
		}
	case in.Range != nil:
		if at, err = parseRange(*in.Range, v.Size); err != nil {
			return nil, err
		}
		if at.partial {
			sum.Value = ""
		}
	}
	if at.partial {
		out.ContentRange = new("bytes " + strconv.FormatInt(at.offset, 10) + "-" + strconv.FormatInt(at.offset+at.length-1, 10) + "/" + strconv.FormatInt(v.Size, 10))
	}
	out.ContentLength = &at.length
	if value(in.ChecksumMode) == "ENABLED" {
		setChecksum(out, sum)
	}
	if in.VersionId == nil {
		if out.Expiration, err = s.expiration(ctx, b, v); err != nil {
			return nil, err
		}
	}
	if v.Encryption.Kind == objects.SSEC {
		out.SSECustomerAlgorithm, out.SSECustomerKeyMD5 = in.SSECustomerAlgorithm, in.SSECustomerKeyMD5
	}
	if !data && v.Encryption.Kind != objects.SSEC {
		if customer.given() {
			return nil, invalidRequest("The encryption parameters are not applicable to this object.")
		}
		return out, nil // of what KMS keys protect, metadata are no part
	}
	secrets, err := s.secrets(ctx, c, b, &v.Encryption, customer)
	if err != nil {
		return nil, err
	}
	defer wipe(secrets)
	if !data {
		return out, nil
	}
	body, err := s.Objects.Open(ctx, v, objects.Read{Secrets: secrets, Offset: at.offset, Length: at.length})
	if err != nil {
		if errors.Is(err, objects.ErrChanged) {
			return nil, err
		}
		return nil, ofObjects(err, b, value(in.Key), value(in.VersionId))
	}
	out.Body = body
	return out, nil
}

// described answers the headers of a version.
func (s *Service) described(c *redoubt.Call, b *Bucket, v *objects.Version, in *api.GetObjectInput) *api.GetObjectOutput {
	out := &api.GetObjectOutput{
		AcceptRanges: new("bytes"), LastModified: new(v.Modified.Truncate(time.Second)), ETag: shownETag(v.ETag), VersionId: b.versionID(v),
		CacheControl: override(in.ResponseCacheControl, v.System[metaCacheControl]), ContentDisposition: override(in.ResponseContentDisposition, v.System[metaDisposition]),
		ContentEncoding: override(in.ResponseContentEncoding, v.System[metaEncoding]), ContentLanguage: override(in.ResponseContentLanguage, v.System[metaLanguage]),
		ContentType: override(in.ResponseContentType, v.System[metaType]), Expires: in.ResponseExpires,
		WebsiteRedirectLocation: given(v.System[metaRedirect]), Metadata: encodedWords(v.User),
		ServerSideEncryption: shownKind(&v.Encryption), SSEKMSKeyId: given(v.Encryption.KeyARN),
		StorageClass: given(v.Class), Restore: restoration(v, c.Time), RequestCharged: charged(c, b),
	}
	if out.ContentType == nil {
		out.ContentType = new("binary/octet-stream")
	}
	if t, err := time.Parse(time.RFC3339, v.System[metaExpires]); err == nil && out.Expires == nil {
		out.Expires = &t
	}
	if v.Encryption.BucketKey {
		out.BucketKeyEnabled = new(true)
	}
	if n := int32(len(v.Tags)); n > 0 && c.Denied[itemTags] == nil {
		out.TagCount = &n
	}
	if v.Lock.Mode != "" && c.Denied[itemRetention] == nil {
		out.ObjectLockMode, out.ObjectLockRetainUntilDate = &v.Lock.Mode, &v.Lock.Until
	}
	if v.Lock.Held && c.Denied[itemHold] == nil {
		out.ObjectLockLegalHoldStatus = new(hold(v.Lock))
	}
	return out
}

func override(asked *string, kept string) *string {
	if asked != nil {
		return asked
	}
	return given(kept)
}

// overrides: only who signs may ask for other headers.
func overrides(c *redoubt.Call, in *api.GetObjectInput) error {
	if c.Principal.Kind != redoubt.Anonymous {
		return nil
	}
	for _, v := range []*string{in.ResponseCacheControl, in.ResponseContentDisposition, in.ResponseContentEncoding, in.ResponseContentLanguage, in.ResponseContentType} {
		if v != nil {
			return invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
		}
	}
	if in.ResponseExpires != nil {
		return invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
	}
	return nil
}

// span is a part of an object's data.
type span struct {
	offset, length int64
	partial        bool
}

// part is where the n-th part of an object lies.
func (s *Service) part(ctx context.Context, v *objects.Version, n int) (span, *objects.Part, error) {
	if n < 1 || n > objects.MaxParts {
		return span{}, nil, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", itoa(n))
	}
	var p *objects.Part
	err := s.DB.Run(ctx, func(ctx context.Context) (err error) { p, err = s.Objects.PartAt(ctx, v, n); return err })
	if errors.Is(err, objects.ErrRange) {
		return span{}, nil, refusal(416, "InvalidPartNumber", "The requested partnumber is not satisfiable", "PartNumberRequested", itoa(n), "ActualPartCount", itoa(max(v.Parts, 1)))
	}
	if err != nil {
		return span{}, nil, err
	}
	return span{p.Offset, p.Size, v.Size > 0}, p, nil
}

// parseRange reads a Range header of one range of bytes. What is no such range is
// left alone, as HTTP has it (RFC 9110, section 14.2).
func parseRange(header string, size int64) (span, error) {
	whole := span{0, size, false}
	text, ok := strings.CutPrefix(strings.TrimSpace(header), "bytes=")
	if !ok || strings.Contains(text, ",") {
		return whole, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(text), "-")
	if !ok {
		return whole, nil
	}
	unsatisfiable := func() error {
		return refusal(416, "InvalidRange", "The requested range is not satisfiable", "RangeRequested", header, "ActualObjectSize", strconv.FormatInt(size, 10))
	}
	number := func(s string) (int64, bool) {
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil && s[0] != '+' && s[0] != '-'
	}
	if first == "" {
		n, ok := number(last)
		if last == "" || !ok {
			return whole, nil
		}
		if n == 0 || size == 0 {
			return span{}, unsatisfiable()
		}
		n = min(n, size)
		return span{size - n, n, true}, nil
	}
	from, ok := number(first)
	to := size - 1
	if ok && last != "" {
		to, ok = number(last)
	}
	if !ok || last != "" && to < from {
		return whole, nil
	}
	if from >= size {
		return span{}, unsatisfiable()
	}
	to = min(to, size-1)
	return span{from, to - from + 1, true}, nil
}

// readCondition is what a read asks of the version.
type readCondition struct {
	match, noneMatch          *string
	modifiedSince, unmodified *time.Time
}

// check answers 412 or 304 where the version is not as asked for. An ETag that was
// asked for outweighs a time. Source: GetObject, "Additional considerations about
// request headers"; RFC 9110, section 13.2.2.
func (r readCondition) check(v *objects.Version, now time.Time) error {
	modified := v.Modified.Truncate(time.Second)
	switch {
	case r.match != nil && !matches(*r.match, v.ETag):
		return preconditionFailed("If-Match")
	case r.match == nil && r.unmodified != nil && modified.After(*r.unmodified):
		return preconditionFailed("If-Unmodified-Since")
	case r.noneMatch != nil && matches(*r.noneMatch, v.ETag), r.noneMatch == nil && r.modifiedSince != nil && !modified.After(*r.modifiedSince) && !r.modifiedSince.After(now):
		return refusal(http.StatusNotModified, "NotModified", "Not Modified", "etag", `"`+v.ETag+`"`, "last-modified", modified.UTC().Format(http.TimeFormat))
	}
	return nil
}

func preconditionFailed(condition string) error {
	return refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "Condition", condition)
}

// matches reports whether a header's list of ETags names this one.
func matches(header, etag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = bareETag(strings.TrimPrefix(strings.TrimSpace(t), "W/")); t == "*" || t == etag {
			return true
		}
	}
	return false
}

// bareETag is an ETag without its quotes.
func bareETag(s string) string { return strings.Trim(s, `"`) }

// input is a request's data on their way in.
type input struct {
	io.Reader
	length  int64
	trailer func() map[string][]string
}

// received answers what a request's body streams, and how long it is.
func received(body io.Reader, length *int64) (input, error) {
	in := input{Reader: body, length: -1, trailer: func() map[string][]string { return nil }}
	if body == nil {
		in.Reader = strings.NewReader("")
	}
	if st, ok := body.(redoubt.Stream); ok {
		in.length, in.trailer = st.Length(), st.Trailer
		if in.length < 0 {
			return in, refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
		}
		return in, nil
	}
	if length != nil {
		in.length = *length
	}
	return in, nil
}

// once runs f in a transaction of its own that only reads.
func (s *Service) once(ctx context.Context, f func(ctx context.Context) error) error {
	return s.DB.Run(store.Without(ctx), f)
}
