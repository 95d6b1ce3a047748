package sigv4

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The signatures below are those of AWS's published Signature Version 4 test
// suite and of the examples in the IAM User Guide and the S3 API Reference.

const (
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	s3Secret    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	suiteToken  = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

func headers(lines ...string) http.Header {
	h := http.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		h.Add(name, strings.TrimSpace(value))
	}
	return h
}

func bodyHash(body string) func() ([32]byte, error) {
	return func() ([32]byte, error) { return sha256.Sum256([]byte(body)), nil }
}

func secret(s string) Credential {
	return Credential{Revision: 1, Secret: func() (string, error) { return s, nil }}
}

func at(s string) time.Time {
	t, err := time.Parse(dateTime, s)
	if err != nil {
		panic(err)
	}
	return t
}

// check runs all steps.
func check(r *Request, e Expect, c Credential) (*Signature, error) {
	s, err := Parse(r)
	if err != nil {
		return nil, err
	}
	if err := s.Check(e); err != nil {
		return s, err
	}
	return s, new(Keys).Verify(s, c)
}

func TestSuite(t *testing.T) {
	for _, v := range []struct {
		name, method, target string
		header               []string
		body, signed, sig    string
	}{
		{"get-vanilla", "GET", "/", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", nil, "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-unreserved", "GET", "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", nil, "", "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
		{"get-vanilla-utf8-query", "GET", "/?ሴ=bar", nil, "", "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		{"get-utf8", "GET", "/ሴ", nil, "", "host;x-amz-date", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", nil, "", "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-space", "GET", "/example space/", nil, "", "host;x-amz-date", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
		{"get-slash", "GET", "//", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slash-dot-slash", "GET", "/./", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slashes", "GET", "//example//", nil, "", "host;x-amz-date", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
		{"get-slash-pointless-dot", "GET", "/./example", nil, "", "host;x-amz-date", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
		{"get-relative", "GET", "/example/..", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-relative-relative", "GET", "/example1/example2/../..", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-header-key-duplicate", "GET", "/", []string{"My-Header1:value2", "My-Header1:value2", "My-Header1:value1"}, "", "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
		{"get-header-value-order", "GET", "/", []string{"My-Header1:value4", "My-Header1:value1", "My-Header1:value3", "My-Header1:value2"}, "", "host;my-header1;x-amz-date", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
		{"get-header-value-trim", "GET", "/", []string{"My-Header1:value1", `My-Header2: "a   b   c"`}, "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"post-vanilla", "POST", "/", nil, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-vanilla-query", "POST", "/?Param1=value1", nil, "", "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
		{"post-header-key-sort", "POST", "/", []string{"My-Header1:value1"}, "", "host;my-header1;x-amz-date", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
		{"post-header-value-case", "POST", "/", []string{"My-Header1:VALUE1"}, "", "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
		{"post-x-www-form-urlencoded", "POST", "/", []string{"Content-Type:application/x-www-form-urlencoded"}, "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"post-x-www-form-urlencoded-parameters", "POST", "/", []string{"Content-Type:application/x-www-form-urlencoded; charset=utf8"}, "Param1=value1", "content-type;host;x-amz-date", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
		{"post-sts-header-before", "POST", "/", []string{"X-Amz-Security-Token:" + suiteToken}, "", "host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	} {
		t.Run(v.name, func(t *testing.T) {
			h := headers(append(v.header, "X-Amz-Date:20150830T123600Z",
				"Authorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="+v.signed+", Signature="+v.sig)...)
			r := &Request{Method: v.method, Target: v.target, Host: "example.amazonaws.com", Header: h, BodySHA256: bodyHash(v.body)}
			e := Expect{Service: "service", Region: "us-east-1", Now: at("20150830T123600Z"), Window: 5 * time.Minute}
			s, err := check(r, e, secret(suiteSecret))
			if err != nil {
				t.Fatal(err)
			}
			if s.AccessKeyID != "AKIDEXAMPLE" || s.Scope != (Scope{"20150830", "us-east-1", "service", "aws4_request"}) || s.Presigned {
				t.Errorf("parsed %+v", s)
			}
			if strings.Contains(v.signed, "token") && s.SessionToken != suiteToken {
				t.Errorf("session token %q", s.SessionToken)
			}
			if _, err := check(r, e, secret(suiteSecret+"x")); !isKind(err, Mismatch) {
				t.Errorf("another secret: %v", err)
			}
			r.BodySHA256 = bodyHash(v.body + "x")
			if _, err := check(r, e, secret(suiteSecret)); !isKind(err, Mismatch) {
				t.Errorf("another body: %v", err)
			}
		})
	}
}

func TestIAMGuideExample(t *testing.T) {
	r := &Request{Method: "GET", Target: "/?Action=ListUsers&Version=2010-05-08", Host: "iam.amazonaws.com", BodySHA256: bodyHash(""),
		Header: headers("Content-Type: application/x-www-form-urlencoded; charset=utf-8", "X-Amz-Date: 20150830T123600Z",
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")}
	if _, err := check(r, Expect{Service: "iam", Region: "us-east-1", Now: at("20150830T123600Z")}, secret(suiteSecret)); err != nil {
		t.Fatal(err)
	}
}

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestS3ReferenceExamples(t *testing.T) {
	auth := func(signed, sig string) string {
		return "Authorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + signed + ",Signature=" + sig
	}
	e := Expect{Service: "s3", Region: "us-east-1", S3: true, Now: at("20130524T000000Z"), Window: 15 * time.Minute}
	for _, v := range []struct {
		method, target string
		header         []string
	}{
		{"GET", "/test.txt", []string{"Range:bytes=0-9", "X-Amz-Content-Sha256:" + emptySum,
			auth("host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")}},
		{"PUT", "/test$file.text", []string{"Date:Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class:REDUCED_REDUNDANCY",
			"X-Amz-Content-Sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			auth("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")}},
		{"GET", "/?lifecycle", []string{"X-Amz-Content-Sha256:" + emptySum,
			auth("host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")}},
		{"GET", "/?max-keys=2&prefix=J", []string{"X-Amz-Content-Sha256:" + emptySum,
			auth("host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")}},
	} {
		h := headers(append(v.header, "X-Amz-Date:20130524T000000Z")...)
		r := &Request{Method: v.method, Target: v.target, Host: "examplebucket.s3.amazonaws.com", Header: h}
		if _, err := check(r, e, secret(s3Secret)); err != nil {
			t.Errorf("%s: %v", v.target, err)
		}
	}
	r := &Request{Method: "GET", Host: "examplebucket.s3.amazonaws.com", Header: http.Header{},
		Target: "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"}
	s, err := check(r, e, secret(s3Secret))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Presigned || s.Expires != 24*time.Hour || s.Payload() != Unsigned {
		t.Errorf("presigned: %+v", s)
	}
}
