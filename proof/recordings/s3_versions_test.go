package recordings

import (
	"strings"
	"time"
)

const noVersion = "The specified version does not exist."

// s3Versions: LS s3/test_s3_api TestS3ObjectCRUD, test_s3 test_s3_put_object_versioned.
func s3Versions(a aisle) {
	b := a.bucket()
	const id, marked = "X-Amz-Version-Id", "X-Amz-Delete-Marker=true"
	// test_get_object_with_version_unversioned_bucket
	a.must("PUT", "/"+b+"/k", "test")
	const bad = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
	a.fails(a.send("GET", "/"+b+"/k?versionId="+bad+"=", ""), 400, "InvalidArgument", "Invalid version id specified", "ArgumentName", "versionId", "ArgumentValue", bad+"=")
	a.is(a.send("GET", "/"+b+"/k?versionId=null", ""), 200, "test", plain(testETag))
	a.is(a.send("GET", "/"+b+"?versions", ""), 200, "ListVersionsResult{Name,Prefix[],KeyMarker[],VersionIdMarker[],MaxKeys,IsTruncated,Version{Key,VersionId,IsLatest,LastModified,ETag,ChecksumAlgorithm,ChecksumType,Size,Owner{ID},StorageClass}}", "")
	// test_s3_put_object_versioned
	a.versioning(b, "Enabled")
	a.is(a.send("GET", "/"+b+"/k", ""), 200, "test", plain(testETag, id+"=null"))
	v1 := a.is(a.send("PUT", "/"+b+"/v", "test"), 200, "", stored+";"+id).header.Get(id)
	v2 := a.is(a.send("PUT", "/"+b+"/v", "test"), 200, "", stored+";"+id).header.Get(id)
	a.is(a.send("GET", "/"+b+"/v?versionId="+v1, ""), 200, "test", plain(testETag, id+"="+v1))
	// test_delete_object_versioned
	m := a.is(a.send("DELETE", "/"+b+"/v", ""), 204, "", marked+";"+id).header.Get(id)
	r := a.send("GET", "/"+b+"/v", "")
	a.fails(r, 404, "NoSuchKey", noKey, "Key", "v")
	if r.header.Get("X-Amz-Delete-Marker") != "true" || r.header.Get(id) != m {
		a.Error(r.header)
	}
	r = a.send("GET", "/"+b+"/v?versionId="+m, "")
	const notAllowed = "The specified method is not allowed against this resource."
	a.fails(r, 405, "MethodNotAllowed", notAllowed, "Method", "GET", "ResourceType", "DeleteMarker")
	a.head(a.send("HEAD", "/"+b+"/v?versionId="+m, ""), 405, "Content-Type=application/xml;Allow=DELETE;Last-Modified;"+marked+";"+id)
	// test_put_object_acl_on_delete_marker
	for _, sub := range []string{"acl"} {
		a.fails(a.send("GET", "/"+b+"/v?"+sub, ""), 404, "NoSuchKey", noKey, "Key", "v")
		a.fails(a.send("GET", "/"+b+"/v?"+sub+"&versionId="+m, ""), 405, "MethodNotAllowed", notAllowed, "Method", "GET", "ResourceType", "DeleteMarker")
	}
	// test_get_object_attributes_versioned
	a.fails(a.send("GET", "/"+b+"/v?attributes", "", "X-Amz-Object-Attributes", "ETag"), 404, "NoSuchKey", noKey, "Key", "v")
	a.is(a.send("GET", "/"+b+"/v?attributes&versionId="+v1, "", "X-Amz-Object-Attributes", "ETag"), 200, "GetObjectAttributesResponse{ETag}", "Last-Modified;"+id+"="+v1)
	a.is(a.send("DELETE", "/"+b+"/v?versionId="+m, ""), 204, "", marked+";"+id+"="+m)
	a.is(a.send("DELETE", "/"+b+"/v?versionId="+v2, ""), 204, "", id+"="+v2)
	a.fails(a.send("GET", "/"+b+"/v?versionId="+v2, ""), 404, "NoSuchVersion", noVersion, "Key", "v", "VersionId", v2)
	a.fails(a.send("DELETE", "/"+b+"/v?versionId="+v1[:28]+"AB=D", ""), 400, "InvalidArgument", "Invalid version id specified", "ArgumentName", "versionId", "ArgumentValue", v1[:28]+"AB=D")
	a.is(a.send("DELETE", "/"+b+"/never", ""), 204, "", marked+";"+id)
	// test_put_object_on_suspended_bucket, test_delete_object_on_suspended_bucket
	a.versioning(b, "Suspended")
	a.is(a.send("PUT", "/"+b+"/v", "test"), 200, "", stored)
	a.is(a.send("GET", "/"+b+"/v", ""), 200, "test", plain(testETag, id+"=null"))
	a.is(a.send("DELETE", "/"+b+"/v", ""), 204, "", marked+";"+id+"=null")
	a.is(a.send("PUT", "/"+b+"/v", "test"), 200, "", stored)
	a.is(a.send("DELETE", "/"+b+"/v", ""), 204, "", marked+";"+id+"=null")
	r = a.is(a.send("GET", "/"+b+"?versions&prefix=v", ""), 200, "ListVersionsResult{Name,Prefix,KeyMarker[],VersionIdMarker[],MaxKeys,IsTruncated,DeleteMarker{Key,VersionId,IsLatest,LastModified,Owner{ID}},Version{Key,VersionId,IsLatest,LastModified,ETag,ChecksumAlgorithm,ChecksumType,Size,Owner{ID},StorageClass}}", "")
	if got := strings.Join(r.texts("VersionId"), " "); !strings.Contains(got, "null") || !strings.Contains(got, v1) {
		a.Error(got)
	}
}

