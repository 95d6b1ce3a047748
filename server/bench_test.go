package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/sigv4"
)

// BenchmarkCall is a call without the network: from the head's bytes to the
// answer. Signatures hold for five minutes.
func BenchmarkCall(b *testing.B) {
	conf := Config{Data: filepath.Join(b.TempDir(), "data"), Listen: "127.0.0.1:0", ListenTLS: "off"}
	if err := conf.Complete(); err != nil {
		b.Fatal(err)
	}
	s, err := Start(b.Context(), conf, Options{Version: "test"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	id, secret, _ := s.AdminCredentials()
	signer := sigv4.Signer{AccessKeyID: id, Secret: secret, Region: "us-east-1", Service: "kms"}
	text := func(operation string, in any) []byte {
		body, _ := json.Marshal(in)
		r, _ := http.NewRequest(http.MethodPost, s.URL()+"/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "TrentService."+operation)
		r.Header.Set("User-Agent", "bench")
		signer.Sign(r, body, time.Now())
		var t bytes.Buffer
		r.Write(&t)
		return t.Bytes()
	}
	call := func(b *testing.B, text []byte) []byte {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			b.Fatal(err)
		}
		r.RemoteAddr = "127.0.0.1:12345"
		resp := s.door.Answer(b.Context(), r)
		if resp.Status != 200 {
			b.Fatalf("%d %s", resp.Status, resp.Body)
		}
		return resp.Body
	}
	var key struct{ KeyMetadata struct{ KeyId string } }
	json.Unmarshal(call(b, text("CreateKey", map[string]any{})), &key)
	plaintext := bytes.Repeat([]byte("x"), 256)
	about := map[string]string{"app": "bench", "tier": "1"}
	in := map[string]any{"KeyId": key.KeyMetadata.KeyId, "Plaintext": plaintext, "EncryptionContext": about}
	var out struct{ CiphertextBlob []byte }
	json.Unmarshal(call(b, text("Encrypt", in)), &out)
	for operation, in := range map[string]map[string]any{
		"Encrypt":         in,
		"Decrypt":         {"CiphertextBlob": out.CiphertextBlob, "EncryptionContext": about},
		"GenerateDataKey": {"KeyId": key.KeyMetadata.KeyId, "KeySpec": "AES_256", "EncryptionContext": about},
		"DescribeKey":     {"KeyId": key.KeyMetadata.KeyId},
	} {
		b.Run(operation, func(b *testing.B) {
			text := text(operation, in)
			body := text[strings.Index(string(text), "\r\n\r\n")+4:]
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "127.0.0.1:12345"
			content := bytes.NewReader(body)
			r.Body = io.NopCloser(content)
			b.ReportAllocs()
			for b.Loop() {
				content.Reset(body)
				if resp := s.door.Answer(b.Context(), r); resp.Status != 200 {
					b.Fatalf("%d %s", resp.Status, resp.Body)
				}
			}
		})
	}
}
