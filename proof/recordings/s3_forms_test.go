package recordings

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"mime/multipart"
	"strings"
	"time"
)

// poster fills HTML forms for a bucket.
type poster struct {
	aisle
	bucket  string
	expires time.Time
	rules   []any // conditions beside those that every form has
}

// fields are the signed fields of a form.
func (p poster) fields(key string, more ...string) map[string]string {
	p.Helper()
	now := time.Now().UTC()
	f := map[string]string{
		"key": key, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-date": now.Format("20060102T150405Z"),
		"x-amz-credential": p.caller.id + "/" + now.Format("20060102") + "/" + p.caller.region + "/s3/aws4_request",
	}
	for i := 0; i+1 < len(more); i += 2 {
		f[more[i]] = more[i+1]
	}
	rules := []any{map[string]string{"bucket": p.bucket}, []any{"starts-with", "$key", ""}}
	for name, v := range f {
		if name != "key" && name != "success_action_redirect" {
			rules = append(rules, map[string]string{name: v})
		}
	}
	doc, err := json.Marshal(map[string]any{"expiration": p.expires.UTC().Format("2006-01-02T15:04:05Z"), "conditions": append(rules, p.rules...)})
	if err != nil {
		p.Fatal(err)
	}
	f["policy"] = base64.StdEncoding.EncodeToString(doc)
	f["x-amz-signature"] = hex.EncodeToString(mac(p.signingKey(now.Format("20060102")), f["policy"]))
	return f
}

// post sends a form with a file; without a name it is a field like the others.
func (p poster) post(fields map[string]string, name, file string) *answer {
	p.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k, v := range fields {
		m.WriteField(k, v)
	}
	if name == "" {
		m.WriteField("file", file)
	} else if w, err := m.CreateFormFile("file", name); err == nil {
		w.Write([]byte(file))
	}
	m.Close()
	return p.nobody().send("POST", "/"+p.bucket, body.String(), "Content-Type", m.FormDataContentType())
}

