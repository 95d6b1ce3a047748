package restxml_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/route53api"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/api/s3controlapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/wiretest"
	"github.com/redoubt-sec/redoubt/wire/restxml"
)

func request(method, target, body string, headers ...string) *wire.Request {
	r := &wire.Request{Method: method, Target: target, Header: http.Header{}, Body: []byte(body)}
	r.Path, r.RawQuery, _ = strings.Cut(target, "?")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if sum := md5.Sum(r.Body); body != "" {
		r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return r
}

func TestIntegrity(t *testing.T) {
	const body = `<Delete><Object><Key>k</Key></Object></Delete>`
	for _, c := range []struct{ name, value, code string }{
		{"Content-Md5", "AAAA", "InvalidDigest"},
		{"Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==", "BadDigest"},
		{"X-Amz-Checksum-Crc32", "AAAAAA==", "BadDigest"},
		{"X-Amz-Checksum-Sha256", "AAAAAA==", "InvalidRequest"},
		{"X-Amz-Checksum-Crc64nvme", "not base64", "InvalidRequest"},
		{"X-Amz-Checksum-Crc32", "A8uZRQ==", ""},
		{"X-Other", "", "InvalidRequest"},
	} {
		r := request("POST", "/b?delete", body)
		r.Header.Del("Content-Md5")
		r.Header.Set(c.name, c.value)
		err := decode(t, &s3api.Model, r, new(s3api.DeleteObjectsInput))
		e, _ := errors.AsType[*redoubt.Error](err)
		if code := ""; e != nil {
			if code = e.Code; code != c.code {
				t.Errorf("%s %s: %v", c.name, c.value, err)
			}
		} else if c.code != "" {
			t.Errorf("%s %s was taken", c.name, c.value)
		}
	}
}

func TestMatchS3(t *testing.T) {
	c := restxml.New(wire.Limits{})
	for _, v := range []struct {
		line, headers, want string
	}{
		{"GET /", "", "ListBuckets"},
		{"GET /b", "", "ListObjects"},
		{"GET /b/", "", "ListObjects"},
		{"GET /b?list-type=2&prefix=x", "", "ListObjectsV2"},
		{"GET /b?list-type=1", "", "ListObjects"},
		{"GET /b?versions", "", "ListObjectVersions"},
		{"GET /b?uploads", "", "ListMultipartUploads"},
		{"GET /b?uploads=", "", "ListMultipartUploads"},
		{"GET /b?location", "", "GetBucketLocation"},
		{"GET /b?policy", "", "GetBucketPolicy"},
		{"GET /b?lifecycle", "", "GetBucketLifecycleConfiguration"},
		{"GET /b?notification", "", "GetBucketNotificationConfiguration"},
		{"GET /b?analytics", "", "ListBucketAnalyticsConfigurations"},
		{"GET /b?analytics&id=1", "", "GetBucketAnalyticsConfiguration"},
		{"GET /b?inventory&id=1&x-id=GetBucketInventoryConfiguration", "", "GetBucketInventoryConfiguration"},
		{"GET /b?max-keys=3", "", "ListObjects"},
		{"HEAD /b", "", "HeadBucket"},
		{"HEAD /b/k", "", "HeadObject"},
		{"PUT /b", "", "CreateBucket"},
		{"PUT /b/", "", "CreateBucket"},
		{"DELETE /b", "", "DeleteBucket"},
		{"DELETE /b?policy", "", "DeleteBucketPolicy"},
		{"POST /b?delete", "", "DeleteObjects"},
		{"GET /b/k", "", "GetObject"},
		{"GET /b/a/b/", "", "GetObject"},
		{"GET /b//", "", "GetObject"},
		{"GET /b/k?x-id=GetObject", "", "GetObject"},
		{"GET /b/k?versionId=1", "", "GetObject"},
		{"GET /b/k?uploadId=1", "", "ListParts"},
		{"GET /b/k?acl", "", "GetObjectAcl"},
		{"GET /b/k?tagging", "", "GetObjectTagging"},
		{"GET /b/k?attributes", "X-Amz-Object-Attributes: ETag", "GetObjectAttributes"},
		{"GET /b/k?torrent", "", "GetObjectTorrent"},
		{"PUT /b/k", "", "PutObject"},
		{"PUT /b/k", "X-Amz-Copy-Source: /b/l", "CopyObject"},
		{"PUT /b/k?partNumber=1&uploadId=u", "", "UploadPart"},
		{"PUT /b/k?partNumber=1&uploadId=u", "X-Amz-Copy-Source: /b/l", "UploadPartCopy"},
		{"PUT /b/k?retention", "", "PutObjectRetention"},
		{"POST /b/k?uploads", "", "CreateMultipartUpload"},
		{"POST /b/k?uploadId=u", "", "CompleteMultipartUpload"},
		{"POST /b/k?restore", "", "RestoreObject"},
		{"POST /b/k?select&select-type=2", "", "SelectObjectContent"},
		{"DELETE /b/k", "", "DeleteObject"},
		{"DELETE /b/k?uploadId=u", "", "AbortMultipartUpload"},
		{"DELETE /b/k?tagging", "", "DeleteObjectTagging"},
		{"POST /WriteGetObjectResponse", "X-Amz-Request-Route: r", "WriteGetObjectResponse"},
		{"PATCH /b/k", "", ""},
		{"POST /b/k", "", ""},
		{"DELETE /", "", ""},
	} {
		method, target, _ := strings.Cut(v.line, " ")
		name, value, _ := strings.Cut(v.headers, ": ")
		r := request(method, target, "")
		if name != "" {
			r.Header.Set(name, value)
		}
		op, err := c.Match(&s3api.Model, r)
		if v.want != "" {
			if err != nil || op.Name != v.want {
				got := "nothing"
				if op != nil {
					got = op.Name
				}
				t.Errorf("%s %s: %v %s, want %s", v.line, v.headers, err, got, v.want)
			}
			continue
		}
		if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "MethodNotAllowed" || e.Status != 405 {
			t.Errorf("%s: %v %v", v.line, op, err)
		}
	}
}

func decode(t *testing.T, svc *schema.Service, r *wire.Request, in any) error {
	t.Helper()
	c := restxml.New(wire.Limits{})
	op, err := c.Match(svc, r)
	if err != nil {
		t.Fatal(err)
	}
	return c.Decode(svc, op, r, in)
}

func TestDecode(t *testing.T) {
	r := request("PUT", "/b/a%2Fb/c%20d+e//", "", "X-Amz-Meta-Color", "blue", "x-amz-meta-Size", " 3 ", "X-Amz-Tagging", "a=b", "Expires", "Wed, 21 Oct 2026 07:28:00 GMT", "Content-Encoding", "gzip")
	r.Body, r.Stream = nil, io.NopCloser(strings.NewReader("data"))
	var put s3api.PutObjectInput
	if err := decode(t, &s3api.Model, r, &put); err != nil {
		t.Fatal(err)
	}
	if *put.Bucket != "b" || *put.Key != "a/b/c d+e//" || !reflect.DeepEqual(put.Metadata, map[string]string{"color": "blue", "size": "3"}) || *put.ContentEncoding != "gzip" {
		t.Errorf("%+v", put)
	}
	if b, _ := io.ReadAll(put.Body); string(b) != "data" {
		t.Errorf("%q", b)
	}

	var del s3api.DeleteObjectsInput
	body := `<?xml version="1.0" encoding="UTF-8"?>
		<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><!-- two --><Object><Key>a&amp;<![CDATA[<b>]]></Key></Object>
		<Object><Key>  c  </Key><VersionId>v</VersionId><Other>1</Other></Object><Quiet>true</Quiet></Delete>`
	if err := decode(t, &s3api.Model, request("POST", "/b?delete", body), &del); err != nil {
		t.Fatal(err)
	}
	want := &s3api.Delete{Objects: []s3api.ObjectIdentifier{{Key: new("a&<b>")}, {Key: new("  c  "), VersionId: new("v")}}, Quiet: new(true)}
	if !reflect.DeepEqual(del.Delete, want) {
		t.Errorf("%+v", del.Delete)
	}

	var acl s3api.PutBucketAclInput
	body = `<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>i</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`
	if err := decode(t, &s3api.Model, request("PUT", "/b?acl", body), &acl); err != nil {
		t.Fatal(err)
	}
	if g := acl.AccessControlPolicy.Grants; len(g) != 1 || *g[0].Grantee.Type != "CanonicalUser" || *g[0].Grantee.ID != "i" {
		t.Errorf("%+v", acl.AccessControlPolicy)
	}

	var zone route53api.CreateHostedZoneInput
	body = `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>example.com</Name><CallerReference>r</CallerReference></CreateHostedZoneRequest>`
	if err := decode(t, &route53api.Model, request("POST", "/2013-04-01/hostedzone", body), &zone); err != nil || *zone.Name != "example.com" {
		t.Errorf("%v %+v", err, zone)
	}
}

func TestRefusals(t *testing.T) {
	for name, body := range map[string]string{
		"malformed":            `<Delete><Object>`,
		"crossed":              `<Delete><Object></Delete></Object>`,
		"two roots":            `<Delete/><Delete/>`,
		"text after the root":  `<Delete/>x`,
		"another root":         `<Other><Object><Key>k</Key></Object></Other>`,
		"document type":        `<!DOCTYPE Delete [<!ENTITY e "x">]><Delete><Object><Key>&e;</Key></Object></Delete>`,
		"document type alone":  `<!DOCTYPE Delete><Delete/>`,
		"external entity":      `<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>`,
		"unknown entity":       `<Delete><Object><Key>&nbsp;</Key></Object></Delete>`,
		"processing":           `<Delete><?php x ?></Delete>`,
		"other encoding":       `<?xml version="1.0" encoding="ISO-8859-1"?><Delete/>`,
		"not UTF-8":            "<Delete><Object><Key>\xff</Key></Object></Delete>",
		"twice":                `<Delete><Quiet>true</Quiet><Quiet>false</Quiet></Delete>`,
		"elements in text":     `<Delete><Object><Key><b/></Key></Object></Delete>`,
		"not a boolean":        `<Delete><Quiet>maybe</Quiet></Delete>`,
		"deep":                 `<Delete>` + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + `</Delete>`,
		"attribute twice":      `<Delete a="1" a="2"/>`,
		"many attributes":      `<Delete ` + manyAttributes() + `/>`,
		"different prefix":     `<a:Delete xmlns:a="x"></b:Delete>`,
		"text for a structure": `<Delete><Object>text</Object></Delete>x`,
	} {
		err := decode(t, &s3api.Model, request("POST", "/b?delete", body), new(s3api.DeleteObjectsInput))
		e, ok := errors.AsType[*redoubt.Error](err)
		if !ok || e.Code != "MalformedXML" || e.Status != 400 || e.Message != "The XML you provided was not well-formed or did not validate against our published schema" {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := decode(t, &s3api.Model, request("GET", "/b?max-keys=x", ""), new(s3api.ListObjectsInput))
	e, ok := errors.AsType[*redoubt.Error](err)
	if !ok || e.Code != "InvalidArgument" || e.Message != "Provided max-keys not an integer or within integer range" || e.Fields["ArgumentName"] != "max-keys" || e.Fields["ArgumentValue"] != "x" {
		t.Errorf("%v", err)
	}
	err = decode(t, &route53api.Model, request("POST", "/2013-04-01/hostedzone", "<a"), new(route53api.CreateHostedZoneInput))
	if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "MalformedInput" {
		t.Errorf("%v", err)
	}
	big := "<Delete>" + strings.Repeat("<a/>", 600000) + "</Delete>"
	err = decode(t, &s3api.Model, request("POST", "/b?delete", big), new(s3api.DeleteObjectsInput))
	if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Status != 413 {
		t.Errorf("%v", err)
	}
	many := "<Delete>" + strings.Repeat("<a/>", 250000) + "</Delete>"
	err = decode(t, &s3api.Model, request("POST", "/b?delete", many), new(s3api.DeleteObjectsInput))
	if e, ok := errors.AsType[*redoubt.Error](err); !ok || e.Code != "MalformedXML" {
		t.Errorf("%v", err)
	}
}

func manyAttributes() string {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(" a" + strings.Repeat("b", i) + `="1"`)
	}
	return b.String()
}

const s3NS = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

func TestEncode(t *testing.T) {
	c := restxml.New(wire.Limits{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []struct {
		svc     *schema.Service
		op      string
		out     any
		want    string
		headers map[string]string
	}{
		{&s3api.Model, "GetBucketLocation", &s3api.GetBucketLocationOutput{LocationConstraint: new("eu-west-1")}, `<LocationConstraint` + s3NS + `>eu-west-1</LocationConstraint>`, nil},
		{&s3api.Model, "GetBucketLocation", &s3api.GetBucketLocationOutput{}, `<LocationConstraint` + s3NS + `></LocationConstraint>`, nil},
		{&s3api.Model, "ListBuckets", &s3api.ListBucketsOutput{Buckets: []s3api.Bucket{{Name: new("b"), CreationDate: &at}}, Owner: &s3api.Owner{ID: new("o")}},
			`<ListAllMyBucketsResult` + s3NS + `><Buckets><Bucket><Name>b</Name><CreationDate>2026-01-02T03:04:05Z</CreationDate></Bucket></Buckets><Owner><ID>o</ID></Owner></ListAllMyBucketsResult>`, nil},
		{&s3api.Model, "ListObjectsV2", &s3api.ListObjectsV2Output{IsTruncated: new(false), Contents: []s3api.Object{{Key: new("a&b")}, {Key: new("c")}}, Prefix: new(""), KeyCount: new(int32(2))},
			`<ListBucketResult` + s3NS + `><IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key></Contents><Contents><Key>c</Key></Contents><Prefix></Prefix><KeyCount>2</KeyCount></ListBucketResult>`, nil},
		{&s3api.Model, "CopyObject", &s3api.CopyObjectOutput{CopyObjectResult: &s3api.CopyObjectResult{ETag: new(`"e"`)}, VersionId: new("v")},
			`<CopyObjectResult` + s3NS + `><ETag>"e"</ETag></CopyObjectResult>`, map[string]string{"X-Amz-Version-Id": "v"}},
		{&s3api.Model, "GetBucketAcl", &s3api.GetBucketAclOutput{Grants: []s3api.Grant{{Grantee: &s3api.Grantee{Type: new("CanonicalUser"), ID: new("i")}, Permission: new("READ")}}},
			`<AccessControlPolicy` + s3NS + `><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>i</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`, nil},
		{&s3api.Model, "HeadObject", &s3api.HeadObjectOutput{ContentLength: new(int64(5)), LastModified: &at, Metadata: map[string]string{"color": "blue"}, ContentType: new("text/plain")}, ``,
			map[string]string{"Content-Length": "5", "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT", "x-amz-meta-color": "blue", "Content-Type": "text/plain"}},
		{&s3api.Model, "PutObject", &s3api.PutObjectOutput{ETag: new(`"e"`)}, ``, map[string]string{"Etag": `"e"`}},
		{&route53api.Model, "CreateHostedZone", &route53api.CreateHostedZoneOutput{HostedZone: &route53api.HostedZone{Id: new("/hostedzone/Z")}, Location: new("https://x")},
			`<CreateHostedZoneResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZone><Id>/hostedzone/Z</Id></HostedZone></CreateHostedZoneResponse>`, map[string]string{"Location": "https://x"}},
	} {
		r, err := c.Encode(v.svc, v.svc.Find(v.op), v.out, "id-1")
		if err != nil {
			t.Errorf("%s: %v", v.op, err)
			continue
		}
		body := strings.TrimPrefix(string(r.Body), `<?xml version="1.0" encoding="UTF-8"?>`+"\n")
		same := func(a, b string) bool { // an empty element may close itself
			e := strings.NewReplacer("<Prefix></Prefix>", "<Prefix/>", "></LocationConstraint>", "></LocationConstraint>")
			return e.Replace(a) == e.Replace(b)
		}
		if !same(body, v.want) {
			t.Errorf("%s: got  %s\nwant %s", v.op, body, v.want)
		}
		for k, w := range v.headers {
			if got := strings.Join(r.Header[k], ","); got != w { // S3's own are in lower case
				t.Errorf("%s: %s is %q", v.op, k, got)
			}
		}
	}
	r, err := c.Encode(&s3api.Model, s3api.Model.Find("GetObject"), &s3api.GetObjectOutput{Body: io.NopCloser(strings.NewReader("data"))}, "id-1")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(r.Stream); string(b) != "data" || r.Header.Get("x-amz-request-id") != "id-1" || len(r.Header.Get("x-amz-id-2")) < 40 {
		t.Errorf("%q %v", b, r.Header)
	}
}

func TestEncodeError(t *testing.T) {
	c := restxml.New(wire.Limits{})
	e := s3api.ErrNoSuchKey.New("The specified key does not exist.")
	e.Status = 404
	e.Fields = map[string]any{"Key": "a<b"}
	r := c.EncodeError(&s3api.Model, s3api.Model.Find("GetObject"), e, "id-1")
	host := r.Header.Get("X-Amz-Id-2")
	if want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&lt;b</Key><RequestId>id-1</RequestId><HostId>" + host + "</HostId></Error>"; string(r.Body) != want || r.Status != 404 || r.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := c.EncodeError(&s3api.Model, s3api.Model.Find("HeadObject"), e, "id-1"); r.Body != nil || r.Status != 404 || r.Header.Get("X-Amz-Request-Id") != "id-1" {
		t.Errorf("%+v", r)
	}
	r = c.EncodeError(&s3controlapi.Model, nil, &redoubt.Error{Code: "NoSuchX", Message: "m", Status: 404}, "id-1")
	if want := `<ErrorResponse xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Error><Code>NoSuchX</Code><Message>m</Message></Error><RequestId>id-1</RequestId><HostId>` + r.Header.Get("X-Amz-Id-2") + `</HostId></ErrorResponse>`; !strings.HasSuffix(string(r.Body), want) || r.Header.Get("X-Amz-Request-Id") != "id-1" {
		t.Errorf("%s", r.Body)
	}
	r = c.EncodeError(&route53api.Model, route53api.Model.Find("GetHostedZone"), route53api.ErrNoSuchHostedZone.New("No hosted zone found with ID: Z"), "id-1")
	if r.Status != 404 || !strings.Contains(string(r.Body), `<Error><Type>Sender</Type><Code>NoSuchHostedZone</Code><Message>No hosted zone found with ID: Z</Message></Error>`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func BenchmarkMatchS3(b *testing.B) {
	c := restxml.New(wire.Limits{})
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		r := wire.Request{Method: "GET", Path: "/bucket/some/key/of/an/object", RawQuery: "x-id=GetObject", Header: h}
		if op, err := c.Match(&s3api.Model, &r); err != nil || op.Name != "GetObject" {
			b.Fatal(op, err)
		}
	}
}

func FuzzDecodeXML(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><Delete xmlns="x"><Object><Key>a&amp;b</Key></Object><Quiet>true</Quiet></Delete>`))
	f.Add([]byte(`<AccessControlPolicy><AccessControlList><Grant><Grantee xsi:type="T"/></Grant></AccessControlList></AccessControlPolicy>`))
	f.Add([]byte(`<LifecycleConfiguration><Rule><Expiration><Days>1</Days><Date>2026-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>`))
	c := restxml.New(wire.Limits{})
	f.Fuzz(func(t *testing.T, body []byte) {
		for target, in := range map[string]any{
			"POST /b?delete":   new(s3api.DeleteObjectsInput),
			"PUT /b?acl":       new(s3api.PutBucketAclInput),
			"PUT /b?lifecycle": new(s3api.PutBucketLifecycleConfigurationInput),
		} {
			method, t2, _ := strings.Cut(target, " ")
			r := request(method, t2, "")
			r.Body = bytes.Clone(body)
			op, err := c.Match(&s3api.Model, r)
			if err != nil {
				t.Fatal(err)
			}
			wiretest.Decode(t, len(body), func() error { return c.Decode(&s3api.Model, op, r, in) })
		}
	})
}
