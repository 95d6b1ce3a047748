package recordings

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// sums are the checksums of "test data..".
var sums = map[string]string{
	"CRC32": "cZWHwQ==", "CRC32C": "Pf4upw==", "SHA1": "B++3uSfJMSHWToQMQ1g6lIJY5Eo=", "SHA256": "2l26x0trnT0r2AvakoFk2MB7eKVKzYESLMxSAKAzoik=", "CRC64NVME": "qUVrWYOrIAM=",
}

// s3Checksums: LS s3/test_s3 test_put_object_checksum, test_s3_checksum_*,
// TestS3MultipartUploadChecksum.
func s3Checksums(a aisle) {
	b := a.bucket()
	const body, etag = "test data..", "e6d9226c2a86b7232933663c13467527"
	for alg, sum := range sums {
		name := "X-Amz-Checksum-" + alg
		put := func(v string) *answer {
			return a.send("PUT", "/"+b+"/"+alg, body, name, v, "X-Amz-Sdk-Checksum-Algorithm", alg)
		}
		a.fails(put("test"), 400, "InvalidRequest", "Value for x-amz-checksum-"+strings.ToLower(alg)+" header is invalid.")
		a.fails(put("A"+sum[1:]), 400, "BadDigest", "The "+alg+" you specified did not match the calculated checksum.")
		kept := name + "=" + sum + ";X-Amz-Checksum-Type=FULL_OBJECT"
		a.is(put(sum), 200, "", "Etag;X-Amz-Server-Side-Encryption=AES256;"+kept)
		a.is(a.send("GET", "/"+b+"/"+alg, ""), 200, body, plain(etag))
		a.is(a.send("GET", "/"+b+"/"+alg, "", "X-Amz-Checksum-Mode", "ENABLED"), 200, body, plain(etag, kept))
		a.head(a.send("HEAD", "/"+b+"/"+alg, "", "X-Amz-Checksum-Mode", "ENABLED"), 200, plain(etag, kept))
		r := a.is(a.send("GET", "/"+b+"/"+alg+"?attributes", "", "X-Amz-Object-Attributes", "ETag,Checksum"), 200, "GetObjectAttributesResponse{Checksum{Checksum"+alg+",ChecksumType},ETag}", "Last-Modified")
		a.holds(r, "Checksum"+alg, sum)
		// A range has no checksum of its own, nor that of the whole.
		a.is(a.send("GET", "/"+b+"/"+alg, "", "X-Amz-Checksum-Mode", "ENABLED", "Range", "bytes=0-3"), 206, "test", plain(etag, "Content-Range=bytes 0-3/11"))
	}
	a.fails(a.send("PUT", "/"+b+"/k", body, "X-Amz-Checksum-Crc32", sums["CRC32"], "X-Amz-Checksum-Sha1", sums["SHA1"]), 400, "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
	// test_s3_checksum_no_algorithm
	a.is(a.send("PUT", "/"+b+"/sha", body, "X-Amz-Checksum-Sha256", sums["SHA256"]), 200, "", "Etag;X-Amz-Server-Side-Encryption=AES256;X-Amz-Checksum-Sha256;X-Amz-Checksum-Type=FULL_OBJECT")
	// test_s3_checksum_no_automatic_sdk_calculation
	a.is(a.send("PUT", "/"+b+"/none", body), 200, "", "Etag;X-Amz-Server-Side-Encryption=AES256;X-Amz-Checksum-Crc64nvme="+sums["CRC64NVME"]+";X-Amz-Checksum-Type=FULL_OBJECT")
	// test_put_object_with_content_encoding and copies: a copy keeps the kind of checksum
	r := a.is(a.send("PUT", "/"+b+"/copied", "", "X-Amz-Copy-Source", b+"/SHA256"), 200, "CopyObjectResult{ChecksumSHA256,ChecksumType,ETag,LastModified}", "X-Amz-Server-Side-Encryption=AES256")
	a.holds(r, "ChecksumSHA256", sums["SHA256"])
	r = a.is(a.send("PUT", "/"+b+"/copied", "", "X-Amz-Copy-Source", b+"/SHA256", "X-Amz-Checksum-Algorithm", "CRC32C"), 200, "CopyObjectResult{ChecksumCRC32C,ChecksumType,ETag,LastModified}", "X-Amz-Server-Side-Encryption=AES256")
	a.holds(r, "ChecksumCRC32C", sums["CRC32C"])
}

func completed(parts ...string) string {
	return "<CompleteMultipartUpload>" + strings.Join(parts, "") + "</CompleteMultipartUpload>"
}

func part(n int, etag string, more ...string) string {
	return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>%s</Part>", n, etag, strings.Join(more, ""))
}

const badPart = "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."

// s3Uploads: LS s3/test_s3 TestS3::test_s3_multipart_upload_*, test_multipart_*,
// test_upload_part_*, test_upload_part_copy_range, s3/test_s3_api.
func s3Uploads(a aisle) {
	b := a.bucket()
	start := func(key string, header ...string) string {
		a.Helper()
		return a.must("POST", "/"+b+"/"+key+"?uploads", "", header...).text("UploadId")
	}
	upload := func(key, id string, n int, body string, header ...string) *answer {
		return a.send("PUT", fmt.Sprintf("/%s/%s?partNumber=%d&uploadId=%s", b, key, n, id), body, header...)
	}
	done := func(key, id, doc string, header ...string) *answer {
		return a.send("POST", "/"+b+"/"+key+"?uploadId="+id, doc, header...)
	}
	// test_upload_part_chunked..., test_multipart_no_such_upload
	for _, r := range []*answer{
		upload("k", "fakeid", 1, "x"), done("k", "fakeid", completed(part(1, "x"))), a.send("DELETE", "/"+b+"/k?uploadId=fakeid", ""), a.send("GET", "/"+b+"/k?uploadId=fakeid", ""),
	} {
		a.fails(r, 404, "NoSuchUpload", noUpload, "UploadId", "fakeid")
	}
	id := start("k")
	a.fails(done("other", id, completed(part(1, "x"))), 404, "NoSuchUpload", noUpload, "UploadId", id)
	// test_s3_put_part_number_without... : part numbers
	for _, n := range []int{-1, 0, 10001} {
		a.fails(upload("k", id, n, "x"), 400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", "ArgumentName", "partNumber", "ArgumentValue", fmt.Sprint(n))
	}
	a.fails(done("k", id, completed(part(1, "f4cb9ec0d0ef6c60c5d1e3a94ba6ef7b"))), 400, "InvalidPart", badPart, "ETag", "f4cb9ec0d0ef6c60c5d1e3a94ba6ef7b", "PartNumber", "1", "UploadId", id)
	// test_multipart_overwrite_existing..., test_upload_part
	first := upload("k", id, 1, "upload-part-1").header.Get("Etag")
	second := upload("k", id, 2, "upload-part-2").header.Get("Etag")
	a.fails(done("k", id, completed(part(1, first), part(2, second))), 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
		"ETag", strings.Trim(first, `"`), "MinSizeAllowed", "5242880", "PartNumber", "1", "ProposedSize", "13")
	a.fails(done("k", id, completed(part(2, second), part(1, first))), 400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.", "UploadId", id)
	a.fails(done("k", id, completed()), 400, "InvalidRequest", "You must specify at least one part")
	a.malformed(done("k", id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"))
	r := a.is(done("k", id, completed(part(1, first))), 200, "CompleteMultipartUploadResult{Bucket,ChecksumCRC64NVME,ChecksumType,ETag,Key,Location}", "X-Amz-Server-Side-Encryption=AES256")
	a.holds(r, "ChecksumType", "FULL_OBJECT")
	a.head(a.send("HEAD", "/"+b+"/k?partNumber=1", ""), 206, plain(strings.Trim(r.text("ETag"), `"`), "Content-Range=bytes 0-12/13", "X-Amz-Mp-Parts-Count=1"))
	a.fails(a.send("GET", "/"+b+"/k?partNumber=10", ""), 416, "InvalidPartNumber", "The requested partnumber is not satisfiable", "ActualPartCount", "1", "PartNumberRequested", "10")
	a.is(a.send("GET", "/"+b+"/k?attributes", "", "X-Amz-Object-Attributes", "StorageClass,ETag,ObjectSize,ObjectParts,Checksum"), 200,
		"GetObjectAttributesResponse{Checksum{ChecksumCRC64NVME,ChecksumType},ETag,ObjectParts{PartsCount},ObjectSize,StorageClass}", "Last-Modified")
	id = start("k")
	a.is(a.send("DELETE", "/"+b+"/k?uploadId="+id, ""), 204, "", "")
	// test_upload_part_copy_range
	a.must("PUT", "/"+b+"/ten", "0123456789")
	id = start("parts")
	copyPart := func(span string) *answer {
		return upload("parts", id, 1, "", "X-Amz-Copy-Source", b+"/ten", "X-Amz-Copy-Source-Range", span)
	}
	for _, span := range []string{"0-8", "bytes=0-8,0-3", "bytes=-2", "bytes=2-", "bytes=a-b", "bytes=5-3"} {
		const form = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
		a.fails(copyPart(span), 400, "InvalidArgument", form, "ArgumentName", "x-amz-copy-source-range", "ArgumentValue", span)
	}
	a.fails(copyPart("bytes=0-10"), 400, "InvalidArgument", "Range specified is not valid for source object of size: 10", "ArgumentName", "x-amz-copy-source-range", "ArgumentValue", "bytes=0-10")
	a.is(copyPart("bytes=0-8"), 200, "CopyPartResult{ETag,LastModified}", "X-Amz-Server-Side-Encryption=AES256")
}

// s3UploadChecksums: LS s3/test_s3 TestS3MultipartUploadChecksum.
func s3UploadChecksums(a aisle) {
	b := a.bucket()
	start := func(header ...string) *answer { return a.send("POST", "/"+b+"/k?uploads", "", header...) }
	const alg, kind = "X-Amz-Checksum-Algorithm", "X-Amz-Checksum-Type"
	const known = "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
	a.fails(start(alg, "BAD"), 400, "InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "+known)
	a.fails(start(kind, "COMPOSITE"), 400, "InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	a.fails(start(alg, "CRC64NVME", kind, "COMPOSITE"), 400, "InvalidRequest", "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.")
	for _, sha := range []string{"SHA1", "SHA256"} {
		a.fails(start(alg, sha, kind, "FULL_OBJECT"), 400, "InvalidRequest", "The FULL_OBJECT checksum type cannot be used with the "+strings.ToLower(sha)+" checksum algorithm.")
	}
	sum := sha256.Sum256([]byte("part"))
	sha := base64.StdEncoding.EncodeToString(sum[:])
	r := a.is(start(alg, "SHA256"), 200, "InitiateMultipartUploadResult{Bucket,Key,UploadId}", "X-Amz-Server-Side-Encryption=AES256;X-Amz-Checksum-Algorithm=SHA256;X-Amz-Checksum-Type=COMPOSITE")
	id := r.text("UploadId")
	upload := func(body string, header ...string) *answer {
		return a.send("PUT", "/"+b+"/k?partNumber=1&uploadId="+id, body, header...)
	}
	r = a.is(upload("part", "X-Amz-Checksum-Sha256", sha), 200, "", "Etag;X-Amz-Server-Side-Encryption=AES256;X-Amz-Checksum-Sha256="+sha)
	etag := r.header.Get("Etag")
	a.is(a.send("GET", "/"+b+"/k?uploadId="+id, ""), 200, "ListPartsResult{Bucket,ChecksumAlgorithm,ChecksumType,Initiator{DisplayName,ID},IsTruncated,Key,MaxParts,NextPartNumberMarker,Owner{ID},Part{ChecksumSHA256,ETag,LastModified,PartNumber,Size},PartNumberMarker,StorageClass,UploadId}", "")
	done := func(doc string, header ...string) *answer {
		return a.send("POST", "/"+b+"/k?uploadId="+id, doc, header...)
	}
	a.fails(done(completed(part(1, etag))), 400, "InvalidRequest", "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.")
	r = a.is(done(completed(part(1, etag, "<ChecksumSHA256>"+sha+"</ChecksumSHA256>"))), 200, "CompleteMultipartUploadResult{Bucket,ChecksumSHA256,ChecksumType,ETag,Key,Location}", "X-Amz-Server-Side-Encryption=AES256")
	a.holds(r, "ChecksumType", "COMPOSITE")
	of := sha256.Sum256(sum[:])
	a.holds(r, "ChecksumSHA256", base64.StdEncoding.EncodeToString(of[:])+"-1")
	a.is(a.send("GET", "/"+b+"/k?attributes", "", "X-Amz-Object-Attributes", "Checksum,ObjectParts"), 200,
		"GetObjectAttributesResponse{Checksum{ChecksumSHA256,ChecksumType},ObjectParts{IsTruncated,MaxParts,NextPartNumberMarker,Part{ChecksumSHA256,PartNumber,Size},PartNumberMarker,PartsCount}}", "Last-Modified")
	// An upload begun without a checksum has one of the whole, and takes none of parts.
	id = start().text("UploadId")
	etag = upload("part").header.Get("Etag")
	a.fails(done(completed(part(1, etag, "<ChecksumSHA256>"+sha+"</ChecksumSHA256>"))), 400, "InvalidPart", badPart, "ETag", strings.Trim(etag, `"`), "PartNumber", "1", "UploadId", id)
	a.is(done(completed(part(1, etag))), 200, "CompleteMultipartUploadResult{Bucket,ChecksumCRC64NVME,ChecksumType,ETag,Key,Location}", "X-Amz-Server-Side-Encryption=AES256")
	// test_complete_multipart_parts_checksum_full_object
	id = start(alg, "CRC32C", kind, "FULL_OBJECT").text("UploadId")
	etag = upload("part").header.Get("Etag")
	a.fails(done(completed(part(1, etag)), "X-Amz-Checksum-Crc32c", "AAAAAA==", kind, "FULL_OBJECT"), 400, "BadDigest", "The crc32c you specified did not match the calculated checksum.")
	a.is(done(completed(part(1, etag)), kind, "FULL_OBJECT"), 200, "CompleteMultipartUploadResult{Bucket,ChecksumCRC32C,ChecksumType,ETag,Key,Location}", "X-Amz-Server-Side-Encryption=AES256")
}
