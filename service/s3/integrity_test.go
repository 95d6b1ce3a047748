package s3_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// request is a signed request as no client makes it. hash is what it claims of its
// payload; empty: the truth.
func (w *world) request(t *testing.T, method, target, hash string, body []byte, header map[string]string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+target, bytes.NewReader(body))
	ok(t, err)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	if n := r.Header.Get("Content-Length"); n != "" {
		r.ContentLength, _ = strconv.ParseInt(n, 10, 64)
	}
	if hash == "" {
		sum := sha256.Sum256(body)
		hash = hex.EncodeToString(sum[:])
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	sign := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	ok(t, sign.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: w.Admin.AccessKeyID, SecretAccessKey: w.Admin.Secret}, r, hash, "s3", region, time.Now()))
	return r
}

// answered is an answer's status and, of an error, its code: "400 BadDigest".
func answered(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	var e struct{ Code string }
	if err := xml.NewDecoder(resp.Body).Decode(&e); err != nil && resp.StatusCode >= 300 {
		t.Errorf("%s: %v", resp.Status, err)
	}
	return strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + e.Code)
}

func (w *world) send(t *testing.T, method, target, hash string, body []byte, header map[string]string) string {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(w.request(t, method, target, hash, body, header))
	ok(t, err)
	return answered(t, resp)
}

// cut sends a request's head and so many bytes of its body, and then nothing more;
// hear waits for what the server says of it.
func (w *world) cut(t *testing.T, r *http.Request, body []byte, hear bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	ok(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.Method, r.URL.RequestURI(), r.URL.Host, r.ContentLength)
	h := r.Header.Clone()
	h.Del("Content-Length")
	ok(t, h.Write(conn))
	_, err = conn.Write(append([]byte("\r\n"), body...))
	ok(t, err)
	if !hear {
		return ""
	}
	ok(t, conn.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return err.Error()
	}
	return answered(t, resp)
}

func b64(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// chunked is a body in aws-chunked coding without signatures.
func chunked(trailer string, chunks ...string) []byte {
	var b bytes.Buffer
	for _, c := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
	}
	fmt.Fprintf(&b, "0\r\n%s\r\n", trailer)
	return b.Bytes()
}

const unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

