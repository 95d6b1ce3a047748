package awsjson_test

import (
	"net/http"
	"testing"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/awsjson"
)

var encryptBody = []byte(`{"KeyId":"arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab","Plaintext":"` +
	`AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==` +
	`","EncryptionContext":{"purpose":"test"},"EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}`)

// BenchmarkEncrypt decodes and encodes one KMS Encrypt: at most 6 µs and 12
// allocations.
func BenchmarkEncrypt(b *testing.B) {
	c := awsjson.New(wire.Limits{})
	svc := &kmsapi.Model
	op := svc.Find("Encrypt")
	out := &kmsapi.EncryptOutput{
		CiphertextBlob:      make([]byte, 180),
		KeyId:               new("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
		EncryptionAlgorithm: new("SYMMETRIC_DEFAULT"),
	}
	h := http.Header{"X-Amz-Target": {"TrentService.Encrypt"}}
	b.ReportAllocs()
	for b.Loop() {
		in := new(kmsapi.EncryptInput)
		if err := c.Decode(svc, op, &wire.Request{Method: "POST", Header: h, Body: encryptBody}, in); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Encode(svc, op, out, "12345678-1234-1234-1234-123456789012"); err != nil {
			b.Fatal(err)
		}
	}
}