// s3Deletes: LS s3/test_s3_api test_delete_objects*, test_delete_object_with_no_locking,
// test_s3 test_delete_non_existing_keys*.
func s3Deletes(a aisle) {
	b := a.bucket()
	del := func(b, inner string, header ...string) *answer {
		return a.send("POST", "/"+b+"?delete", "<Delete>"+inner+"</Delete>", header...)
	}
	object := func(key string, version ...string) string {
		x := "<Object><Key>" + key + "</Key>"
		if len(version) > 0 {
			x += "<VersionId>" + version[0] + "</VersionId>"
		}
		return x + "</Object>"
	}
	a.must("PUT", "/"+b+"/k", "test")
	r := a.is(del(b, object("k", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABC=")), 200, "DeleteResult{Error{Code,Key,Message,VersionId}}", "")
	a.holds(r, "Code", "NoSuchVersion", "Message", noVersion)
	a.is(del(b, object("k")+object("a-wrong-key")), 200, "DeleteResult{Deleted{Key}}", "")
	a.is(del(b, object("k")+object("a-wrong-key")+"<Quiet>true</Quiet>"), 200, "DeleteResult[]", "")
	gone := a.name()
	a.fails(del(gone, object("k")), 404, "NoSuchBucket", noBucket, "BucketName", gone)
	a.is(a.send("DELETE", "/"+b+"/never", ""), 204, "", "")
	a.fails(a.send("DELETE", "/"+b+"/never?versionId=HPniJFCxqTsMuIH9KX8K8wEjNUgmABC=", ""), 400, "InvalidArgument", "Invalid version id specified", "ArgumentName", "versionId", "ArgumentValue", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABC=")
	const bypass = "X-Amz-Bypass-Governance-Retention"
	for _, v := range []string{"true", "false"} {
		a.fails(a.send("DELETE", "/"+b+"/k", "", bypass, v), 400, "InvalidArgument", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.", "ArgumentName", "x-amz-bypass-governance-retention")
	}
	a.fails(del(b, object("k"), bypass, "true"), 400, "InvalidArgument", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.", "ArgumentName", "x-amz-bypass-governance-retention")

	v := a.versioned()
	id := a.must("PUT", "/"+v+"/k", "test").header.Get("X-Amz-Version-Id")
	r = a.is(del(v, object("k")+object("wrongkey")), 200, "DeleteResult{Deleted{DeleteMarker,DeleteMarkerVersionId,Key}}", "")
	m := r.texts("DeleteMarkerVersionId")[0]
	r = a.is(del(v, object("k", m)), 200, "DeleteResult{Deleted{DeleteMarker,DeleteMarkerVersionId,Key,VersionId}}", "")
	a.holds(r, "DeleteMarkerVersionId", m, "VersionId", m)
	a.is(del(v, object("k", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABC=")+object("wrong-key-2", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABC=")), 200, "DeleteResult{Error{Code,Key,Message,VersionId}}", "")
	a.is(del(v, object("k", id)), 200, "DeleteResult{Deleted{Key,VersionId}}", "")
}

const inPlace = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."

// s3Copies: LS s3/test_s3 test_s3_copy_*.
func s3Copies(a aisle) {
	b := a.bucket()
	const src, copied, sse, ver, from = "X-Amz-Copy-Source", "CopyObjectResult{ChecksumCRC64NVME,ChecksumType,ETag,LastModified}", "X-Amz-Server-Side-Encryption=AES256", "X-Amz-Version-Id", "X-Amz-Copy-Source-Version-Id"
	cp := func(to, source string, pairs ...string) *answer {
		return a.send("PUT", "/"+to, "", append(pairs, src, source)...)
	}
	a.must("PUT", "/"+b+"/k", "test", "Content-Type", "application/json", "X-Amz-Meta-Key", "value", "Content-Language", "en-US")
	a.is(cp(b+"/c", b+"/k"), 200, copied, sse)
	kept := `Accept-Ranges=bytes;Content-Type=application/json;Content-Language=en-US;Etag="` + testETag + `";Last-Modified;X-Amz-Meta-Key=value;` + sse
	a.head(a.send("HEAD", "/"+b+"/c", ""), 200, kept)
	a.is(cp(b+"/c", b+"/k", "X-Amz-Metadata-Directive", "COPY", "Content-Type", "image/jpg", "X-Amz-Meta-Other", "x"), 200, copied, sse)
	a.head(a.send("HEAD", "/"+b+"/c", ""), 200, kept)
	a.is(cp(b+"/c", b+"/k", "X-Amz-Metadata-Directive", "REPLACE", "Content-Type", "image/jpg", "X-Amz-Meta-Other", "x"), 200, copied, sse)
	a.head(a.send("HEAD", "/"+b+"/c", ""), 200, `Accept-Ranges=bytes;Content-Type=image/jpg;Etag="`+testETag+`";Last-Modified;X-Amz-Meta-Other=x;`+sse)
	// in place
	for _, pairs := range [][]string{nil, {"X-Amz-Meta-Other", "x"}, {"X-Amz-Metadata-Directive", "COPY"}} {
		a.fails(cp(b+"/k", b+"/k", pairs...), 400, "InvalidRequest", inPlace)
	}
	a.is(cp(b+"/k", b+"/k", "X-Amz-Storage-Class", "STANDARD"), 200, copied, sse)
	a.is(cp(b+"/k", b+"/k", "X-Amz-Website-Redirect-Location", "/test/direct"), 200, copied, sse)
	a.is(cp(b+"/k", b+"/k", "X-Amz-Server-Side-Encryption", "AES256"), 200, copied, sse)
	a.is(cp(b+"/k", b+"/k", "X-Amz-Checksum-Algorithm", "SHA256"), 200, "CopyObjectResult{ChecksumSHA256,ChecksumType,ETag,LastModified}", sse)
	a.is(cp(b+"/c", b+"/k"), 200, "CopyObjectResult{ChecksumSHA256,ChecksumType,ETag,LastModified}", sse)
	a.is(cp(b+"/k", b+"/k", "X-Amz-Metadata-Directive", "REPLACE"), 200, "CopyObjectResult{ChecksumSHA256,ChecksumType,ETag,LastModified}", sse)
	a.head(a.send("HEAD", "/"+b+"/k", ""), 200, plain(testETag))
	// test_copy_in_place_with_bucket_encryption
	e := a.bucket()
	a.must("PUT", "/"+e+"?encryption", "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>")
	a.must("PUT", "/"+e+"/k", "")
	a.is(cp(e+"/k", e+"/k"), 200, copied, sse)
	// test_s3_copy_object_src_not_exists, _wrong_format
	gone := a.name()
	a.fails(cp(b+"/c", gone+"/k"), 404, "NoSuchBucket", noBucket, "BucketName", gone)
	a.fails(cp(b+"/c", b+"/none"), 404, "NoSuchKey", noKey, "Key", "none")
	a.fails(cp(b+"/c", "wrongformat"), 400, "InvalidArgument", "Invalid copy source object key", "ArgumentName", "x-amz-copy-source", "ArgumentValue", "x-amz-copy-source")
	v := a.versioned()
	v1 := a.must("PUT", "/"+v+"/k", "test").header.Get(ver)
	m := a.must("DELETE", "/"+v+"/k", "").header.Get(ver)
	a.fails(cp(v+"/c", v+"/k"), 404, "NoSuchKey", noKey, "Key", "k")
	a.fails(cp(v+"/c", v+"/k?versionId="+m), 400, "InvalidRequest", "The source of a copy request may not specifically refer to a delete marker by version id.")
	a.is(cp(v+"/c", v+"/k?versionId="+v1), 200, copied, sse+";"+ver+";"+from+"="+v1)
	// test_s3_copy_object_in_place_versioned
	v2 := a.is(cp(v+"/k", v+"/k?versionId="+v1, "X-Amz-Metadata-Directive", "REPLACE"), 200, copied, sse+";"+ver+";"+from+"="+v1).header.Get(ver)
	a.versioning(v, "Suspended")
	a.is(cp(v+"/k", v+"/k", "X-Amz-Metadata-Directive", "REPLACE"), 200, copied, sse+";"+ver+"=null;"+from+"="+v2)
	a.versioning(v, "Enabled")
	a.is(cp(v+"/k", v+"/k", "X-Amz-Metadata-Directive", "REPLACE"), 200, copied, sse+";"+ver)
	// test_s3_copy_tagging_directive
	a.must("PUT", "/"+b+"/t", "test", "X-Amz-Tagging", "key1=value1")
	for directive, want := range map[string]string{"": "value1", "COPY": "value1", "REPLACE": "value2"} {
		pairs := []string{"X-Amz-Tagging", "key=value2"}
		if directive != "" {
			pairs = append(pairs, "X-Amz-Tagging-Directive", directive)
		}
		a.is(cp(b+"/tc", b+"/t", pairs...), 200, copied, sse)
		a.holds(a.send("GET", "/"+b+"/tc?tagging", ""), "Value", want)
	}
	a.is(cp(b+"/tc", b+"/t", "X-Amz-Tagging-Directive", "REPLACE"), 200, copied, sse)
	a.is(a.send("GET", "/"+b+"/tc?tagging", ""), 200, "Tagging{TagSet[]}", "")
}

// s3Tags: LS s3/test_s3_api TestS3BucketObjectTagging, test_s3
// test_put_object_tagging_empty_list.
func s3Tags(a aisle) {
	b := a.bucket()
	a.must("PUT", "/"+b+"/k", "test", "X-Amz-Tagging", "tag1=tag1&tag2=tag2")
	a.is(a.send("GET", "/"+b+"/k?tagging", ""), 200, "Tagging{TagSet{Tag{Key,Value}}}", "")
	a.is(a.send("GET", "/"+b+"/k", ""), 200, "test", plain(testETag, "X-Amz-Tagging-Count=2"))
	a.is(a.send("PUT", "/"+b+"/k?tagging", tagging("tag3", "tag3")), 200, "", "")
	a.is(a.send("PUT", "/"+b+"/k?tagging", tagging()), 200, "", "")
	a.is(a.send("GET", "/"+b+"/k?tagging", ""), 200, "Tagging{TagSet[]}", "")
	a.is(a.send("DELETE", "/"+b+"/k?tagging", ""), 204, "", "")
	a.must("PUT", "/"+b+"/q", "test", "X-Amz-Tagging", "wrongquery&wrongagain")
	if r := a.send("GET", "/"+b+"/q?tagging", ""); strings.Join(r.texts("Key"), " ") != "wrongagain wrongquery" {
		a.Errorf("%s", r.body)
	}
	// test_object_tagging_exc
	a.fails(a.send("GET", "/"+b+"/fake-key?tagging", ""), 404, "NoSuchKey", noKey, "Key", b+"/fake-key")
	a.fails(a.send("PUT", "/"+b+"/fake-key?tagging", tagging("a", "b")), 404, "NoSuchKey", noKey, "Key", "fake-key")
	a.fails(a.send("DELETE", "/"+b+"/fake-key?tagging", ""), 404, "NoSuchKey", noKey, "Key", "fake-key")
	for _, bad := range []string{"key1=val1&key1=val2", "key1=val1,key2=val2"} {
		a.fails(a.send("PUT", "/"+b+"/bad", "x", "X-Amz-Tagging", bad), 400, "InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
			"ArgumentName", "x-amz-tagging", "ArgumentValue", bad)
	}
	// test_tagging_validation
	for target, system := range map[string]string{"?tagging": "System tags cannot be added/updated by requester", "/k?tagging": "Your TagKey cannot be prefixed with aws:"} {
		put := func(pairs ...string) *answer { return a.send("PUT", "/"+b+target, tagging(pairs...)) }
		a.fails(put("Key1", "Val1", "Key1", "Val1"), 400, "InvalidTag", "Cannot provide multiple Tags with the same key", "TagKey", "Key1")
		a.fails(put("Key1,Key2", "Val1"), 400, "InvalidTag", "The TagKey you have provided is invalid", "TagKey", "Key1,Key2")
		a.fails(put("Key1", "Val1,Val2"), 400, "InvalidTag", "The TagValue you have provided is invalid", "TagKey", "Key1", "TagValue", "Val1,Val2")
		a.fails(put("aws:prefixed", "Val1"), 400, "InvalidTag", system, "TagKey", "aws:prefixed")
	}
	// test_object_tagging_versioned
	v := a.versioned()
	const ver = "X-Amz-Version-Id"
	v1 := a.must("PUT", "/"+v+"/k", "test").header.Get(ver)
	v2 := a.must("PUT", "/"+v+"/k", "test").header.Get(ver)
	a.is(a.send("PUT", "/"+v+"/k?tagging", tagging("tag3", "tag3")), 200, "", ver+"="+v2)
	a.is(a.send("PUT", "/"+v+"/k?tagging&versionId="+v1, tagging("tag1", "tag1")), 200, "", ver+"="+v1)
	a.is(a.send("GET", "/"+v+"/k?tagging&versionId="+v1, ""), 200, "Tagging{TagSet{Tag{Key,Value}}}", ver+"="+v1)
}

// s3Locks: LS s3/test_s3 TestS3ObjectLockRetention, TestS3ObjectLockLegalHold.
func s3Locks(a aisle) {
	b := a.bucket("X-Amz-Bucket-Object-Lock-Enabled", "true")
	const ver, mode, until, hold = "X-Amz-Version-Id", "X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date", "X-Amz-Object-Lock-Legal-Hold"
	const protected, none, missing = "Access Denied because object protected by object lock.", "The specified object does not have a ObjectLock configuration", "Bucket is missing Object Lock Configuration"
	day := func(n int) string {
		return a.clock.Now().UTC().Add(time.Duration(n) * 24 * time.Hour).Format("2006-01-02T15:04:05Z")
	}
	retain := func(b, key, mode, until string, pairs ...string) *answer {
		inner := ""
		if mode != "" {
			inner += "<Mode>" + mode + "</Mode>"
		}
		if until != "" {
			inner += "<RetainUntilDate>" + until + "</RetainUntilDate>"
		}
		return a.send("PUT", "/"+b+"/"+key, "<Retention>"+inner+"</Retention>", pairs...)
	}
	gone := a.name()
	a.fails(retain(gone, "k?retention", "GOVERNANCE", day(1)), 404, "NoSuchBucket", noBucket, "BucketName", gone)
	a.fails(retain(b, "none?retention", "GOVERNANCE", day(1)), 404, "NoSuchKey", noKey, "Key", "none")
	v := a.must("PUT", "/"+b+"/k", "test").header.Get(ver)
	a.fails(a.send("GET", "/"+b+"/k?retention", ""), 404, "NoSuchObjectLockConfiguration", none)
	a.malformed(retain(b, "k?retention", "", day(1)))
	a.malformed(retain(b, "k?retention", "BAD-VALUE", day(1)))
	a.is(retain(b, "k?retention", "GOVERNANCE", day(2)), 200, "", "")
	a.is(a.send("GET", "/"+b+"/k?retention", ""), 200, "Retention{Mode,RetainUntilDate}", "")
	a.head(a.send("HEAD", "/"+b+"/k", ""), 200, plain(testETag, ver, mode+"=GOVERNANCE", until))
	a.fails(retain(b, "k?retention", "GOVERNANCE", "2020-01-01T00:00:00Z", "X-Amz-Bypass-Governance-Retention", "true"), 400, "InvalidArgument", "The retain until date must be in the future!",
		"ArgumentName", "RetainUntilDate", "ArgumentValue", "Tue Dec 31 16:00:00 PST 2019")
	a.fails(retain(b, "k?retention", "GOVERNANCE", day(1)), 403, "AccessDenied", protected)
	a.is(retain(b, "k?retention", "GOVERNANCE", day(3)), 200, "", "")
	a.fails(a.send("DELETE", "/"+b+"/k?versionId="+v, ""), 403, "AccessDenied", protected)
	a.is(a.send("DELETE", "/"+b+"/k?versionId="+v, "", "X-Amz-Bypass-Governance-Retention", "true"), 204, "", ver+"="+v)
	v = a.must("PUT", "/"+b+"/c", "test").header.Get(ver)
	a.is(retain(b, "c?retention", "COMPLIANCE", day(2)), 200, "", "")
	a.fails(a.send("DELETE", "/"+b+"/c?versionId="+v, "", "X-Amz-Bypass-Governance-Retention", "true"), 403, "AccessDenied", protected)
	a.fails(retain(b, "c?retention", "GOVERNANCE", day(3)), 403, "AccessDenied", protected)
	a.fails(retain(b, "c?retention", "COMPLIANCE", day(1)), 403, "AccessDenied", protected)
	plainBucket := a.bucket()
	a.must("PUT", "/"+plainBucket+"/k", "x")
	a.fails(retain(plainBucket, "k?retention", "GOVERNANCE", day(1)), 400, "InvalidRequest", missing)
	a.fails(a.send("GET", "/"+plainBucket+"/k?retention", ""), 400, "InvalidRequest", missing)
	// test_s3_object_lock_mode_validation
	const both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
	a.fails(a.send("PUT", "/"+b+"/x", "x", mode, "GOVERNANCE"), 400, "InvalidArgument", both, "ArgumentName", "x-amz-object-lock-retain-until-date")
	a.fails(a.send("PUT", "/"+b+"/x", "x", until, day(1)), 400, "InvalidArgument", both, "ArgumentName", "x-amz-object-lock-mode")
	for _, r := range []*answer{a.send("PUT", "/"+b+"/x", "x", mode, "BAD-VALUE", until, day(1)), a.send("POST", "/"+b+"/x?uploads", "", mode, "BAD-VALUE", until, day(1))} {
		a.fails(r, 400, "InvalidArgument", "Unknown wormMode directive.", "ArgumentName", "x-amz-object-lock-mode", "ArgumentValue", "BAD-VALUE")
	}
	// test_object_lock_delete_markers
	a.must("PUT", "/"+b+"/m", "x", mode, "GOVERNANCE", until, day(1))
	m := a.must("DELETE", "/"+b+"/m", "").header.Get(ver)
	const notAllowed = "The specified method is not allowed against this resource."
	a.fails(retain(b, "m?retention&versionId="+m, "GOVERNANCE", day(1)), 405, "MethodNotAllowed", notAllowed, "Method", "PUT", "ResourceType", "DeleteMarker")
	a.fails(a.send("GET", "/"+b+"/m?retention&versionId="+m, ""), 405, "MethodNotAllowed", notAllowed, "Method", "GET", "ResourceType", "DeleteMarker")
	// legal holds
	put := func(b, key, status string) *answer {
		return a.send("PUT", "/"+b+"/"+key+"?legal-hold", "<LegalHold><Status>"+status+"</Status></LegalHold>")
	}
	v = a.must("PUT", "/"+b+"/h", "test").header.Get(ver)
	a.fails(a.send("GET", "/"+b+"/h?legal-hold", ""), 404, "NoSuchObjectLockConfiguration", none)
	a.is(put(b, "h", "ON"), 200, "", "")
	a.is(a.send("GET", "/"+b+"/h?legal-hold", ""), 200, "LegalHold{Status}", "")
	a.head(a.send("HEAD", "/"+b+"/h", ""), 200, plain(testETag, ver, hold+"=ON"))
	a.fails(a.send("DELETE", "/"+b+"/h?versionId="+v, ""), 403, "AccessDenied", protected)
	r := a.is(a.send("POST", "/"+b+"?delete", "<Delete><Object><Key>h</Key><VersionId>"+v+"</VersionId></Object></Delete>"), 200, "DeleteResult{Error{Code,Key,Message,VersionId}}", "")
	a.holds(r, "Code", "AccessDenied", "Message", protected)
	a.is(put(b, "h", "OFF"), 200, "", "")
	a.head(a.send("HEAD", "/"+b+"/h", ""), 200, plain(testETag, ver, hold+"=OFF"))
	a.is(a.send("DELETE", "/"+b+"/h?versionId="+v, ""), 204, "", ver+"="+v)
	a.fails(put(b, "none", "ON"), 404, "NoSuchKey", noKey, "Key", "none")
	a.fails(put(plainBucket, "k", "ON"), 400, "InvalidRequest", missing)
	a.fails(a.send("GET", "/"+plainBucket+"/k?legal-hold", ""), 400, "InvalidRequest", missing)
	a.malformed(a.send("PUT", "/"+b+"/c?legal-hold", "<LegalHold/>"))
	// test_s3_copy_object_retention_lock, _legal_hold
	v = a.must("PUT", "/"+b+"/src", "test", hold, "ON", mode, "GOVERNANCE", until, day(1)).header.Get(ver)
	a.is(a.send("PUT", "/"+b+"/dst", "", "X-Amz-Copy-Source", b+"/src"), 200, "CopyObjectResult{ChecksumCRC64NVME,ChecksumType,ETag,LastModified}", "X-Amz-Server-Side-Encryption=AES256;X-Amz-Version-Id;X-Amz-Copy-Source-Version-Id="+v)
	a.head(a.send("HEAD", "/"+b+"/dst", ""), 200, plain(testETag, ver))
}