// integrity sends what is not what it says: it is refused, and what was there stays.
func (w *world) integrity(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	w.put(t, b, "k", "what was there")
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k")})
	ok(t, err)
	body := []byte("what should come")
	zero := func(n int) string { return b64(make([]byte, n)) }
	right := crc32.ChecksumIEEE(body)
	crc := b64([]byte{byte(right >> 24), byte(right >> 16), byte(right >> 8), byte(right)})
	sha := sha1.Sum(body)
	stream := func(length int, name string) map[string]string {
		return map[string]string{"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": strconv.Itoa(length), "X-Amz-Trailer": name}
	}
	const huge = 5<<30 + 1
	for _, c := range []struct {
		what, hash string
		body       []byte
		header     map[string]string
		want       string
	}{
		{"another MD5", "", body, map[string]string{"Content-MD5": zero(16)}, "400 BadDigest"},
		{"half an MD5", "", body, map[string]string{"Content-MD5": zero(8)}, "400 InvalidDigest"},
		{"no base64", "", body, map[string]string{"Content-MD5": "!"}, "400 InvalidDigest"},
		{"another SHA-256 of the payload", strings.Repeat("0", 64), body, nil, "400 XAmzContentSHA256Mismatch"},
		{"no SHA-256 of the payload", "abc", body, nil, "400 InvalidArgument"},
		{"another CRC32", "", body, map[string]string{"X-Amz-Checksum-Crc32": zero(4)}, "400 BadDigest"},
		{"another CRC32C", "", body, map[string]string{"X-Amz-Checksum-Crc32c": zero(4)}, "400 BadDigest"},
		{"another CRC64NVME", "", body, map[string]string{"X-Amz-Checksum-Crc64nvme": zero(8)}, "400 BadDigest"},
		{"another SHA1", "", body, map[string]string{"X-Amz-Checksum-Sha1": zero(20)}, "400 BadDigest"},
		{"another SHA256", "", body, map[string]string{"X-Amz-Checksum-Sha256": zero(32)}, "400 BadDigest"},
		{"a CRC32 that is too long", "", body, map[string]string{"X-Amz-Checksum-Crc32": zero(5)}, "400 InvalidRequest"},
		{"two checksums, both right", "", body, map[string]string{"X-Amz-Checksum-Crc32": crc, "X-Amz-Checksum-Sha1": b64(sha[:])}, "400 InvalidRequest"},
		{"an algorithm and no checksum", "", body, map[string]string{"X-Amz-Sdk-Checksum-Algorithm": "CRC32"}, "400 InvalidRequest"},
		{"an unknown algorithm", "", body, map[string]string{"X-Amz-Sdk-Checksum-Algorithm": "CRC31"}, "400 InvalidRequest"},
		{"another CRC32, trailing", unsignedTrailer, chunked("x-amz-checksum-crc32:"+zero(4)+"\r\n", string(body)), stream(len(body), "x-amz-checksum-crc32"), "400 BadDigest"},
		{"no CRC32, trailing", unsignedTrailer, chunked("x-amz-checksum-crc32:!\r\n", string(body)), stream(len(body), "x-amz-checksum-crc32"), "400 InvalidRequest"},
		{"a trailer that was announced does not come", unsignedTrailer, chunked("", string(body)), stream(len(body), "x-amz-checksum-crc32"), "400 MalformedTrailerError"},
		{"a trailer comes that was not announced", unsignedTrailer, chunked("x-amz-checksum-sha1:"+b64(sha[:])+"\r\n", string(body)), stream(len(body), "x-amz-checksum-crc32"), "400 MalformedTrailerError"},
		{"less than announced", unsignedTrailer, chunked("x-amz-checksum-crc32:"+crc+"\r\n", string(body)), stream(len(body)+1, "x-amz-checksum-crc32"), "400 IncompleteBody"},
		{"more than announced", unsignedTrailer, chunked("x-amz-checksum-crc32:"+crc+"\r\n", string(body)), stream(len(body)-1, "x-amz-checksum-crc32"), "400 IncompleteBody"},
		{"more behind the end", unsignedTrailer, append(chunked("x-amz-checksum-crc32:"+crc+"\r\n", string(body)), 'x'), stream(len(body), "x-amz-checksum-crc32"), "400 IncompleteBody"},
		{"chunks of nothing", unsignedTrailer, []byte("what should come"), stream(len(body), "x-amz-checksum-crc32"), "400 IncompleteBody"},
		{"chunks without a length", unsignedTrailer, chunked("x-amz-checksum-crc32:"+crc+"\r\n", string(body)), map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc32"}, "411 MissingContentLength"},
		{"a chunk that nobody signed", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", []byte("10;chunk-signature=" + strings.Repeat("0", 64) + "\r\nwhat should come\r\n0;chunk-signature=" + strings.Repeat("0", 64) + "\r\n\r\n"), stream(len(body), ""), "403 SignatureDoesNotMatch"},
		{"too much, in chunks", unsignedTrailer, chunked("", string(body)), stream(huge, "x-amz-checksum-crc32"), "400 EntityTooLarge"},
	} {
		for _, target := range []string{"/" + b + "/k", "/" + b + "/k?partNumber=1&uploadId=" + *up.UploadId} {
			if got := w.send(t, "PUT", target, c.hash, c.body, c.header); got != c.want {
				t.Errorf("%s, PUT %s: %s, want %s", c.what, target[:len(b)+4], got, c.want)
			}
		}
	}
	// Too much is refused before it comes.
	r := w.request(t, "PUT", "/"+b+"/k", "UNSIGNED-PAYLOAD", nil, map[string]string{"Content-Length": strconv.Itoa(huge)})
	if got := w.cut(t, r, nil, true); got != "400 EntityTooLarge" {
		t.Error(got)
	}
	// Nobody says how much: net/http's own client sends chunks of HTTP then.
	r = w.request(t, "PUT", "/"+b+"/k", "UNSIGNED-PAYLOAD", body, nil)
	r.ContentLength = -1
	resp, err := http.DefaultTransport.RoundTrip(r)
	ok(t, err)
	if got := answered(t, resp); got != "501 NotImplemented" {
		t.Error("without a length:", got)
	}

	// Documents are held against their checksums too.
	doc := []byte(`<Delete><Object><Key>k</Key></Object></Delete>`)
	sum := md5.Sum(doc)
	for want, c := range map[string]struct {
		body   []byte
		header map[string]string
	}{
		"400 BadDigest":      {doc, map[string]string{"Content-MD5": zero(16)}},
		"400 InvalidDigest":  {doc, map[string]string{"Content-MD5": "x"}},
		"400 InvalidRequest": {doc, nil},
		"400 MalformedXML":   {doc[:20], map[string]string{"Content-MD5": func() string { s := md5.Sum(doc[:20]); return b64(s[:]) }()}},
	} {
		if got := w.send(t, "POST", "/"+b+"?delete", "", c.body, c.header); got != want {
			t.Errorf("DeleteObjects: %s, want %s", got, want)
		}
	}
	if got := w.send(t, "POST", "/"+b+"?delete", strings.Repeat("0", 64), doc, map[string]string{"Content-MD5": b64(sum[:])}); got != "400 XAmzContentSHA256Mismatch" {
		t.Error("DeleteObjects:", got)
	}

	// What an upload becomes is held against what was said of the whole.
	up, err = w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
	ok(t, err)
	p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId, PartNumber: aws.Int32(1), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, Body: bytes.NewReader(body)})
	ok(t, err)
	for code, change := range map[string]func(*s3.CompleteMultipartUploadInput){
		"BadDigest": func(in *s3.CompleteMultipartUploadInput) {
			in.ChecksumType, in.ChecksumCRC64NVME = types.ChecksumTypeFullObject, aws.String(zero(8))
		},
		"InvalidRequest": func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(int64(len(body)) + 1) },
		"InvalidPart": func(in *s3.CompleteMultipartUploadInput) {
			in.MultipartUpload.Parts[0].ETag = aws.String(`"00000000000000000000000000000000"`)
		},
	} {
		in := &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag}}}}
		change(in)
		_, err := w.s3.CompleteMultipartUpload(ctx, in)
		refused(t, err, 400, code)
	}
	list, err := w.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId})
	ok(t, err)
	if len(list.Parts) != 1 || *list.Parts[0].ETag != *p.ETag {
		t.Errorf("%+v", list.Parts)
	}
	if text, _ := read(t, w.s3, b, "k"); text != "what was there" {
		t.Errorf("after everything that was refused: %q", text)
	}
}

