package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

const encrypt = "POST / HTTP/1.1\r\nHost: localhost:4566\r\nAccept-Encoding: identity\r\nX-Amz-Target: TrentService.Encrypt\r\n" +
	"Content-Type: application/x-amz-json-1.1\r\nUser-Agent: aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13\r\n" +
	"X-Amz-Date: 20260102T030405Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260102/us-east-1/kms/aws4_request, " +
	"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n" +
	"Content-Length: 400\r\n\r\n"

var heads = []string{
	encrypt,
	strings.Replace(strings.ToLower(encrypt), "post / http/1.1", "POST / HTTP/1.1", 1),
	"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /a%2Fb/..//c?x=y%20&z=+ HTTP/1.1\r\nhost: h:1\r\n\r\n",
	"PUT //x HTTP/1.1\r\nHost: h\r\n\r\n",
	"POST /\xc3\xa4 HTTP/1.1\r\nHost: h\r\nX-A:\xff\r\nx-a:\t b \t\r\nX-A:\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nconnection: x, Close\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
	"GET / HTTP/1.1\r\nHost:\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999999999999\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nPragma: no-cache\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nX-A : b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\rc\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\nX-B: c\r\n\r\n",
	"GET / HTTP/1.1\nHost: h\n\n",
	"GET / HTTP/1.0\r\nHost: h\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
	"get / HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /  HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n",
}

// samePlain fails unless a head that is plain means to http.ReadRequest, and to
// the checks that are made after it, what it means to plain.
func samePlain(t *testing.T, head []byte) bool {
	got, ok := plain(bytes.Clone(head))
	if !ok {
		return false
	}
	want, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		t.Fatalf("%q: http.ReadRequest refuses: %v", head, err)
	}
	if err := checkHost(want, head); err != nil {
		t.Fatalf("%q: %v", head, err)
	}
	for name := range want.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			t.Fatalf("%q: header %q", head, name)
		}
	}
	if (want.Body == http.NoBody) != (want.ContentLength == 0) {
		t.Fatalf("%q: %v, length %d", head, want.Body, want.ContentLength)
	}
	want.Body = http.NoBody // exchange gives it its own
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\n%+v\nhttp.ReadRequest:\n%+v", head, got, want)
	}
	return true
}

func TestPlain(t *testing.T) {
	count := 0
	for _, h := range heads {
		if samePlain(t, []byte(h)) {
			count++
		}
	}
	if count != 7 {
		t.Errorf("%d heads are plain, want 7", count)
	}
	if !samePlain(t, []byte(encrypt)) {
		t.Error("not even the AWS CLI's is")
	}
}

func FuzzPlain(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := headEnd(b, 0); n > 0 {
			samePlain(t, b[:n])
		}
	})
}

func BenchmarkPlain(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := plain([]byte(encrypt)); !ok {
			b.Fatal("not plain")
		}
	}
}

func BenchmarkReadRequest(b *testing.B) {
	b.ReportAllocs()
	text := bytes.NewReader(nil)
	in := bufio.NewReader(text)
	for b.Loop() {
		text.Reset([]byte(encrypt))
		in.Reset(text)
		if _, err := http.ReadRequest(in); err != nil {
			b.Fatal(err)
		}
	}
}
