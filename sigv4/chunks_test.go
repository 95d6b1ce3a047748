package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The chunked uploads of the S3 API Reference: 66,560 times 'a' in chunks of 64
// KiB and 1 KiB.
const (
	exampleSeed  = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	trailerSeed  = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
	exampleBytes = 65536 + 1024
)

func exampleChunks(sigs ...string) string {
	return "10000;chunk-signature=" + sigs[0] + "\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=" + sigs[1] + "\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=" + sigs[2] + "\r\n"
}

func signedExample() string {
	return exampleChunks("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9") + "\r\n"
}

func trailerExample() string {
	return exampleChunks("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
		"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992") +
		"x-amz-checksum-crc32c:sOO8/Q==\r\n" +
		"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
}

func verified(t testing.TB, form string) *Signature {
	t.Helper()
	extra, signed, sig := "Content-Length:66824", "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class", exampleSeed
	if form != payloads[Chunks] {
		extra, signed, sig = "X-Amz-Trailer:x-amz-checksum-crc32c", "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer", trailerSeed
	}
	r := &Request{Method: "PUT", Target: "/examplebucket/chunkObject.txt", Host: "s3.amazonaws.com",
		Header: headers("X-Amz-Date:20130524T000000Z", "X-Amz-Storage-Class:REDUCED_REDUNDANCY", "Content-Encoding:aws-chunked",
			"X-Amz-Content-Sha256:"+form, "X-Amz-Decoded-Content-Length:66560", extra,
			"Authorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="+signed+",Signature="+sig)}
	e := Expect{Service: "s3", Region: "us-east-1", S3: true, Now: at("20130524T000000Z"), Window: 15 * time.Minute}
	if form == payloads[UnsignedTrailer] {
		// No published example: sign it here.
		s := &Signer{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: s3Secret, Region: "us-east-1", Service: "s3", S3: true}
		return resign(t, s, r, e)
	}
	s, err := check(r, e, secret(s3Secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// resign signs r as the signer would, with the payload form that r has.
func resign(t testing.TB, s *Signer, r *Request, e Expect) *Signature {
	t.Helper()
	var names []string
	for _, n := range []string{"content-encoding", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-storage-class", "x-amz-trailer"} {
		if n == "host" || len(values(r.Header, n)) > 0 {
			names = append(names, n)
		}
	}
	sig := &Signature{req: r, path: strings.SplitN(r.Target, "?", 2)[0], SignedHeaders: strings.Join(names, ";"), expect: e,
		Scope: Scope{e.Now.Format(dateOnly), s.Region, s.Service, terminator}, amzDate: first(r.Header, "X-Amz-Date")}
	b, f := sig.appendCanonical(nil)
	if f != nil {
		t.Fatal(f)
	}
	b = append(b, first(r.Header, "X-Amz-Content-Sha256")...)
	n := len(b)
	b = sig.appendStringToSign(b)
	var mac [32]byte
	Derive(s.Secret, sig.Scope.Date, s.Region, s.Service).sum(&mac, b[n:])
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s/%s/%s/%s,SignedHeaders=%s,Signature=%x", Algorithm, s.AccessKeyID, sig.Scope.Date, s.Region, s.Service, terminator, sig.SignedHeaders, mac))
	got, err := check(r, e, secret(s.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func unsignedExample() string {
	return "10000\r\n" + strings.Repeat("a", 65536) + "\r\n400\r\n" + strings.Repeat("a", 1024) + "\r\n0\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"
}

func decodeChunks(t testing.TB, form, body string, wrap func(io.Reader) io.Reader) (string, *Body, error) {
	t.Helper()
	b, err := verified(t, form).Body(wrap(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(b)
	return string(got), b, err
}

func plain(r io.Reader) io.Reader { return r }

func TestChunkedExamples(t *testing.T) {
	for form, body := range map[string]string{
		payloads[Chunks]:          signedExample(),
		payloads[ChunksTrailer]:   trailerExample(),
		payloads[UnsignedTrailer]: unsignedExample(),
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": plain, "bytewise": iotest.OneByteReader, "eof with data": iotest.DataErrReader} {
			got, b, err := decodeChunks(t, form, body, wrap)
			if err != nil || got != strings.Repeat("a", exampleBytes) {
				t.Errorf("%s, %s: %d bytes, %v", form, name, len(got), err)
			}
			if b.Length() != exampleBytes {
				t.Errorf("%s: length %d", form, b.Length())
			}
			want := "sOO8/Q=="
			if form == payloads[Chunks] {
				want = ""
			}
			if got := b.Trailer().Get("X-Amz-Checksum-Crc32c"); got != want {
				t.Errorf("%s: trailer %q", form, got)
			}
		}
	}
}

// The last bytes of a body leave only after all signatures were checked.
func TestChunksEndChecked(t *testing.T) {
	for _, cut := range []int{2, 30, 89} { // the end, half of the last head, just before it
		body := signedExample()
		got, _, err := decodeChunks(t, payloads[Chunks], body[:len(body)-cut], plain)
		if !isKind(err, BodyIncomplete) || len(got) >= exampleBytes {
			t.Errorf("cut by %d: %d bytes, %v", cut, len(got), err)
		}
	}
}

func TestChunkRefusals(t *testing.T) {
	signed, trailed, unsigned := signedExample(), trailerExample(), unsignedExample()
	swap := func(s, old, new string) string {
		if !strings.Contains(s, old) {
			t.Fatalf("no %q to swap", old)
		}
		return strings.Replace(s, old, new, 1)
	}
	for _, v := range []struct {
		name, form, body string
		want             Kind
	}{
		{"data changed", payloads[Chunks], swap(signed, "aaaa", "aaab"), Mismatch},
		{"signature changed", payloads[Chunks], swap(signed, "ad80c", "bd80c"), Mismatch},
		{"second chunk first", payloads[Chunks], signed[strings.Index(signed, "400;"):], Mismatch},
		{"signature no hex", payloads[Chunks], swap(signed, "ad80c", "zd80c"), BodyIncomplete},
		{"signature missing", payloads[Chunks], swap(signed, ";chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", ""), BodyIncomplete},
		{"size no hex", payloads[Chunks], swap(signed, "10000;", "1000g;"), BodyIncomplete},
		{"size too big", payloads[Chunks], swap(signed, "10000;", "10000000;"), BodyIncomplete},
		{"size overflows", payloads[Chunks], swap(signed, "10000;", "ffffffffffffffff;"), BodyIncomplete},
		{"size too long", payloads[Chunks], swap(signed, "10000;", "00000000000010000;"), BodyIncomplete},
		{"bare LF", payloads[Chunks], swap(signed, "\r\n", "\n"), BodyIncomplete},
		{"endless head", payloads[Chunks], strings.Repeat("0", 1<<16), BodyIncomplete},
		{"empty", payloads[Chunks], "", BodyIncomplete},
		{"only the end", payloads[Chunks], signed[strings.LastIndex(signed, "0;"):], BodyIncomplete},
		{"something behind", payloads[Chunks], signed + "x", BodyIncomplete},
		{"unannounced trailer", payloads[Chunks], signed[:len(signed)-2] + "x-amz-meta-a:b\r\n\r\n", BodyIncomplete},
		{"trailer changed", payloads[ChunksTrailer], swap(trailed, "sOO8", "sOO9"), Mismatch},
		{"trailer signature changed", payloads[ChunksTrailer], swap(trailed, "d81f", "d82f"), Mismatch},
		{"trailer unsigned", payloads[ChunksTrailer], swap(trailed, "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n", ""), BadTrailer},
		{"trailer behind its signature", payloads[ChunksTrailer], swap(trailed, "17fe2e435\r\n", "17fe2e435\r\nx-amz-meta-a:b\r\n"), BadTrailer},
		{"trailer missing", payloads[UnsignedTrailer], swap(unsigned, "x-amz-checksum-crc32c:sOO8/Q==\r\n", ""), BadTrailer},
		{"another trailer", payloads[UnsignedTrailer], swap(unsigned, "crc32c", "sha256"), BadTrailer},
		{"trailer twice", payloads[UnsignedTrailer], swap(unsigned, "\r\nx-amz-checksum-crc32c:sOO8/Q==", "\r\nx-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-checksum-crc32c:sOO8/Q=="), BadTrailer},
		{"no trailer form", payloads[UnsignedTrailer], swap(unsigned, "x-amz-checksum-crc32c:", "x-amz-checksum-crc32c"), BadTrailer},
		{"small chunk", payloads[UnsignedTrailer], "400\r\n" + strings.Repeat("a", 1024) + "\r\n10000\r\n" + strings.Repeat("a", 65536) + "\r\n0\r\n", ChunkTooSmall},
		{"signed where unsigned", payloads[UnsignedTrailer], signed, BodyIncomplete},
	} {
		got, _, err := decodeChunks(t, v.form, v.body, plain)
		if !isKind(err, v.want) {
			t.Errorf("%s: %v, want %v", v.name, err, v.want)
		}
		if len(got) >= exampleBytes {
			t.Errorf("%s: whole body handed out", v.name)
		}
	}
	boom := errors.New("connection lost")
	_, _, err := decodeChunks(t, payloads[Chunks], signed[:1000], func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(boom)) })
	if !errors.Is(err, boom) {
		t.Errorf("lost connection: %v", err)
	}
}

func TestHashedBodyOfS3(t *testing.T) {
	s := &Signature{payload: Hashed, expect: Expect{S3: true}, key: &Key{}, req: &Request{Header: headers("Content-Length:3")},
		hash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
	b, err := s.Body(strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(b); err != nil || string(got) != "abc" || b.Length() != 3 {
		t.Errorf("%q, %v", got, err)
	}
	b, _ = s.Body(strings.NewReader("abd"))
	if _, err := io.ReadAll(b); !isKind(err, BodyMismatch) {
		t.Errorf("another body: %v", err)
	}
	if _, err := (&Signature{req: &Request{}}).Body(strings.NewReader("")); err == nil {
		t.Error("a body without a verified signature")
	}
}

func BenchmarkChunks(b *testing.B) {
	s := verified(b, payloads[Chunks])
	body := []byte(signedExample())
	b.SetBytes(exampleBytes)
	for b.Loop() {
		r, _ := s.Body(bytes.NewReader(body))
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}