// cutOff loses connections in the middle of uploads, small ones and such as have
// begun a blob.
func (w *world) cutOff(t *testing.T) {
	b := w.bucket(t)
	w.put(t, b, "k", "what was there")
	up, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k")})
	ok(t, err)
	data := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	coded := chunked("x-amz-checksum-crc32:AAAAAA==\r\n", string(data))
	decoded := map[string]string{"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": strconv.Itoa(len(data)), "X-Amz-Trailer": "x-amz-checksum-crc32"}
	for _, target := range []string{"/" + b + "/k", "/" + b + "/new", "/" + b + "/k?partNumber=1&uploadId=" + *up.UploadId} {
		for _, n := range []int{0, 10, 100_000, len(data) - 1} {
			for _, hear := range []bool{true, false} {
				for hash, c := range map[string]struct {
					body   []byte
					header map[string]string
				}{"": {data, nil}, "UNSIGNED-PAYLOAD": {data, nil}, unsignedTrailer: {coded, decoded}} {
					got := w.cut(t, w.request(t, "PUT", target, hash, c.body, c.header), c.body[:n], hear)
					if hear && got != "400 IncompleteBody" {
						t.Errorf("%s after %d bytes, %s: %s", target, n, hash, got)
					}
				}
			}
		}
	}
	if text, _ := read(t, w.s3, b, "k"); text != "what was there" {
		t.Errorf("%q", text)
	}
	_, err = w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: aws.String("new")})
	refused(t, err, 404, "NoSuchKey")
	parts, err := w.s3.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId})
	ok(t, err)
	if len(parts.Parts) > 0 {
		t.Errorf("%+v", parts.Parts)
	}
	w.nothingHalf(t)
	// A reader that goes away harms nobody.
	w.put(t, b, "large", string(data))
	for range 5 {
		resp, err := http.DefaultTransport.RoundTrip(w.request(t, "GET", "/"+b+"/large", "", nil, nil))
		ok(t, err)
		io.CopyN(io.Discard, resp.Body, 10_000)
		resp.Body.Close()
	}
	if text, _ := read(t, w.s3, b, "large"); text != string(data) {
		t.Error(len(text))
	}
	w.emptied(t, b)
}

