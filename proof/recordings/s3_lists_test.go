package recordings

import (
	"fmt"
	"strings"
)

// s3Lists: LS s3/test_s3_list_operations.
func s3Lists(a aisle) {
	b := a.bucket()
	for _, k := range []string{"test/bar/foo/123", "test/foo/bar/123", "test/foo/bar/456"} {
		a.must("PUT", "/"+b+"/"+k, "content-123")
	}
	const item, region = "Contents{Key,LastModified,ETag,ChecksumAlgorithm,ChecksumType,Size,StorageClass}", "X-Amz-Bucket-Region=us-east-1"
	const owned = "Contents{Key,LastModified,ETag,ChecksumAlgorithm,ChecksumType,Size,StorageClass,Owner{ID}}"
	v1 := func(query, shape string) *answer {
		a.Helper()
		return a.is(a.send("GET", "/"+b+"?"+query, ""), 200, "ListBucketResult{Name,MaxKeys,IsTruncated,"+shape+"}", region)
	}
	v2 := func(query, shape string) *answer {
		a.Helper()
		return v1("list-type=2&"+query, "KeyCount,"+shape)
	}
	// TestS3ListObjects
	v1("prefix=test/&max-keys=1&delimiter=", "Prefix,Marker[],"+owned)
	r := v1("prefix=test/&max-keys=1&delimiter=/", "Prefix,Marker[],Delimiter,NextMarker,CommonPrefixes{Prefix}")
	a.holds(r, "NextMarker", "test/bar/", "IsTruncated", "true")
	r = v1("prefix=test&delimiter=%252F&encoding-type=url", "Prefix,Marker[],Delimiter,EncodingType,"+owned)
	a.holds(r, "Delimiter", "%252F")
	v1("prefix=test/foo&max-keys=1", "Prefix,Marker[],"+owned) // NextMarker comes with a delimiter alone
	v1("marker=", "Prefix[],Marker[],"+owned)
	a.is(a.nobody().send("GET", "/"+b, ""), 403, "Error{Code,Message,RequestId,HostId}", "")
	// TestS3ListObjectsV2
	v2("prefix=test/foo", "Prefix,"+item)
	v2("prefix=test/foo&fetch-owner=true", "Prefix,"+owned)
	r = v2("prefix=test/&delimiter=/", "Prefix,Delimiter,CommonPrefixes{Prefix}")
	a.holds(r, "KeyCount", "2")
	r = v2("prefix=test/&delimiter=/&max-keys=1", "Prefix,Delimiter,CommonPrefixes{Prefix},NextContinuationToken")
	v2("prefix=test/&delimiter=/&continuation-token="+escaped(r.text("NextContinuationToken")), "Prefix,Delimiter,CommonPrefixes{Prefix},ContinuationToken")
	v2("start-after=test/foo/bar/123", "Prefix[],StartAfter,"+item)
	a.fails(a.send("GET", "/"+b+"?list-type=2&continuation-token=", ""), 400, "InvalidArgument", "The continuation token provided is incorrect", "ArgumentName", "continuation-token")
	v2("max-keys=0", "Prefix[]")
	// TestS3ListObjectVersions::test_list_objects_versions_markers
	v := a.versioned()
	for range 2 {
		for i := range 3 {
			a.must("PUT", fmt.Sprintf("/%s/test_%d", v, i), "x")
		}
	}
	const version = "Version{Key,VersionId,IsLatest,LastModified,ETag,ChecksumAlgorithm,ChecksumType,Size,Owner{ID},StorageClass}"
	list := func(query, shape string) *answer {
		a.Helper()
		return a.is(a.send("GET", "/"+v+"?versions&"+query, ""), 200, "ListVersionsResult{Name,Prefix[],MaxKeys,IsTruncated,"+shape+"}", "")
	}
	r = list("max-keys=3", "KeyMarker[],VersionIdMarker[],NextKeyMarker,NextVersionIdMarker,"+version)
	next, id := r.text("NextKeyMarker"), r.text("NextVersionIdMarker")
	a.holds(r, "NextKeyMarker", "test_1")
	list("max-keys=1&key-marker="+next, "KeyMarker,VersionIdMarker[],NextKeyMarker,NextVersionIdMarker,"+version)
	list("max-keys=1&key-marker="+next+"&version-id-marker="+id, "KeyMarker,VersionIdMarker,NextKeyMarker,NextVersionIdMarker,"+version)
	list("key-marker=test_2", "KeyMarker,VersionIdMarker[]")
	a.fails(a.send("GET", "/"+v+"?versions&version-id-marker="+id, ""), 400, "InvalidArgument", "A version-id marker cannot be specified without a key marker.", "ArgumentName", "version-id-marker", "ArgumentValue", id)
	// TestS3::test_multipart_and_list_parts: TestS3ListMultipartUploads
	key := "test-list-parts"
	uploads := func(query, shape string) *answer {
		a.Helper()
		return a.is(a.send("GET", "/"+b+"?uploads&"+query, ""), 200, "ListMultipartUploadsResult{Bucket,KeyMarker[],UploadIdMarker[],MaxUploads,IsTruncated,"+shape+"}", "")
	}
	uploads("", "NextKeyMarker[],NextUploadIdMarker[]")
	up := a.is(a.send("POST", "/"+b+"/"+key+"?uploads", ""), 200, "InitiateMultipartUploadResult{Bucket,Key,UploadId}", "X-Amz-Server-Side-Encryption=AES256").text("UploadId")
	const upload = "Upload{Initiated,Initiator{DisplayName,ID},Key,Owner{ID},StorageClass,UploadId}"
	r = uploads("", "NextKeyMarker,NextUploadIdMarker,"+upload)
	a.holds(r, "NextKeyMarker", key, "NextUploadIdMarker", up)
	parts := func(query, shape string) *answer {
		a.Helper()
		return a.is(a.send("GET", "/"+b+"/"+key+"?uploadId="+up+query, ""), 200, "ListPartsResult{Bucket,Initiator{DisplayName,ID},IsTruncated,Key,MaxParts,NextPartNumberMarker,Owner{ID},PartNumberMarker,StorageClass,UploadId"+shape+"}", "")
	}
	a.holds(parts("", ""), "NextPartNumberMarker", "0", "PartNumberMarker", "0")
	etag := a.must("PUT", "/"+b+"/"+key+"?partNumber=1&uploadId="+up, strings.Repeat("upload-part-1", 5)).header.Get("Etag")
	for _, q := range []string{"", "&part-number-marker=", "&max-parts="} { // test_list_parts_empty_part_number_marker
		a.holds(parts(q, ",Part{ETag,LastModified,PartNumber,Size}"), "NextPartNumberMarker", "1", "PartNumberMarker", "0", "MaxParts", "1000")
	}
	a.must("POST", "/"+b+"/"+key+"?uploadId="+up, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+etag+"</ETag></Part></CompleteMultipartUpload>")
	a.fails(a.send("GET", "/"+b+"/"+key+"?uploadId="+up, ""), 404, "NoSuchUpload", noUpload, "UploadId", up)
	uploads("", "NextKeyMarker[],NextUploadIdMarker[]")
}

func escaped(s string) string {
	return strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(s)
}

const noUpload = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
