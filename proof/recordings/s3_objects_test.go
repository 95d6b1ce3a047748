package recordings

import (
	"crypto/md5"
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

func md5Of(s string) string {
	sum := md5.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

const (
	noKey    = "The specified key does not exist."
	stored   = "Etag;X-Amz-Server-Side-Encryption=AES256;X-Amz-Checksum-Crc64nvme;X-Amz-Checksum-Type=FULL_OBJECT"
	testETag = "098f6bcd4621d373cade4e832627b4f6"
)

// s3Objects: LS s3/test_s3.
func s3Objects(a aisle) {
	b := a.bucket()
	// test_put_and_get_object_with_content_language_disposition
	a.is(a.send("PUT", "/"+b+"/test", "abc123", "Content-Language", "de", "Content-Disposition", `attachment; filename="foo.jpg"`, "Cache-Control", "no-cache"), 200, "", stored)
	a.is(a.send("GET", "/"+b+"/test", ""), 200, "abc123", plain("e99a18c428cb38d5f260853678922e03", "Cache-Control=no-cache", "Content-Language=de", `Content-Disposition=attachment; filename="foo.jpg"`))
	// test_head_object_fields, test_range_key_not_exists
	a.head(a.send("HEAD", "/"+b+"/404", ""), 404, "Content-Type=application/xml")
	a.fails(a.send("GET", "/"+b+"/my-key", "", "Range", "bytes=1024-4096"), 404, "NoSuchKey", noKey, "Key", "my-key")
	// test_s3_invalid_content_md5
	for _, bad := range []string{"__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc="} {
		a.fails(a.send("PUT", "/"+b+"/k", "something", "Content-Md5", bad), 400, "InvalidDigest", "The Content-MD5 you specified was invalid.", "Content-MD5", bad)
	}
	a.fails(a.send("PUT", "/"+b+"/k", "something", "Content-Md5", "CYketZBSTjX8czcs3cXVlg=="), 400, "BadDigest", "The Content-MD5 you specified did not match what we received.",
		"ExpectedDigest", "09891eb590524e35fc73372cddc5d596", "CalculatedDigest", "Q3uTDbhLgHnC3YBKcZNrXw==")
	a.is(a.send("PUT", "/"+b+"/k", "something", "Content-Md5", "Q3uTDbhLgHnC3YBKcZNrXw=="), 200, "", stored)
	// test_s3_get_object_header_overrides
	q := url.Values{"response-cache-control": {"max-age=74"}, "response-content-disposition": {`attachment; filename="foo.jpg"`}, "response-content-encoding": {"identity"}, "response-content-language": {"de-DE"},
		"response-content-type": {"image/jpeg"}, "response-expires": {"Mon, 01 Jan 2024 00:00:00 GMT"}}
	a.is(a.send("GET", "/"+b+"/k?"+strings.ReplaceAll(q.Encode(), "+", "%20"), ""), 200, "something", `Accept-Ranges=bytes;Content-Type=image/jpeg;Etag="437b930db84b8079c2dd804a71936b5f";Last-Modified;X-Amz-Server-Side-Encryption=AES256;`+
		`Cache-Control=max-age=74;Content-Disposition=attachment; filename="foo.jpg";Content-Encoding=identity;Content-Language=de-DE;Expires=Mon, 01 Jan 2024 00:00:00 GMT`)
	// test_metadata_header_character_decoding, test_user_metadata_rfc2047_encoded
	a.must("PUT", "/"+b+"/meta", "foo", "X-Amz-Meta-TEST_META_1", "foo", "X-Amz-Meta-__meta_2", "bar", "X-Amz-Meta-Non-Ascii-2", "ÄMÄZÕÑ S3")
	a.head(a.send("HEAD", "/"+b+"/meta", ""), 200, plain("acbd18db4cc2f85cedef654fccc4a4d8", "X-Amz-Meta-Test_meta_1=foo", "X-Amz-Meta-__meta_2=bar", "X-Amz-Meta-Non-Ascii-2==?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="))
	// test_s3_upload_download_gzip, test_put_object_storage_class
	a.must("PUT", "/"+b+"/gz", "test", "Content-Encoding", "gzip")
	a.is(a.send("GET", "/"+b+"/gz", ""), 200, "test", plain(testETag, "Content-Encoding=gzip"))
	for _, class := range []string{"STANDARD_IA", "GLACIER_IR", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY"} {
		a.is(a.send("PUT", "/"+b+"/class", "test", "X-Amz-Storage-Class", class), 200, "", stored)
		a.is(a.send("GET", "/"+b+"/class", ""), 200, "test", plain(testETag, "X-Amz-Storage-Class="+class))
		a.is(a.send("GET", "/"+b+"/class?attributes", "", "X-Amz-Object-Attributes", "StorageClass"), 200, "GetObjectAttributesResponse{StorageClass}", "Last-Modified")
	}
	for _, class := range []string{"GLACIER", "DEEP_ARCHIVE"} {
		a.must("PUT", "/"+b+"/class", "test", "X-Amz-Storage-Class", class)
		a.fails(a.send("GET", "/"+b+"/class", ""), 403, "InvalidObjectState", "The operation is not valid for the object's storage class", "StorageClass", class)
		a.head(a.send("HEAD", "/"+b+"/class", ""), 200, plain(testETag, "X-Amz-Storage-Class="+class))
		a.holds(a.send("GET", "/"+b+"/class?attributes", "", "X-Amz-Object-Attributes", "StorageClass"), "StorageClass", class)
	}
	// test_s3_restore_object..., and what of an archived object is refused
	restore := func(key string) *answer {
		return a.send("POST", "/"+b+"/"+key+"?restore", "<RestoreRequest><Days>1</Days><GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters></RestoreRequest>")
	}
	a.is(restore("class"), 202, "", "")
	a.head(a.send("HEAD", "/"+b+"/class", ""), 200, plain(testETag, "X-Amz-Storage-Class=DEEP_ARCHIVE", `X-Amz-Restore=ongoing-request="true"`))
	a.fails(restore("class"), 409, "RestoreAlreadyInProgress", "Object restore is already in progress")
	a.fails(restore("k"), 403, "InvalidObjectState", "Restore is not allowed for the object's current storage class")
	a.fails(a.send("PUT", "/"+b+"/copy", "", "X-Amz-Copy-Source", b+"/class"), 403, "ObjectNotInActiveTierError", "The source object of the COPY operation is not in the active tier and is only stored in Amazon Glacier.")
	a.fails(a.send("PUT", "/"+b+"/class", "test", "X-Amz-Storage-Class", "OUTPOSTS"), 400, "InvalidStorageClass", "The storage class you specified is not valid", "StorageClassRequested", "OUTPOSTS")
	a.fails(a.send("POST", "/"+b+"/class?uploads", "", "X-Amz-Storage-Class", "OUTPOSTS"), 400, "InvalidStorageClass", "The storage class you specified is not valid", "StorageClassRequested", "OUTPOSTS")
	// test_s3_object_expires
	a.must("PUT", "/"+b+"/expires", "foo", "Expires", "Wed, 01 Jan 2020 00:00:00 GMT")
	a.is(a.send("GET", "/"+b+"/expires", ""), 200, "foo", plain("acbd18db4cc2f85cedef654fccc4a4d8", "Expires=Wed, 01 Jan 2020 00:00:00 GMT"))
	// test_get_object_attributes
	a.must("PUT", "/"+b+"/attrs", "69\n420\n")
	a.is(a.send("GET", "/"+b+"/attrs?attributes", "", "X-Amz-Object-Attributes", "StorageClass,ETag, ObjectSize, ObjectParts, Checksum"), 200,
		"GetObjectAttributesResponse{Checksum{ChecksumCRC64NVME,ChecksumType},ETag,ObjectSize,StorageClass}", "Last-Modified")
}

// s3Names: keys of many characters, as paths and in listings. LS s3/test_s3
// test_put_get_object_special_character, test_object_with_slashes_in_key.
func s3Names(a aisle) {
	b := a.bucket()
	for key, path := range map[string]string{
		"file%2Fname": "file%252Fname", "test@key/": "test%40key/", "test%123": "test%25123", "test key//": "test%20key//", "a/😀/": "a/%F0%9F%98%80/", "a/": "a/", "/foo": "/foo", "/bar/foo/": "/bar/foo/", "Ā0Ä": "%C4%800%C3%84", "#key": "%23key", "test+key": "test%2Bkey",
	} {
		a.is(a.send("PUT", "/"+b+"/"+path, "test"), 200, "", stored)
		a.is(a.send("GET", "/"+b+"/"+path, ""), 200, "test", plain(testETag))
		r := a.is(a.send("GET", "/"+b+"?list-type=2", ""), 200, "ListBucketResult{Name,Prefix[],KeyCount,MaxKeys,IsTruncated,Contents{Key,LastModified,ETag,ChecksumAlgorithm,ChecksumType,Size,StorageClass}}", "X-Amz-Bucket-Region")
		a.holds(r, "Key", key)
		// test_copy_object_special_character
		a.must("PUT", "/"+b+"/copied", "", "X-Amz-Copy-Source", "/"+b+"/"+path)
		a.is(a.send("DELETE", "/"+b+"/"+path, ""), 204, "", "")
		a.is(a.send("DELETE", "/"+b+"/copied", ""), 204, "", "")
	}
	a.must("PUT", "/"+b+"/CamelCaseKey", "something")
	a.fails(a.send("GET", "/"+b+"/camelcasekey", ""), 404, "NoSuchKey", noKey, "Key", "camelcasekey")
}

// s3Reads: LS s3/test_s3_api TestS3ObjectCRUD::test_get_object_range, test_s3
// test_get_object_part.
func s3Reads(a aisle) {
	b := a.bucket()
	a.must("PUT", "/"+b+"/k", "0123456789")
	const etag = "781e5e245d69b566979b86e28d23f2c7"
	for _, x := range [][3]string{{"0-8", "012345678", "0-8"}, {"1-1", "1", "1-1"}, {"1-", "123456789", "1-9"}, {"-2", "89", "8-9"}, {"-9", "123456789", "1-9"}, {"-15", "0123456789", "0-9"}, {"0-100", "0123456789", "0-9"}, {"0-0", "0", "0-0"}} {
		a.is(a.send("GET", "/"+b+"/k", "", "Range", "bytes="+x[0], "X-Amz-Checksum-Mode", "ENABLED"), 206, x[1], plain(etag, "Content-Range=bytes "+x[2]+"/10"))
	}
	for _, x := range []string{"bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4,7-9", "0-8", "bytes=-"} {
		a.is(a.send("GET", "/"+b+"/k", "", "Range", x), 200, "0123456789", plain(etag))
	}
	for _, x := range []string{"bytes=-0", "bytes=100-200"} {
		a.fails(a.send("GET", "/"+b+"/k", "", "Range", x), 416, "InvalidRange", "The requested range is not satisfiable", "RangeRequested", x, "ActualObjectSize", "10")
	}
	a.is(a.send("GET", "/"+b+"/k?partNumber=1", "", "X-Amz-Checksum-Mode", "ENABLED"), 206, "0123456789", plain(etag, "Content-Range=bytes 0-9/10", "X-Amz-Checksum-Crc64nvme", "X-Amz-Checksum-Type=FULL_OBJECT"))
	a.fails(a.send("GET", "/"+b+"/k?partNumber=2", ""), 416, "InvalidPartNumber", "The requested partnumber is not satisfiable", "PartNumberRequested", "2", "ActualPartCount", "1")
	a.fails(a.send("GET", "/"+b+"/k?partNumber=1", "", "Range", "bytes=0-8"), 400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
}

// s3Conditions: LS s3/test_s3 test_s3_get_object_preconditions, test_s3_preconditions,
// test_s3_api TestS3ObjectWritePrecondition.
func s3Conditions(a aisle) {
	b := a.bucket()
	a.must("PUT", "/"+b+"/k", "data")
	const etag = "8d777f385d3dfec8815d20f7496026dc"
	const failed = "At least one of the pre-conditions you specified did not hold"
	at := func(d time.Duration) string {
		return a.clock.Now().Add(d).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	past, soon, future := at(-24*time.Hour), at(2*time.Second), at(24*time.Hour)
	modified := a.send("HEAD", "/"+b+"/k", "").header.Get("Last-Modified")
	for _, m := range []string{"GET", "HEAD"} {
		body := map[string]string{"GET": "data"}[m]
		ask := func(pairs ...string) *answer { return a.send(m, "/"+b+"/k", "", pairs...) }
		for _, x := range [][2]string{{"If-Match", "none-match"}, {"If-Unmodified-Since", past}} {
			if m == "HEAD" {
				a.head(ask(x[0], x[1]), 412, "Content-Type=application/xml")
				continue
			}
			a.fails(ask(x[0], x[1]), 412, "PreconditionFailed", failed, "Condition", x[0])
		}
		for _, x := range [][2]string{{"If-None-Match", `"` + etag + `"`}, {"If-None-Match", etag}, {"If-Modified-Since", soon}, {"If-Modified-Since", modified}} {
			if x[1] == soon { // not yet: S3 ignores times in the future
				a.is(ask(x[0], future), 200, body, plain(etag))
				continue
			}
			a.head(ask(x[0], x[1]), 304, `Etag="`+etag+`";Last-Modified`)
		}
		a.is(ask("If-Unmodified-Since", modified), 200, body, plain(etag))
		a.is(ask("If-Match", etag, "If-None-Match", "other", "If-Modified-Since", past, "If-Unmodified-Since", future), 200, body, plain(etag))
	}
	// Copies.
	copyIf := func(pairs ...string) *answer {
		return a.send("PUT", "/"+b+"/copy", "", append(pairs, "X-Amz-Copy-Source", b+"/k")...)
	}
	const source = "x-amz-copy-source-"
	for _, x := range [][2]string{{"If-Match", "none-match"}, {"If-Unmodified-Since", past}, {"If-None-Match", `"` + etag + `"`}, {"If-None-Match", etag}, {"If-Modified-Since", modified}} {
		a.fails(copyIf(source+x[0], x[1]), 412, "PreconditionFailed", failed, "Condition", source+x[0])
	}
	a.is(copyIf(source+"If-Modified-Since", future), 200, "CopyObjectResult{ChecksumCRC64NVME,ChecksumType,ETag,LastModified}", "X-Amz-Server-Side-Encryption=AES256")
	// Writes.
	put := func(key string, pairs ...string) *answer { return a.send("PUT", "/"+b+"/"+key, "x", pairs...) }
	const notDone = "A header you provided implies functionality that is not implemented"
	a.fails(put("k", "If-None-Match", "*"), 412, "PreconditionFailed", failed, "Condition", "If-None-Match")
	a.fails(put("k", "If-None-Match", "etag"), 501, "NotImplemented", notDone, "Header", "If-None-Match", "additionalMessage", "We don't accept the provided value of If-None-Match header for this API")
	a.fails(put("k", "If-Match", "*"), 501, "NotImplemented", notDone, "Header", "If-Match", "additionalMessage", "We don't accept the provided value of If-Match header for this API")
	a.fails(put("k", "If-None-Match", "*", "If-Match", "abcdef"), 501, "NotImplemented", notDone, "Header", "If-Match,If-None-Match", "additionalMessage", "Multiple conditional request headers present in the request")
	a.fails(put("k", "If-Match", "0ea85c0a75ac5b4b9a8ea0f8d5a4f4d3"), 412, "PreconditionFailed", failed, "Condition", "If-Match")
	a.fails(put("none", "If-Match", "abcdef"), 404, "NoSuchKey", noKey, "Key", "none")
	a.is(put("k", "If-Match", etag), 200, "", stored)
	a.is(put("new", "If-None-Match", "*"), 200, "", stored)
	// Uploads: what changed the key meanwhile is a conflict.
	upload := func(key string) (complete func(pairs ...string) *answer) {
		id := a.must("POST", "/"+b+"/"+key+"?uploads", "").text("UploadId")
		part := a.must("PUT", "/"+b+"/"+key+"?partNumber=1&uploadId="+id, "test").header.Get("Etag")
		return func(pairs ...string) *answer {
			return a.send("POST", "/"+b+"/"+key+"?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+part+"</ETag></Part></CompleteMultipartUpload>", pairs...)
		}
	}
	const conflict = "The conditional request cannot succeed due to a conflicting operation against this resource."
	const completed = "CompleteMultipartUploadResult{Bucket,ChecksumCRC64NVME,ChecksumType,ETag,Key,Location}"
	a.must("PUT", "/"+b+"/u", "test")
	complete := upload("u")
	a.fails(complete("If-None-Match", "*"), 412, "PreconditionFailed", failed, "Condition", "If-None-Match")
	a.must("DELETE", "/"+b+"/u", "")
	a.fails(complete("If-None-Match", "*"), 409, "ConditionalRequestConflict", conflict, "Condition", "If-None-Match", "Key", "u")
	a.is(upload("u")("If-None-Match", "*"), 200, completed, "X-Amz-Server-Side-Encryption=AES256")
	a.must("PUT", "/"+b+"/m", "test")
	complete = upload("m")
	a.must("PUT", "/"+b+"/m", "test-during")
	a.fails(complete("If-Match", testETag), 412, "PreconditionFailed", failed, "Condition", "If-Match")
	a.must("PUT", "/"+b+"/m", "test")
	a.fails(complete("If-Match", testETag), 409, "ConditionalRequestConflict", conflict, "Condition", "If-Match", "Key", "m")
	a.must("DELETE", "/"+b+"/m", "")
	a.fails(complete("If-Match", testETag), 404, "NoSuchKey", noKey, "Key", "m")
	a.must("PUT", "/"+b+"/m", "test")
	a.is(upload("m")("If-Match", testETag), 200, completed, "X-Amz-Server-Side-Encryption=AES256")
}