// nothingHalf waits until no half written blob lies anywhere.
func (w *world) nothingHalf(t *testing.T) {
	t.Helper()
	redoubttest.Eventually(t, func() error {
		left, err := filepath.Glob(filepath.Join(w.Data, "blobs*", "writing", "*"))
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("half written: %v", left)
		}
		return err
	})
}

// names puts, reads, copies, lists and deletes under every name that S3 allows.
func (w *world) names(t *testing.T) {
	ctx := t.Context()
	b := w.bucket(t)
	var list []string
	for c := range rune(0x80) {
		list = append(list, string(c), "x"+string(c)+"y", string(c)+string(c))
	}
	for _, c := range []rune{0x80, 0x85, 0xa0, 0x7ff, 0x800, 0x2028, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000, 0x10ffff} {
		list = append(list, string(c))
	}
	// As a path they would lead elsewhere, or be another's.
	list = append(list, "../"+b+"/x", "../../etc/passwd", "..", ".", "./x", "/", "//", "///x", "a/../b", "a/./b", "a//b", "%2e%2e/x", "%2F", "%252F", "%", "%zz", "a/", "?", "a?b", "?acl", "#", ";", "a;b", "C:\\x", "\\\\x\\y", "~", "nul", "con", "null", "undefined", ".git/config", "e\u0301", "é", "K", "\u212a", "soap", "0", "-", strings.Repeat("/", 1024), strings.Repeat("k", 1024), strings.Repeat("한", 341)+"x", strings.Repeat("💾", 256))
	want := map[string]bool{}
	for _, key := range list {
		want[key] = true
	}
	for key := range want {
		target := "/" + b + "/" + strings.ReplaceAll(escape(key), "%2F", "/")
		body := []byte("of " + key)
		if got := w.send(t, "PUT", target, "", body, nil); got != "200" {
			t.Errorf("PUT %q: %s", key, got)
			continue
		}
		resp, err := http.DefaultTransport.RoundTrip(w.request(t, "GET", target, "", nil, nil))
		ok(t, err)
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != "of "+key {
			t.Errorf("GET %q: %s %q", key, resp.Status, text)
		}
		if got := w.send(t, "HEAD", target, "", nil, nil); got != "200" {
			t.Errorf("HEAD %q: %s", key, got)
		}
		if got := w.send(t, "PUT", "/"+b+"/copy", "", nil, map[string]string{"X-Amz-Copy-Source": "/" + b + "/" + escape(key)}); !strings.HasPrefix(got, "200") {
			t.Errorf("a copy of %q: %s", key, got)
		} else if text, _ := read(t, w.s3, b, "copy"); text != "of "+key {
			t.Errorf("a copy of %q holds %q", key, text)
		}
	}
	_, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("copy")})
	ok(t, err)
	pages := s3.NewListObjectsV2Paginator(w.s3, &s3.ListObjectsV2Input{Bucket: &b, EncodingType: "url", MaxKeys: aws.Int32(100)})
	left := maps.Clone(want)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ok(t, err)
		for _, o := range page.Contents {
			key := (&model{t: t}).name(query{url: true}, o.Key)
			if !left[key] {
				t.Errorf("%q is listed", key)
			}
			delete(left, key)
		}
	}
	if len(left) > 0 {
		t.Errorf("not listed: %q", slices.Sorted(maps.Keys(left)))
	}
	for key := range want {
		if got := w.send(t, "DELETE", "/"+b+"/"+strings.ReplaceAll(escape(key), "%2F", "/"), "", nil, nil); got != "204" {
			t.Errorf("DELETE %q: %s", key, got)
		}
	}
	if out, err := w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b}); err != nil || len(out.Contents) > 0 {
		t.Errorf("%+v %v", out, err)
	}
	w.badNames(t, b)
}

