package sigv4

import (
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzParse feeds heads of requests. Whatever is accepted must name a key, and
// canonical encoding must be a fixed point.
func FuzzParse(f *testing.F) {
	auth := kmsRequest().Header.Get("Authorization")
	f.Add("/", auth, "20260102T030405Z", "")
	f.Add(presigned("s3", true, "&X-Amz-Expires=60").Target, "", "", "")
	f.Add("/?a=%zz&b=+%2b", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=;;,Signature=", "Fri, 24 May 2013 00:00:00 GMT", "x")
	f.Add("http://host/a/./../b?%61=%41", auth, "", "t")
	f.Fuzz(func(t *testing.T, target, auth, date, token string) {
		h := http.Header{}
		for name, v := range map[string]string{"Authorization": auth, "X-Amz-Date": date, "X-Amz-Security-Token": token} {
			if v != "" {
				h.Set(name, v)
			}
		}
		r := &Request{Method: "GET", Target: target, Host: "h", Header: h, BodySHA256: bodyHash("")}
		s, err := Parse(r)
		if err != nil {
			for style := range numStyles {
				if e := err.(*Failure).Refusal(style); e.Code == "" || e.Message == "" {
					t.Errorf("%v: %+v", err, e)
				}
			}
			return
		}
		if s.AccessKeyID == "" || s.SignedHeaders == "" {
			t.Errorf("accepted without a key or headers: %+v", s)
		}
		for _, p := range s.query {
			if n, ok := recode(p.name); !ok || n != p.name {
				t.Errorf("%q is not canonical", p.name)
			}
			if d := decode(p.value); d != p.value {
				if v, ok := recode(p.value); !ok || v != p.value {
					t.Errorf("%q is not canonical", p.value)
				}
			}
		}
		s.Check(Expect{Service: "kms", Region: "eu-west-1", Now: s.Time, Window: time.Minute})
	})
}

// FuzzVerify changes a signed request: only the request as it was signed, or
// one with the same meaning, may pass.
func FuzzVerify(f *testing.F) {
	f.Add("POST", "/", "localhost:4566", "TrentService.ListKeys", "{}")
	f.Add("POST", "/?", "localhost:4566", "TrentService.ListKeys", "{}")
	f.Add("POST", "//", "localhost:4566", " TrentService.ListKeys", "{}")
	f.Add("POST", "/./", "localhost:4566", "TrentService.ListKeys ", "{}x")
	f.Fuzz(func(t *testing.T, method, target, host, op, body string) {
		r := kmsRequest()
		r.Method, r.Target, r.Host, r.BodySHA256 = method, target, host, bodyHash(body)
		r.Header.Set("X-Amz-Target", op)
		_, err := check(r, Expect{Service: "kms", Region: "eu-west-1", Now: signedAt, Window: time.Minute}, secret(suiteSecret))
		path, query := r.split()
		same := method == "POST" && strings.TrimSpace(host) == "localhost:4566" && strings.TrimSpace(op) == "TrentService.ListKeys" && body == "{}" &&
			strings.Trim(query, "&") == "" && normalize("/"+path) == "/"
		if err == nil && !same {
			t.Errorf("accepted %q %q %q %q %q", method, target, host, op, body)
		}
	})
}

// small is a verified request whose body of three bytes comes in chunks, and
// that body as a client sends it.
func small(t testing.TB, form string) (*Signature, string) {
	r := &Request{Method: "PUT", Target: "/b/k", Host: "s3.amazonaws.com", Header: headers("X-Amz-Date:20260102T030405Z",
		"X-Amz-Content-Sha256:"+form, "X-Amz-Decoded-Content-Length:3")}
	if form != payloads[Chunks] {
		r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
	}
	e := Expect{Service: "s3", Region: "us-east-1", S3: true, Now: signedAt, Window: 15 * time.Minute}
	s := resign(t, &Signer{AccessKeyID: "AKID", Secret: s3Secret, Region: "us-east-1", Service: "s3", S3: true}, r, e)
	if form == payloads[UnsignedTrailer] {
		return s, "3\r\nabc\r\n0\r\nx-amz-checksum-crc32c:a\r\n\r\n"
	}
	prev := s.mac
	next := func(algorithm, middle, data string) string {
		b := s.appendScope([]byte(algorithm + "\n"))
		b = append(appendHex(append(b, '\n'), prev[:]), '\n')
		sum := sha256.Sum256([]byte(data))
		s.key.sum(&prev, appendHex(append(b, middle...), sum[:]))
		return string(appendHex(nil, prev[:]))
	}
	const chunk = "AWS4-HMAC-SHA256-PAYLOAD"
	body := "3;chunk-signature=" + next(chunk, emptyHash+"\n", "abc") + "\r\nabc\r\n0;chunk-signature=" + next(chunk, emptyHash+"\n", "") + "\r\n"
	if form == payloads[ChunksTrailer] {
		body += "x-amz-checksum-crc32c:a\r\nx-amz-trailer-signature:" + next("AWS4-HMAC-SHA256-TRAILER", "", "x-amz-checksum-crc32c:a\n") + "\r\n"
	}
	return s, body + "\r\n"
}

func FuzzChunked(f *testing.F) {
	forms := []string{payloads[Chunks], payloads[ChunksTrailer], payloads[UnsignedTrailer]}
	sigs := make([]*Signature, len(forms))
	for i, form := range forms {
		s, body := small(f, form)
		sigs[i] = s
		f.Add(body, uint8(i))
		b, _ := s.Body(strings.NewReader(body))
		if got, err := io.ReadAll(b); string(got) != "abc" || err != nil {
			f.Fatalf("%s: %q, %v", form, got, err)
		}
	}
	f.Fuzz(func(t *testing.T, body string, form uint8) {
		s := sigs[int(form)%len(sigs)]
		b, err := s.Body(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b)
		if err == nil && len(got) != 3 {
			t.Errorf("%q accepted", got)
		}
		if err == nil && s.payload != UnsignedTrailer && string(got) != "abc" {
			t.Errorf("%q accepted", got)
		}
	})
}

// FuzzDateTime: dates are read as the standard library reads them.
func FuzzDateTime(f *testing.F) {
	for _, s := range []string{"20260102T030405Z", "20240229T235959Z", "20230229T000000Z", "00000101T000000Z", "20261301T000000Z", "20260102T240000Z", "20260102T235960Z", "20260102t030405z", "2026010 T030405Z", "99991231T235959Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) != len(dateTime) {
			t.Skip()
		}
		want, err := time.Parse(dateTime, s)
		got, ok := parseDateTime(s)
		if ok != (err == nil) || ok && !got.Equal(want) {
			t.Errorf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	})
}
