package s3

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

func (s *Service) startNeeds(ctx context.Context, c *redoubt.Call, in *api.CreateMultipartUploadInput) ([]redoubt.Need, error) {
	var put api.PutObjectInput
	fill(&put, in)
	return s.writeNeeds(ctx, c, &put, nil)
}

// CreateMultipartUpload begins an object that comes in parts. What it will be is
// decided now: encryption, metadata, checksums.
func (s *Service) CreateMultipartUpload(ctx context.Context, c *redoubt.Call, in *api.CreateMultipartUploadInput) (*api.CreateMultipartUploadOutput, error) {
	sum, err := uploadChecksum(in.ChecksumAlgorithm, in.ChecksumType)
	if err != nil {
		return nil, err
	}
	if in.ChecksumAlgorithm == nil && in.SSECustomerAlgorithm != nil {
		sum = objects.Checksum{} // S3 adds none of its own to what a customer's key hides
	}
	key := value(in.Key)
	if len(key) > objects.MaxKey {
		return nil, keyTooLong(key)
	}
	var put api.PutObjectInput
	fill(&put, in)
	about := saidBy(&put)
	var b *Bucket
	if err := s.once(ctx, func(ctx context.Context) (err error) {
		if b, err = bucket(ctx, in.Bucket); err == nil {
			_, err = about.attributes(ctx, c, b)
		}
		return err
	}); err != nil {
		return nil, err
	}
	enc, secrets, err := s.encrypt(ctx, c, b, key, &sse{in.ServerSideEncryption, in.SSEKMSKeyId, in.SSEKMSEncryptionContext, in.BucketKeyEnabled, customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}})
	if err != nil {
		return nil, err
	}
	defer wipe(secrets)
	var u *objects.Upload
	if err := s.once(ctx, func(ctx context.Context) error {
		if b, err = same(ctx, b); err != nil {
			return err
		}
		a, err := about.attributes(ctx, c, b)
		if err != nil {
			return err
		}
		u, err = s.Objects.StartUpload(ctx, objects.NewUpload{Bucket: b.ID, Key: key, Encryption: enc, Secrets: secrets, Initiator: c.Principal.ARN, Checksum: sum, Unasked: in.ChecksumAlgorithm == nil, Attributes: a})
		return ofObjects(err, b, key, "")
	}); err != nil {
		return nil, err
	}
	out := &api.CreateMultipartUploadOutput{
		Bucket: &b.Name, Key: in.Key, UploadId: &u.ID, ServerSideEncryption: shownKind(&u.Encryption), SSEKMSKeyId: given(u.Encryption.KeyARN),
		SSEKMSEncryptionContext: shownContext(in.SSEKMSEncryptionContext, &u.Encryption), BucketKeyEnabled: given(u.Encryption.BucketKey), RequestCharged: charged(c, b),
	}
	if in.ChecksumAlgorithm != nil {
		out.ChecksumAlgorithm, out.ChecksumType = new(string(sum.Algorithm)), new(sum.Type)
	}
	if u.Encryption.Kind == objects.SSEC {
		out.SSECustomerAlgorithm, out.SSECustomerKeyMD5 = in.SSECustomerAlgorithm, in.SSECustomerKeyMD5
	}
	return out, nil
}

