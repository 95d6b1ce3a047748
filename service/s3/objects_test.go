package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func (w *world) put(t *testing.T, b, key, text string, change ...func(*s3.PutObjectInput)) *s3.PutObjectOutput {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &b, Key: &key, Body: strings.NewReader(text)}
	for _, f := range change {
		f(in)
	}
	out, err := w.s3.PutObject(t.Context(), in)
	ok(t, err)
	return out
}

func read(t *testing.T, c *s3.Client, b, key string, change ...func(*s3.GetObjectInput)) (string, *s3.GetObjectOutput) {
	t.Helper()
	in := &s3.GetObjectInput{Bucket: &b, Key: &key}
	for _, f := range change {
		f(in)
	}
	out, err := c.GetObject(t.Context(), in)
	ok(t, err)
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	ok(t, err)
	return string(body), out
}

func (w *world) objects(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	out := w.put(t, b, "dir/a b+c%한.txt", "hello world", func(in *s3.PutObjectInput) {
		in.ContentType, in.CacheControl, in.Metadata = aws.String("text/plain"), aws.String("no-cache"), map[string]string{"Who": "me"}
		in.Tagging, in.ContentEncoding = aws.String("k=v&x=y"), aws.String("gzip")
	})
	if *out.ETag != `"5eb63bbbe01eeed093cb22bb8f5acdc3"` || out.ServerSideEncryption != "AES256" || out.VersionId != nil || *out.ChecksumCRC32 != "DUoRhQ==" {
		t.Errorf("%+v", out)
	}
	text, got := read(t, w.s3, b, "dir/a b+c%한.txt", func(in *s3.GetObjectInput) { in.ChecksumMode = "ENABLED" })
	if text != "hello world" || *got.ContentType != "text/plain" || *got.CacheControl != "no-cache" || got.Metadata["who"] != "me" || *got.TagCount != 2 ||
		*got.ContentEncoding != "gzip" || *got.ChecksumCRC32 != "DUoRhQ==" || got.ServerSideEncryption != "AES256" || *got.AcceptRanges != "bytes" || got.ContentRange != nil {
		t.Errorf("%q %+v", text, got)
	}
	head, err := w.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b, Key: aws.String("dir/a b+c%한.txt")})
	ok(t, err)
	if *head.ContentLength != 11 || *head.ETag != *out.ETag || head.Metadata["who"] != "me" {
		t.Errorf("%+v", head)
	}
	// Ranges.
	for spec, want := range map[string]string{"bytes=0-4": "hello", "bytes=6-": "world", "bytes=-5": "world", "bytes=3-300": "lo world", "bytes=x": "hello world", "bytes=0-1,3-4": "hello world"} {
		text, got := read(t, w.s3, b, "dir/a b+c%한.txt", func(in *s3.GetObjectInput) { in.Range = &spec })
		if text != want || (len(want) < 11) != (got.ContentRange != nil) {
			t.Errorf("%s: %q %v", spec, text, got.ContentRange)
		}
	}
	get := func(change func(*s3.GetObjectInput)) error {
		in := &s3.GetObjectInput{Bucket: &b, Key: aws.String("dir/a b+c%한.txt")}
		change(in)
		out, err := w.s3.GetObject(ctx, in)
		if err == nil {
			out.Body.Close()
		}
		return err
	}
	refused(t, get(func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=11-") }), 416, "InvalidRange")
	// Conditions.
	refused(t, get(func(in *s3.GetObjectInput) { in.IfMatch = aws.String(`"x"`) }), 412, "PreconditionFailed")
	refused(t, get(func(in *s3.GetObjectInput) { in.IfNoneMatch = out.ETag }), 304, "NotModified")
	refused(t, get(func(in *s3.GetObjectInput) { in.IfModifiedSince = aws.Time(w.Clock.Now()) }), 304, "NotModified")
	refused(t, get(func(in *s3.GetObjectInput) { in.IfUnmodifiedSince = aws.Time(time.Now().Add(-time.Hour)) }), 412, "PreconditionFailed")
	ok(t, get(func(in *s3.GetObjectInput) {
		in.IfMatch, in.IfUnmodifiedSince = out.ETag, aws.Time(time.Now().Add(-time.Hour))
	}))
	refused(t, get(func(in *s3.GetObjectInput) { in.Key = aws.String("no") }), 404, "NoSuchKey")
	refused(t, get(func(in *s3.GetObjectInput) { in.VersionId = aws.String("no") }), 400, "InvalidArgument")
	// Header overrides.
	_, got = read(t, w.s3, b, "dir/a b+c%한.txt", func(in *s3.GetObjectInput) {
		in.ResponseContentType, in.ResponseCacheControl = aws.String("x/y"), aws.String("private")
	})
	if *got.ContentType != "x/y" || *got.CacheControl != "private" {
		t.Errorf("%+v", got)
	}
	// Who may not list is not told what is missing.
	reader, _ := w.user(t, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::`+b+`/*"}`)
	if text, got := read(t, reader, b, "dir/a b+c%한.txt"); text != "hello world" || got.TagCount != nil {
		t.Errorf("%q %v", text, got.TagCount)
	}
	_, err = reader.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("no")})
	refused(t, err, 403, "AccessDenied")
	_, err = reader.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b, Key: aws.String("no")})
	refused(t, err, 403, "Forbidden")
	// Conditional writes.
	put := func(change func(*s3.PutObjectInput)) error {
		in := &s3.PutObjectInput{Bucket: &b, Key: aws.String("dir/a b+c%한.txt"), Body: strings.NewReader("hello world")}
		change(in)
		_, err := w.s3.PutObject(ctx, in)
		return err
	}
	refused(t, put(func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }), 412, "PreconditionFailed")
	refused(t, put(func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("x") }), 501, "NotImplemented")
	refused(t, put(func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"x"`) }), 412, "PreconditionFailed")
	refused(t, put(func(in *s3.PutObjectInput) { in.IfMatch, in.Key = out.ETag, aws.String("no") }), 404, "NoSuchKey")
	ok(t, put(func(in *s3.PutObjectInput) { in.IfMatch = out.ETag }))
	// Integrity.
	refused(t, put(func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("AAAAAAAAAAAAAAAAAAAAAA==") }), 400, "BadDigest")
	refused(t, put(func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("x") }), 400, "InvalidDigest")
	refused(t, put(func(in *s3.PutObjectInput) {
		in.ChecksumSHA256 = aws.String("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	}), 400, "BadDigest")
	for _, alg := range types.ChecksumAlgorithm("").Values() {
		err := put(func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = alg })
		switch alg {
		case "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256":
			ok(t, err)
		}
	}
	refused(t, put(func(in *s3.PutObjectInput) { in.Key = aws.String(strings.Repeat("k", 1025)) }), 400, "KeyTooLongError")
	ok(t, put(func(in *s3.PutObjectInput) { in.Key = aws.String(strings.Repeat("k", 1024)) }))
	refused(t, put(func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"a": strings.Repeat("x", 2048)} }), 400, "MetadataTooLarge")
	refused(t, put(func(in *s3.PutObjectInput) { in.StorageClass = "OUTPOSTS" }), 400, "InvalidStorageClass")
	ok(t, put(func(in *s3.PutObjectInput) { in.StorageClass = "STANDARD_IA" }))
	refused(t, put(func(in *s3.PutObjectInput) { in.ACL = "public-read" }), 400, "AccessControlListNotSupported")
	ok(t, put(func(in *s3.PutObjectInput) { in.ACL = "bucket-owner-full-control" }))
	refused(t, put(func(in *s3.PutObjectInput) { in.ServerSideEncryption = "AES512" }), 400, "InvalidArgument")
	refused(t, put(func(in *s3.PutObjectInput) { in.SSEKMSKeyId = aws.String("k") }), 400, "InvalidArgument")
	// Keys that a file system would not like.
	for _, key := range []string{"../../etc/passwd", "/leading", "a//b", "dir/", ".", "..", "a\nb", "\\x", "%00", "a?b#c&d=e", " ", "💾"} {
		w.put(t, b, key, "of "+key)
		if text, _ := read(t, w.s3, b, key); text != "of "+key {
			t.Errorf("%q holds %q", key, text)
		}
	}
	// Attributes and tags.
	a, err := w.s3.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: &b, Key: aws.String("/leading"), ObjectAttributes: []types.ObjectAttributes{"ETag", "ObjectSize", "Checksum", "StorageClass"}})
	ok(t, err)
	if *a.ObjectSize != 11 || strings.Contains(*a.ETag, `"`) || a.StorageClass != "STANDARD" || a.Checksum.ChecksumCRC32 == nil {
		t.Errorf("%+v", a)
	}
	key := aws.String("/leading")
	_, err = w.s3.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &b, Key: key, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}})
	ok(t, err)
	tags, err := w.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &b, Key: key})
	ok(t, err)
	if len(tags.TagSet) != 1 || *tags.TagSet[0].Value != "1" {
		t.Errorf("%+v", tags.TagSet)
	}
	tagged, _ := w.user(t, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"s3:ExistingObjectTag/a":"1"}}}`)
	read(t, tagged, b, "/leading")
	_, err = tagged.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("a//b")})
	refused(t, err, 403, "AccessDenied")
	_, err = w.s3.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: &b, Key: key})
	ok(t, err)
	// Copies.
	_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/dir/a%20b%2Bc%25%ED%95%9C.txt")})
	ok(t, err)
	if text, _ := read(t, w.s3, b, "copy"); text != "hello world" {
		t.Error(text)
	}
	_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/copy")})
	refused(t, err, 400, "InvalidRequest")
	_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(b + "/copy"), MetadataDirective: "REPLACE", Metadata: map[string]string{"n": "1"}})
	ok(t, err)
	_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("x"), CopySource: aws.String(b + "/none")})
	refused(t, err, 404, "NoSuchKey")
	_, err = reader.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("x"), CopySource: aws.String(b + "/copy")})
	refused(t, err, 403, "AccessDenied")
	// Deleting, singly and in bulk.
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b})
	refused(t, err, 409, "BucketNotEmpty")
	_, err = w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("never-was")})
	ok(t, err)
	half, _ := w.user(t, `{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::`+b+`/copy"}`)
	del, err := half.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("copy")}, {Key: aws.String("/leading")}}}})
	ok(t, err)
	if len(del.Deleted) != 1 || len(del.Errors) != 1 || *del.Errors[0].Code != "AccessDenied" || *del.Errors[0].Key != "/leading" {
		t.Errorf("%+v", del)
	}
	w.emptied(t, b)
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b})
	ok(t, err)
}

// emptied deletes everything in a bucket.
func (w *world) emptied(t *testing.T, b string) {
	t.Helper()
	p := s3.NewListObjectVersionsPaginator(w.s3, &s3.ListObjectVersionsInput{Bucket: &b})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		ok(t, err)
		var list []types.ObjectIdentifier
		for _, v := range page.Versions {
			list = append(list, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, v := range page.DeleteMarkers {
			list = append(list, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		if len(list) == 0 {
			continue
		}
		out, err := w.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &b, Delete: &types.Delete{Objects: list, Quiet: aws.Bool(true)}})
		ok(t, err)
		if len(out.Errors) > 0 || len(out.Deleted) > 0 {
			t.Errorf("%+v", out)
		}
	}
}

func (w *world) versions(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	first := w.put(t, b, "k", "one")
	if first.VersionId != nil {
		t.Error("a version id before versioning")
	}
	_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	ok(t, err)
	second := w.put(t, b, "k", "two")
	gone, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("k")})
	ok(t, err)
	if !*gone.DeleteMarker || gone.VersionId == nil {
		t.Errorf("%+v", gone)
	}
	_, err = w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("k")})
	refused(t, err, 404, "NoSuchKey")
	_, err = w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("k"), VersionId: gone.VersionId})
	refused(t, err, 405, "MethodNotAllowed")
	_, err = w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("k"), VersionId: aws.String("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")})
	if !codeIn(err, "NoSuchVersion", "InvalidArgument") {
		t.Error(err)
	}
	for id, want := range map[string]string{"null": "one", *second.VersionId: "two"} {
		if text, _ := read(t, w.s3, b, "k", func(in *s3.GetObjectInput) { in.VersionId = &id }); text != want {
			t.Errorf("%s: %q", id, text)
		}
	}
	list, err := w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b})
	ok(t, err)
	if len(list.Versions) != 2 || len(list.DeleteMarkers) != 1 || !*list.DeleteMarkers[0].IsLatest || *list.Versions[0].VersionId != *second.VersionId {
		t.Errorf("%+v", list)
	}
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b})
	refused(t, err, 409, "BucketNotEmpty")
	back, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("k"), VersionId: gone.VersionId})
	ok(t, err)
	if !*back.DeleteMarker || *back.VersionId != *gone.VersionId {
		t.Errorf("%+v", back)
	}
	if text, _ := read(t, w.s3, b, "k"); text != "two" {
		t.Error(text)
	}
	// Object lock.
	locked := w.bucket(t, func(in *s3.CreateBucketInput) { in.ObjectLockEnabledForBucket = aws.Bool(true) })
	until := w.Clock.Now().Add(48 * time.Hour)
	v := w.put(t, locked, "k", "kept", func(in *s3.PutObjectInput) { in.ObjectLockMode, in.ObjectLockRetainUntilDate = "GOVERNANCE", &until })
	del := func(bypass bool) error {
		_, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &locked, Key: aws.String("k"), VersionId: v.VersionId, BypassGovernanceRetention: &bypass})
		return err
	}
	refused(t, del(false), 403, "AccessDenied")
	hold := func(status types.ObjectLockLegalHoldStatus) {
		_, err := w.s3.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{Bucket: &locked, Key: aws.String("k"), LegalHold: &types.ObjectLockLegalHold{Status: status}})
		ok(t, err)
	}
	hold("ON")
	refused(t, del(true), 403, "AccessDenied")
	hold("OFF")
	r, err := w.s3.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: &locked, Key: aws.String("k")})
	ok(t, err)
	if r.Retention.Mode != "GOVERNANCE" {
		t.Errorf("%+v", r.Retention)
	}
	sooner := w.Clock.Now().Add(time.Hour)
	_, err = w.s3.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{Bucket: &locked, Key: aws.String("k"), Retention: &types.ObjectLockRetention{Mode: "GOVERNANCE", RetainUntilDate: &sooner}})
	refused(t, err, 403, "AccessDenied")
	ok(t, del(true))
	w.emptied(t, b)
}

func codeIn(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

func (w *world) listings(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	for _, k := range []string{"a", "b/1", "b/2", "c/x/1", "c/y", "d", "é"} {
		w.put(t, b, k, k)
	}
	var keys, prefixes []string
	p := s3.NewListObjectsV2Paginator(w.s3, &s3.ListObjectsV2Input{Bucket: &b, Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		ok(t, err)
		if *page.KeyCount != int32(len(page.Contents)+len(page.CommonPrefixes)) {
			t.Errorf("%+v", page)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
		for _, o := range page.CommonPrefixes {
			prefixes = append(prefixes, *o.Prefix)
		}
	}
	if strings.Join(keys, " ") != "a d é" || strings.Join(prefixes, " ") != "b/ c/" {
		t.Error(keys, prefixes)
	}
	one, err := w.s3.ListObjects(ctx, &s3.ListObjectsInput{Bucket: &b, Prefix: aws.String("c/"), EncodingType: "url"})
	ok(t, err)
	if len(one.Contents) != 2 || *one.Contents[0].Key != "c/x/1" || one.Contents[0].Owner == nil {
		t.Errorf("%+v", one)
	}
	_, err = w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b, ContinuationToken: aws.String("x")})
	refused(t, err, 400, "InvalidArgument")
	// Conditions on listings.
	user, _ := w.user(t, `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"b/","s3:delimiter":"/"},"NumericLessThanEquals":{"s3:max-keys":"10"}}}`)
	_, err = user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b, Prefix: aws.String("b/"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(10)})
	ok(t, err)
	_, err = user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b, Prefix: aws.String("c/"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(10)})
	refused(t, err, 403, "AccessDenied")
	_, err = user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b, Prefix: aws.String("b/"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(11)})
	refused(t, err, 403, "AccessDenied")
}

func (w *world) multipart(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	key := aws.String("big")
	data := make([]byte, 5<<20+5<<20+100)
	rand.Read(data)
	parts := [][]byte{data[:5<<20], data[5<<20 : 10<<20], data[10<<20:]}
	for _, alg := range []types.ChecksumAlgorithm{"", "CRC32", "SHA256", "CRC64NVME"} {
		up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: key, ChecksumAlgorithm: alg, Metadata: map[string]string{"m": "1"}})
		ok(t, err)
		done := make([]types.CompletedPart, 3)
		for _, i := range []int{2, 0, 1} { // in any order
			p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i*7 + 1)), Body: bytes.NewReader(parts[i]), ChecksumAlgorithm: alg})
			ok(t, err)
			done[i] = types.CompletedPart{ETag: p.ETag, PartNumber: aws.Int32(int32(i*7 + 1))}
			if alg != "" { // an upload that was begun without one takes no parts' checksums
				done[i].ChecksumCRC32, done[i].ChecksumSHA256, done[i].ChecksumCRC64NVME = p.ChecksumCRC32, p.ChecksumSHA256, p.ChecksumCRC64NVME
			}
		}
		list, err := w.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: &b, Key: key, UploadId: up.UploadId, MaxParts: aws.Int32(2)})
		ok(t, err)
		if len(list.Parts) != 2 || !*list.IsTruncated || *list.NextPartNumberMarker != "8" {
			t.Errorf("%+v", list)
		}
		complete := func(list []types.CompletedPart) (*s3.CompleteMultipartUploadOutput, error) {
			return w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}})
		}
		_, err = complete([]types.CompletedPart{done[1], done[0]})
		refused(t, err, 400, "InvalidPartOrder")
		_, err = complete([]types.CompletedPart{done[0], {PartNumber: aws.Int32(30), ETag: aws.String("x"), ChecksumCRC32: done[0].ChecksumCRC32, ChecksumSHA256: done[0].ChecksumSHA256}})
		refused(t, err, 400, "InvalidPart")
		_, err = complete([]types.CompletedPart{})
		refused(t, err, 400, "InvalidRequest")
		out, err := complete(done)
		ok(t, err)
		if !strings.HasSuffix(*out.ETag, `-3"`) {
			t.Error(*out.ETag)
		}
		if alg == "SHA256" && (!strings.HasSuffix(*out.ChecksumSHA256, "-3") || out.ChecksumType != "COMPOSITE") {
			t.Errorf("%+v", out)
		}
		if alg == "CRC64NVME" && out.ChecksumType != "FULL_OBJECT" {
			t.Errorf("%+v", out)
		}
		text, got := read(t, w.s3, b, "big")
		if text != string(data) || got.Metadata["m"] != "1" {
			t.Error("the object is not its parts")
		}
		// A range over a boundary, and a part.
		text, _ = read(t, w.s3, b, "big", func(in *s3.GetObjectInput) { in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", 5<<20-3, 5<<20+2)) })
		if text != string(data[5<<20-3:5<<20+3]) {
			t.Error("a range over two parts")
		}
		text, got = read(t, w.s3, b, "big", func(in *s3.GetObjectInput) { in.PartNumber = aws.Int32(3) })
		if text != string(parts[2]) || *got.PartsCount != 3 {
			t.Errorf("part 3 has %d bytes, of %v", len(text), got.PartsCount)
		}
		_, err = complete(done)
		refused(t, err, 404, "NoSuchUpload")
	}
	// Small parts, copies of parts, aborting.
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("other")})
	ok(t, err)
	var small []types.CompletedPart
	for i := range int32(2) {
		p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("other"), UploadId: up.UploadId, PartNumber: aws.Int32(i + 1), Body: strings.NewReader("small")})
		ok(t, err)
		small = append(small, types.CompletedPart{ETag: p.ETag, PartNumber: aws.Int32(i + 1)})
	}
	_, err = w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("other"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: small}})
	refused(t, err, 400, "EntityTooSmall")
	copied, err := w.s3.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: &b, Key: aws.String("other"), UploadId: up.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String(b + "/big"), CopySourceRange: aws.String("bytes=1-6000000")})
	ok(t, err)
	_, err = w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("other"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: copied.CopyPartResult.ETag}, small[1]}}})
	ok(t, err)
	if text, _ := read(t, w.s3, b, "other"); text != string(data[1:6000001])+"small" {
		t.Error("a copied part")
	}
	up, err = w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("never")})
	ok(t, err)
	ups, err := w.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &b})
	ok(t, err)
	if len(ups.Uploads) != 1 || *ups.Uploads[0].Key != "never" {
		t.Errorf("%+v", ups.Uploads)
	}
	_, err = w.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b, Key: aws.String("never"), UploadId: up.UploadId})
	ok(t, err)
	_, err = w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("never"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	refused(t, err, 404, "NoSuchUpload")
}

func (w *world) presigned(t *testing.T) {
	b := w.bucket(t)
	w.put(t, b, "k", "signed")
	sign := s3.NewPresignClient(w.s3)
	get, err := sign.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: aws.String("k"), ResponseContentType: aws.String("a/b")})
	ok(t, err)
	resp := w.get(t, "GET", strings.TrimPrefix(get.URL, w.URL), nil)
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || string(body) != "signed" || resp.Header.Get("Content-Type") != "a/b" {
		t.Error(resp.Status, string(body))
	}
	if resp := w.get(t, "GET", strings.TrimPrefix(get.URL, w.URL)+"0", nil); resp.StatusCode != 403 {
		t.Error("a changed signature:", resp.Status)
	}
	put, err := sign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: aws.String("up")})
	ok(t, err)
	r, err := http.NewRequestWithContext(context.Background(), "PUT", put.URL, strings.NewReader("by url"))
	ok(t, err)
	resp, err = http.DefaultClient.Do(r)
	ok(t, err)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	if text, _ := read(t, w.s3, b, "up"); text != "by url" {
		t.Error(text)
	}
	// A policy that lets only headers sign.
	_, err = w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + b + `/*","Condition":{"StringNotEquals":{"s3:authType":"REST-HEADER"}}},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::` + b + `/*","Condition":{"NumericGreaterThan":{"s3:signatureAge":"600000"}}}]}`)})
	ok(t, err)
	if resp := w.get(t, "GET", strings.TrimPrefix(get.URL, w.URL), nil); resp.StatusCode != 403 {
		t.Error("a presigned URL where only headers may sign:", resp.Status)
	}
	read(t, w.s3, b, "k")
	w.put(t, b, "k", "fresh")
}
