package sigv4_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/sigv4"
)

// A body that nobody signed is decoded and held against its own head.
func TestUnproven(t *testing.T) {
	const hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	signed := "5;chunk-signature=" + strings.Repeat("a", 64) + "\r\nhello\r\n0;chunk-signature=" + strings.Repeat("b", 64) + "\r\n\r\n"
	for _, c := range []struct {
		name, hash, body, decoded string
		trailer                   string
		want                      error
	}{
		{name: "plain", body: "hello"},
		{name: "hashed", hash: hello, body: "hello"},
		{name: "hashed otherwise", hash: hello, body: "hullo", want: sigv4.BodyMismatch},
		{name: "chunks", hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body: signed, decoded: "5"},
		{name: "chunks cut", hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body: signed[:90], decoded: "5", want: sigv4.BodyIncomplete},
		{name: "trailer", hash: "STREAMING-UNSIGNED-PAYLOAD-TRAILER", body: "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", decoded: "5", trailer: "x-amz-checksum-crc32"},
		{name: "trailer missing", hash: "STREAMING-UNSIGNED-PAYLOAD-TRAILER", body: "5\r\nhello\r\n0\r\n\r\n", decoded: "5", trailer: "x-amz-checksum-crc32", want: sigv4.BadTrailer},
		{name: "no hash", hash: "zzz", body: "hello", want: sigv4.HashInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range map[string]string{"X-Amz-Content-Sha256": c.hash, "X-Amz-Decoded-Content-Length": c.decoded, "X-Amz-Trailer": c.trailer} {
				if v != "" {
					h.Set(k, v)
				}
			}
			b, err := sigv4.Unproven(&sigv4.Request{Method: "PUT", Target: "/b/k", Header: h}, strings.NewReader(c.body))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(b)
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("%v instead of %v", err, c.want)
			}
			if c.want != nil {
				return
			}
			if string(got) != "hello" || c.trailer != "" && b.Trailer().Get(c.trailer) != "NhCmhg==" {
				t.Errorf("%q, trailer %v", got, b.Trailer())
			}
		})
	}
}