// badNames are refused by every operation that takes one.
func (w *world) badNames(t *testing.T, b string) {
	w.put(t, b, "there", "x")
	long := []string{strings.Repeat("k", 1025), strings.Repeat("한", 341) + "xy", strings.Repeat("/", 1025)}
	for _, key := range long {
		target := "/" + b + "/" + strings.ReplaceAll(escape(key), "%2F", "/")
		for _, c := range []struct {
			method, query string
			header        map[string]string
		}{
			{"PUT", "", nil}, {"GET", "", nil}, {"DELETE", "", nil}, {"POST", "?uploads", nil}, {"PUT", "", map[string]string{"X-Amz-Copy-Source": b + "/there"}},
			{"GET", "?tagging", nil}, {"GET", "?attributes", map[string]string{"X-Amz-Object-Attributes": "ETag"}},
		} {
			if got := w.send(t, c.method, target+c.query, "", nil, c.header); got != "400 KeyTooLongError" {
				t.Errorf("%s%s of %d bytes: %s", c.method, c.query, len(key), got)
			}
		}
		if got := w.send(t, "PUT", "/"+b+"/copy", "", nil, map[string]string{"X-Amz-Copy-Source": b + "/" + escape(key)}); got != "400 KeyTooLongError" && got != "404 NoSuchKey" {
			t.Errorf("a copy of what cannot be: %s", got)
		}
	}
	// What is no UTF-8 is no name.
	for _, key := range []string{"%FF", "a%C3", "%ED%A0%80", "%C0%AF", "%F4%90%80%80"} {
		for _, method := range []string{"PUT", "GET", "DELETE"} {
			if got := w.send(t, method, "/"+b+"/"+key, "", nil, nil); got != "400 InvalidURI" {
				t.Errorf("%s %s: %s", method, key, got)
			}
		}
	}
	// Nor may a bucket's name lead anywhere.
	for _, target := range []string{"/..", "/../" + b, "/.", "/%2F" + b + "/there", "/" + b + "%2Fthere", "/%00", "/" + b + "%00/there", "/" + b + "./there"} {
		if got := w.send(t, "GET", target, "", nil, nil); got != "404 NoSuchBucket" {
			t.Errorf("GET %s: %s", target, got)
		}
	}
	for target, want := range map[string]string{
		"//" + b + "/there":       "405 MethodNotAllowed",
		"/%2e%2e/" + b + "/there": "403 SignatureDoesNotMatch", // signed as it was sent, not as S3 has it
	} {
		if got := w.send(t, "GET", target, "", nil, nil); got != want {
			t.Errorf("GET %s: %s, want %s", target, got, want)
		}
	}
	w.emptied(t, b)
}