// uploadChecksum is the checksum of an object that comes in parts. Source: Amazon
// S3 User Guide, "Checking object integrity", full object and composite types.
func uploadChecksum(algorithm, kind *string) (objects.Checksum, error) {
	if algorithm == nil {
		if kind != nil {
			return objects.Checksum{}, invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return objects.Checksum{Algorithm: objects.CRC64NVME, Type: objects.FullObject}, nil
	}
	sum := objects.Checksum{Algorithm: objects.Algorithm(strings.ToUpper(*algorithm)), Type: value(kind)}
	if _, ok := sizeOf(sum.Algorithm); !ok {
		return sum, unsupported()
	}
	whole := sum.Algorithm == objects.CRC64NVME
	parts := !whole && sum.Algorithm != objects.CRC32 && sum.Algorithm != objects.CRC32C
	switch {
	case sum.Type == "" && whole:
		sum.Type = objects.FullObject
	case sum.Type == "":
		sum.Type = objects.Composite
	case sum.Type != objects.FullObject && sum.Type != objects.Composite:
		return sum, invalidRequest("Value for x-amz-checksum-type header is invalid.")
	case whole && sum.Type == objects.Composite, parts && sum.Type == objects.FullObject:
		return sum, invalidRequest("The " + sum.Type + " checksum type cannot be used with the " + strings.ToLower(string(sum.Algorithm)) + " checksum algorithm.")
	}
	return sum, nil
}

// partNeeds are UploadPart's: the right to put the object.
func (s *Service) partNeeds(ctx context.Context, c *redoubt.Call, in *api.UploadPartInput) ([]redoubt.Need, error) {
	return s.writeNeeds(ctx, c, &api.PutObjectInput{Bucket: in.Bucket, Key: in.Key, ExpectedBucketOwner: in.ExpectedBucketOwner, RequestPayer: in.RequestPayer, SSECustomerAlgorithm: in.SSECustomerAlgorithm}, nil)
}

// upload finds an upload, and the secrets of its encryption for the caller.
func (s *Service) upload(ctx context.Context, c *redoubt.Call, name, key, id *string, customer customerKey) (b *Bucket, u *objects.Upload, secrets [][]byte, err error) {
	err = s.once(ctx, func(ctx context.Context) error {
		if b, err = bucket(ctx, name); err != nil {
			return err
		}
		u, err = s.Objects.Upload(ctx, b.ID, value(key), value(id))
		return ofUpload(err, b, value(key), value(id))
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if (u.Encryption.Kind == objects.SSEC) != customer.given() {
		return nil, nil, nil, unlikeUpload()
	}
	secrets, err = s.secrets(ctx, c, b, &u.Encryption, customer)
	if errors.Is(err, redoubt.ErrAccessDenied) && u.Encryption.Kind == objects.SSEC {
		err = invalidRequest("The provided encryption parameters did not match the ones used originally.")
	}
	return b, u, secrets, err
}

func unlikeUpload() error {
	return invalidRequest("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
}

func ofUpload(err error, b *Bucket, key, id string) error {
	if errors.Is(err, objects.ErrNoUpload) || errors.Is(err, objects.ErrBadKey) {
		return noSuchUpload(id)
	}
	worded := ofObjects(err, b, key, "")
	if e, ok := errors.AsType[*redoubt.Error](worded); ok && (errors.Is(err, objects.ErrInvalidPart) || errors.Is(err, objects.ErrPartOrder)) {
		if e.Fields == nil {
			e.Fields = map[string]any{}
		}
		e.Fields["UploadId"] = id
	}
	return worded
}

// UploadPart stores a part; a second one of the same number replaces it.
func (s *Service) UploadPart(ctx context.Context, c *redoubt.Call, in *api.UploadPartInput) (*api.UploadPartOutput, error) {
	if in.Body != nil {
		defer in.Body.Close()
	}
	if n := value(in.PartNumber); n < 1 || n > objects.MaxParts {
		return nil, badPartNumber(int(value(in.PartNumber)))
	}
	data, err := received(in.Body, in.ContentLength)
	if err != nil {
		return nil, err
	}
	if data.length > objects.MaxPart {
		return nil, tooLarge()
	}
	sums, err := claimed(in, in.ContentMD5, in.ChecksumAlgorithm, announced(in.Body))
	if err != nil {
		return nil, err
	}
	sums.part = true
	b, u, secrets, err := s.upload(ctx, c, in.Bucket, in.Key, in.UploadId, customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5})
	if err != nil {
		return nil, err
	}
	if sums.algorithm != "" && !u.Unasked && sums.algorithm != u.Checksum.Algorithm {
		wipe(secrets)
		return nil, otherChecksum(u.Checksum.Algorithm, sums.algorithm)
	}
	p, got, err := s.putPart(ctx, b, u, int(*in.PartNumber), secrets, data, sums)
	if err != nil {
		return nil, err
	}
	out := &api.UploadPartOutput{
		ETag: shownETag(p.ETag), ServerSideEncryption: shownKind(&u.Encryption), SSEKMSKeyId: given(u.Encryption.KeyARN), BucketKeyEnabled: given(u.Encryption.BucketKey), RequestCharged: charged(c, b),
	}
	if u.Encryption.Kind == objects.SSEC {
		out.SSECustomerAlgorithm, out.SSECustomerKeyMD5 = in.SSECustomerAlgorithm, in.SSECustomerKeyMD5
	}
	sum := p.Checksum
	if u.Unasked && sums.algorithm != "" {
		sum = got.Checksum(sums.algorithm) // what was checked, though it is not kept
	}
	sum.Type = "" // a part's has none
	setChecksum(out, sum)
	return out, nil
}

func otherChecksum(expected, actual objects.Algorithm) error {
	return invalidRequest("Checksum Type mismatch occurred, expected checksum Type: " + strings.ToLower(string(expected)) + ", actual checksum Type: " + strings.ToLower(string(actual)))
}

// putPart stores a part's data and checks them.
func (s *Service) putPart(ctx context.Context, b *Bucket, u *objects.Upload, n int, secrets [][]byte, data input, sums *claim) (*objects.Part, objects.Sums, error) {
	w, err := s.Objects.PutPart(ctx, objects.NewPart{Bucket: b.ID, Key: u.Key, Upload: u.ID, Number: n, Size: data.length, Secrets: secrets, Sums: append(sums.sums(), u.Checksum.Algorithm)})
	if err != nil {
		wipe(secrets)
		return nil, nil, ofUpload(err, b, u.Key, u.ID)
	}
	wr := &writer{w, b, u.Key, secrets}
	defer wr.Close()
	got, err := wr.take(data)
	if err != nil {
		return nil, nil, err
	}
	trailer := map[string][]string{}
	if data.trailer != nil {
		trailer = data.trailer()
	}
	if err := sums.check(got, trailer); err != nil {
		return nil, nil, err
	}
	var p *objects.Part
	err = s.once(ctx, func(ctx context.Context) (err error) { p, err = w.CommitPart(ctx); return err })
	return p, got, ofUpload(err, b, u.Key, u.ID)
}

func (s *Service) partCopyNeeds(ctx context.Context, c *redoubt.Call, in *api.UploadPartCopyInput) ([]redoubt.Need, error) {
	src, err := copySource(in.CopySource)
	if err != nil {
		return nil, err
	}
	needs, _, err := s.readNeeds(ctx, c, reading{&src.bucket, &src.key, src.version, in.ExpectedSourceBucketOwner, in.RequestPayer}, "s3:GetObject")
	if err != nil {
		return nil, err
	}
	writes, err := s.writeNeeds(ctx, c, &api.PutObjectInput{Bucket: in.Bucket, Key: in.Key, ExpectedBucketOwner: in.ExpectedBucketOwner, RequestPayer: in.RequestPayer},
		conditions{"s3:x-amz-copy-source": {strings.TrimPrefix(value(in.CopySource), "/")}})
	return append(needs, writes...), err
}

// UploadPartCopy makes a part of an object, or of a range of one.
func (s *Service) UploadPartCopy(ctx context.Context, c *redoubt.Call, in *api.UploadPartCopyInput) (*api.UploadPartCopyOutput, error) {
	if n := value(in.PartNumber); n < 1 || n > objects.MaxParts {
		return nil, badPartNumber(int(value(in.PartNumber)))
	}
	src, err := copySource(in.CopySource)
	if err != nil {
		return nil, err
	}
	from, v, err := s.source(ctx, c, src)
	if err != nil {
		return nil, err
	}
	asked := readCondition{in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince}
	if err := asked.ofCopy(v, c.Time); err != nil {
		return nil, err
	}
	at := span{0, v.Size, false}
	if in.CopySourceRange != nil {
		if at, err = copyRange(*in.CopySourceRange, v.Size); err != nil {
			return nil, err
		}
	}
	if at.length > objects.MaxPart {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	opened, err := s.secrets(ctx, c, from, &v.Encryption, customerKey{in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5})
	if err != nil {
		return nil, err
	}
	defer wipe(opened)
	b, u, secrets, err := s.upload(ctx, c, in.Bucket, in.Key, in.UploadId, customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5})
	if err != nil {
		return nil, err
	}
	body, err := s.Objects.Open(ctx, v, objects.Read{Secrets: opened, Offset: at.offset, Length: at.length})
	if err != nil {
		wipe(secrets)
		return nil, s.changed(ofObjects(err, from, src.key, ""))
	}
	defer body.Close()
	p, _, err := s.putPart(ctx, b, u, int(*in.PartNumber), secrets, input{Reader: body, length: at.length}, &claim{})
	if err != nil {
		return nil, err
	}
	result := &api.CopyPartResult{ETag: shownETag(p.ETag), LastModified: new(p.Modified)}
	if !u.Unasked {
		setChecksum(result, p.Checksum)
	}
	return &api.UploadPartCopyOutput{
		CopyPartResult: result, CopySourceVersionId: from.sourceID(v), ServerSideEncryption: shownKind(&u.Encryption), SSEKMSKeyId: given(u.Encryption.KeyARN),
		BucketKeyEnabled: given(u.Encryption.BucketKey), RequestCharged: charged(c, b),
	}, nil
}

// copyRange reads x-amz-copy-source-range, which knows one form.
func copyRange(header string, size int64) (span, error) {
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	from, err := strconv.ParseUint(first, 10, 62)
	to, err2 := strconv.ParseUint(last, 10, 62)
	switch {
	case !strings.HasPrefix(header, "bytes=") || !ok || err != nil || err2 != nil || to < from:
		return span{}, invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy", "x-amz-copy-source-range", header)
	case int64(from) >= size:
		return span{}, invalidRequest("The specified copy range is invalid for the source object size")
	case int64(to) >= size:
		return span{}, invalidArgument("Range specified is not valid for source object of size: "+strconv.FormatInt(size, 10), "x-amz-copy-source-range", header)
	}
	return span{int64(from), int64(to-from) + 1, true}, nil
}

func (s *Service) completeNeeds(ctx context.Context, c *redoubt.Call, in *api.CompleteMultipartUploadInput) ([]redoubt.Need, error) {
	return s.writeNeeds(ctx, c, &api.PutObjectInput{Bucket: in.Bucket, Key: in.Key, ExpectedBucketOwner: in.ExpectedBucketOwner, RequestPayer: in.RequestPayer, IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch}, nil)
}

// CompleteMultipartUpload makes an object of parts.
func (s *Service) CompleteMultipartUpload(ctx context.Context, c *redoubt.Call, in *api.CompleteMultipartUploadInput) (*api.CompleteMultipartUploadOutput, error) {
	cond, err := writeCondition(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	key, id := value(in.Key), value(in.UploadId)
	u, err := s.Objects.Upload(ctx, b.ID, key, id)
	if err != nil {
		return nil, ofUpload(err, b, key, id)
	}
	if in.MultipartUpload == nil {
		return nil, malformedXML()
	}
	chosen, err := chosenParts(in.MultipartUpload.Parts, u)
	if err != nil {
		return nil, err
	}
	whole, err := wholeClaim(in, u)
	if err != nil {
		return nil, err
	}
	v, err := s.Objects.CompleteUpload(ctx, objects.Complete{Bucket: b.ID, Key: key, Upload: id, Parts: chosen, Versioning: b.mode(), Condition: cond, Size: in.MpuObjectSize, Checksum: whole})
	if err != nil {
		switch condition := "If-Match"; {
		case errors.Is(err, objects.ErrChecksum):
			return nil, badWhole(u)
		case errors.Is(err, objects.ErrConflict):
			if cond.IfNoneMatch {
				condition = "If-None-Match"
			}
			return nil, refusal(409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.", "Condition", condition, "Key", key)
		}
		return nil, ofUpload(err, b, key, id)
	}
	if err := s.notify(ctx, c, b, "ObjectCreated:CompleteMultipartUpload", v); err != nil {
		return nil, err
	}
	out := &api.CompleteMultipartUploadOutput{
		Location: new("http://" + c.Source.Host + "/" + b.Name + "/" + escapedKey(key)), Bucket: &b.Name, Key: in.Key, ETag: shownETag(v.ETag), VersionId: b.versionID(v),
		ServerSideEncryption: shownKind(&v.Encryption), SSEKMSKeyId: given(v.Encryption.KeyARN), BucketKeyEnabled: given(v.Encryption.BucketKey), RequestCharged: charged(c, b),
	}
	if out.Expiration, err = s.expiration(ctx, b, v); err != nil {
		return nil, err
	}
	if c.Source.TLS {
		out.Location = new("https" + strings.TrimPrefix(*out.Location, "http"))
	}
	if !u.Unasked || v.Encryption.Kind == objects.SSES3 { // else a later read shows it
		setChecksum(out, v.Checksum)
	}
	return out, nil
}

// wholeClaim is what a request says of the checksum of the object that it makes. Where
// the upload asked for none, only one of the kind that S3 adds by itself counts.
func wholeClaim(in *api.CompleteMultipartUploadInput, u *objects.Upload) (objects.Checksum, error) {
	whole, said := partClaim(in)
	kind := u.Checksum.Type
	if u.Unasked {
		kind = "null"
	}
	switch {
	case in.ChecksumType != nil && *in.ChecksumType != kind:
		return whole, invalidRequest("The upload was created using the " + kind + " checksum mode. The complete request must use the same checksum mode.")
	case !said, u.Unasked && whole.Algorithm != u.Checksum.Algorithm:
		return objects.Checksum{}, nil
	case u.Unasked:
		whole.Type = u.Checksum.Type
		return whole, nil
	case whole.Algorithm != u.Checksum.Algorithm, kind == objects.FullObject && in.ChecksumType == nil:
		return whole, badWhole(u) // without its type, S3 takes the value for a composite one
	}
	whole.Type = kind
	return whole, nil
}

func badWhole(u *objects.Upload) error {
	return refusal(400, "BadDigest", "The "+strings.ToLower(string(u.Checksum.Algorithm))+" you specified did not match the calculated checksum.")
}

// escapedKey is a key in a URL.
func escapedKey(key string) string { return strings.ReplaceAll(url.PathEscape(key), "%2F", "/") }

// chosenParts reads the list of parts. Of a composite checksum every part's must be
// named, if it was asked for.
func chosenParts(list []api.CompletedPart, u *objects.Upload) ([]objects.Chosen, error) {
	out := make([]objects.Chosen, 0, len(list))
	for i := range list {
		p := &list[i]
		if p.PartNumber == nil || p.ETag == nil {
			return nil, malformedXML()
		}
		c := objects.Chosen{Number: int(*p.PartNumber), ETag: bareETag(*p.ETag)}
		sum, named := partClaim(p)
		switch {
		case named && sum.Algorithm == u.Checksum.Algorithm:
			if _, err := base64.StdEncoding.DecodeString(sum.Value); err != nil {
				return nil, malformedXML()
			}
			c.Checksum = sum
		case named && u.Unasked:
			c.Checksum = sum // no part has it
		case named:
			return nil, refusal(400, "BadDigest", "The "+strings.ToLower(string(sum.Algorithm))+" you specified for part "+itoa(c.Number)+" did not match what we received.")
		case !named && u.Checksum.Type == objects.Composite:
			alg := strings.ToLower(string(u.Checksum.Algorithm))
			return nil, invalidRequest("The upload was created using a " + alg + " checksum. The complete request must include the checksum for each part. It was missing for part " + itoa(c.Number) + " in the request.")
		}
		out = append(out, c)
	}
	return out, nil
}

// AbortMultipartUpload drops an upload and its parts.
func (s *Service) AbortMultipartUpload(ctx context.Context, c *redoubt.Call, in *api.AbortMultipartUploadInput) (*api.AbortMultipartUploadOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if in.IfMatchInitiatedTime != nil {
		return nil, notImplemented("x-amz-if-match-initiated-time")
	}
	err = s.Objects.AbortUpload(ctx, b.ID, value(in.Key), value(in.UploadId))
	return &api.AbortMultipartUploadOutput{RequestCharged: charged(c, b)}, ofUpload(err, b, value(in.Key), value(in.UploadId))
}

// uploadNeeds state the right on an upload's key.
func uploadNeeds[I any](s *Service, action string) func(context.Context, *redoubt.Call, *I) ([]redoubt.Need, error) {
	name, key, expected, payer := member[I]("Bucket"), member[I]("Key"), member[I]("ExpectedBucketOwner"), member[I]("RequestPayer")
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		at, err := s.resolve(ctx, c, name(in), expected(in))
		if err != nil {
			return nil, err
		}
		if at.bucket != nil {
			if err := pays(c, at.bucket, payer(in)); err != nil {
				return nil, err
			}
		}
		return at.onObject(c, action, value(key(in)), nil), nil
	}
}

// ListParts lists the parts that an upload has so far.
func (s *Service) ListParts(ctx context.Context, c *redoubt.Call, in *api.ListPartsInput) (*api.ListPartsOutput, error) {
	most, err := paging(in.MaxParts, "max-parts", nil)
	if err != nil {
		return nil, err
	}
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	u, err := s.Objects.Upload(ctx, b.ID, value(in.Key), value(in.UploadId))
	if err != nil {
		return nil, ofUpload(err, b, value(in.Key), value(in.UploadId))
	}
	list, more, err := s.Objects.ListParts(ctx, u, int(value(in.PartNumberMarker)), most)
	if err != nil {
		return nil, err
	}
	out := &api.ListPartsOutput{
		Bucket: &b.Name, Key: in.Key, UploadId: in.UploadId, PartNumberMarker: new(value(in.PartNumberMarker)), MaxParts: new(int32(most)), IsTruncated: &more,
		Initiator: initiator(u, b), Owner: owner(b.Account), StorageClass: new(class(u.Class)), RequestCharged: charged(c, b), NextPartNumberMarker: new(int32(0)),
	}
	out.ChecksumAlgorithm, out.ChecksumType = shownAlgorithm(u)
	for _, p := range list {
		e := api.Part{PartNumber: new(int32(p.Number)), LastModified: new(p.Modified), ETag: shownETag(p.ETag), Size: &p.Size}
		if !u.Unasked {
			setChecksum(&e, p.Checksum)
		}
		out.Parts = append(out.Parts, e)
		out.NextPartNumberMarker = e.PartNumber
	}
	return out, nil
}

// shownAlgorithm is what an upload's listings say of its checksum.
func shownAlgorithm(u *objects.Upload) (algorithm, kind *string) {
	if u.Unasked {
		return nil, nil
	}
	return given(string(u.Checksum.Algorithm)), given(u.Checksum.Type)
}

func initiator(u *objects.Upload, b *Bucket) *api.Initiator {
	if u.Initiator == "" {
		return nil
	}
	if account, ok := strings.CutSuffix(u.Initiator, ":root"); ok { // an account: named as owners are
		return &api.Initiator{ID: owner(account[strings.LastIndexByte(account, ':')+1:]).ID}
	}
	name := u.Initiator[strings.LastIndexAny(u.Initiator, "/:")+1:]
	return &api.Initiator{ID: &u.Initiator, DisplayName: &name}
}

// ListMultipartUploads lists the uploads that were not completed.
func (s *Service) ListMultipartUploads(ctx context.Context, c *redoubt.Call, in *api.ListMultipartUploadsInput) (*api.ListMultipartUploadsOutput, error) {
	most, err := paging(in.MaxUploads, "max-uploads", in.EncodingType)
	if err != nil {
		return nil, err
	}
	b, err := s.listed(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	q := objects.Query{Bucket: b.ID, Prefix: value(in.Prefix), Delimiter: value(in.Delimiter), After: value(in.KeyMarker), Most: most}
	if in.KeyMarker != nil {
		q.AfterID = value(in.UploadIdMarker)
	}
	page, err := s.Objects.ListUploads(ctx, q)
	if err != nil {
		return nil, ofUpload(err, b, "", q.AfterID)
	}
	name := encoding(in.EncodingType)
	out := &api.ListMultipartUploadsOutput{
		Bucket: &b.Name, KeyMarker: name.name(value(in.KeyMarker)), UploadIdMarker: new(value(in.UploadIdMarker)), Prefix: name.maybe(in.Prefix), Delimiter: name.maybe(in.Delimiter),
		MaxUploads: new(int32(most)), IsTruncated: &page.More, CommonPrefixes: name.prefixes(page.Prefixes), EncodingType: in.EncodingType, RequestCharged: charged(c, b),
		NextKeyMarker: new(""), NextUploadIdMarker: new(""),
	}
	for _, u := range page.Items {
		e := api.MultipartUpload{UploadId: &u.ID, Key: name.name(u.Key), Initiated: &u.Initiated, StorageClass: new(class(u.Class)), Owner: owner(b.Account), Initiator: initiator(u, b)}
		e.ChecksumAlgorithm, e.ChecksumType = shownAlgorithm(u)
		out.Uploads = append(out.Uploads, e)
		out.NextKeyMarker, out.NextUploadIdMarker = e.Key, &u.ID // said of the last page as well
	}
	if page.More {
		out.NextKeyMarker, out.NextUploadIdMarker = name.name(page.Next), &page.NextID
	}
	return out, nil
}