// s3Forms: LS s3/test_s3 TestS3PresignedPost.
func s3Forms(a aisle) {
	p := poster{a, a.bucket(), time.Now().Add(time.Minute), nil}
	const text = "something"
	put := "Location;Etag;X-Amz-Server-Side-Encryption=AES256;X-Amz-Checksum-Crc64nvme;X-Amz-Checksum-Type=FULL_OBJECT"
	a.is(p.post(p.fields("k"), "", text), 204, "", put)
	a.is(a.send("GET", "/"+p.bucket+"/k", ""), 200, text, plain("437b930db84b8079c2dd804a71936b5f"))
	// test_presigned_post_with_different_user_credentials, ${filename}
	a.is(p.post(p.fields("${filename}"), "named.txt", text), 204, "", put)
	a.must("GET", "/"+p.bucket+"/named.txt", "")
	a.is(p.post(p.fields("a-${filename}"), "", text), 204, "", put)
	a.must("GET", "/"+p.bucket+"/a-%24%7Bfilename%7D", "")
	// test_post_object_with_..._expires
	late := p
	late.expires = time.Now().Add(-time.Minute)
	a.fails(p.post(late.fields("k"), "", text), 403, "AccessDenied", "Invalid according to Policy: Policy expired.")
	// test_post_request_malformed_policy, test_post_request_missing_signature
	f := p.fields("k")
	f["x-amz-signature"] = strings.Repeat("0", 64)
	a.is(p.post(f, "", text), 403, "Error{AWSAccessKeyId,Code,HostId,Message,RequestId,SignatureProvided,StringToSign,StringToSignBytes}", "")
	f = p.fields("k")
	delete(f, "x-amz-signature")
	a.fails(p.post(f, "", text), 400, "InvalidArgument", "Bucket POST must contain a field named 'X-Amz-Signature'.  If it is specified, please check the order of the fields.", "ArgumentName", "X-Amz-Signature", "ArgumentValue", "")
	a.fails(p.post(map[string]string{"key": "k"}, "", text), 403, "AccessDenied", "Access Denied")
	// test_s3_presigned_post_success_action_status_201_response
	r := a.is(p.post(p.fields("k", "success_action_status", "201"), "", text), 201, "PostResponse{Bucket,ETag,Key,Location}", put)
	a.holds(r, "ETag", `"437b930db84b8079c2dd804a71936b5f"`, "Bucket", p.bucket, "Key", "k")
	// test_s3_presigned_post_success_action_redirect
	to := "http://localhost/redirect"
	q := p
	q.rules = []any{[]any{"eq", "$success_action_redirect", to}}
	r = p.post(q.fields("k", "success_action_redirect", to), "", text)
	if want := to + "?bucket=" + p.bucket + "&etag=%22437b930db84b8079c2dd804a71936b5f%22&key=k"; r.status != 303 || r.header.Get("Location") != want && !strings.HasPrefix(r.header.Get("Location"), to+"?bucket=") {
		a.Errorf("%d %v", r.status, r.header)
	}
	a.fails(p.post(q.fields("k", "success_action_redirect", "http://wrong"), "", text), 403, "AccessDenied", `Invalid according to Policy: Policy Condition failed: ["eq", "$success_action_redirect", "http://localhost/redirect"]`)
	// test_post_object_policy_conditions_validation_eq, _starts_with
	q.rules = []any{map[string]string{"a": "1", "b": "2"}}
	a.fails(p.post(q.fields("k"), "", text), 400, "InvalidPolicyDocument", "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	q.rules = []any{[]any{"starts-with", "$success_action_redirect", "http://localhost"}}
	a.fails(p.post(q.fields("k", "success_action_redirect", "http://wrong"), "", text), 403, "AccessDenied", `Invalid according to Policy: Policy Condition failed: ["starts-with", "$success_action_redirect", "http://localhost"]`)
	// test_post_object_policy_validation_size
	q.rules = []any{[]any{"content-length-range", 5, 10}}
	a.fails(p.post(q.fields("k"), "", strings.Repeat("a", 12)), 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "MaxSizeAllowed", "10", "ProposedSize", "12")
	a.fails(p.post(q.fields("k"), "", "a"), 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", "MinSizeAllowed", "5", "ProposedSize", "1")
	a.is(p.post(q.fields("k"), "", strings.Repeat("a", 10)), 204, "", put)
	// test_post_object_with_tags
	a.is(p.post(p.fields("tagged", "tagging", "<Tagging><TagSet><Tag><Key>TagName</Key><Value>TagValue</Value></Tag></TagSet></Tagging>"), "", text), 204, "", put)
	a.holds(a.send("GET", "/"+p.bucket+"/tagged?tagging", ""), "Key", "TagName", "Value", "TagValue")
	a.is(p.post(p.fields("tagged", "tagging", "<InvalidXmlTagging></InvalidXmlTagging>"), "", text), 204, "", put)
	a.is(a.send("GET", "/"+p.bucket+"/tagged?tagging", ""), 200, "Tagging{TagSet[]}", "")
	a.malformed(p.post(p.fields("tagged", "tagging", "not-xml"), "", text))
	// test_post_object_with_metadata, _with_storage_class
	a.is(p.post(p.fields("meta", "x-amz-meta-test-1", "value", "x-amz-storage-class", "STANDARD_IA"), "", text), 204, "", put)
	a.head(a.send("HEAD", "/"+p.bucket+"/meta", ""), 200, plain("437b930db84b8079c2dd804a71936b5f", "X-Amz-Meta-Test-1=value", "X-Amz-Storage-Class=STANDARD_IA"))
	a.fails(p.post(p.fields("k", "x-amz-storage-class", "FakeClass"), "", text), 400, "InvalidStorageClass", "The storage class you specified is not valid", "StorageClassRequested", "FakeClass")
	// test_post_object_with_wrong_content_type
	a.fails(a.nobody().send("POST", "/"+p.bucket, "a=b", "Content-Type", "application/octet-stream"), 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "Condition", "Bucket POST must be of the enclosure-type multipart/form-data")
}
