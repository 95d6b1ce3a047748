package restxml

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/xxh3"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
)

const checksumPrefix = "X-Amz-Checksum-"

// checksums are the algorithms of x-amz-checksum headers. Source: Amazon S3 User
// Guide, "Checking object integrity"; CRC-64/NVME has the polynomial of the NVM
// Express specification, here reversed.
var checksums = map[string]func() hash.Hash{
	"Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"Sha1":      sha1.New,
	"Sha256":    sha256.New,
	"Sha512":    sha512.New,
	"Md5":       md5.New,
	"Xxhash64":  func() hash.Hash { return xxhash.New() },
	"Xxhash3":   func() hash.Hash { return xxh3.New() },
	"Xxhash128": func() hash.Hash { return wide{xxh3.New()} },
}

// wide is XXH3 with all its 128 bits.
type wide struct{ *xxh3.Hasher }

func (w wide) Size() int { return 16 }

func (w wide) Sum(b []byte) []byte {
	sum := w.Sum128().Bytes()
	return append(b, sum[:]...)
}

// integrity holds a document against the checksums that came with it. What changes
// a bucket's configuration must have one.
func integrity(svc *schema.Service, op *schema.Operation, r *wire.Request) error {
	proven := false
	if v := r.Header["Content-Md5"]; len(v) > 0 {
		want, err := base64.StdEncoding.DecodeString(v[0])
		if err != nil || len(want) != md5.Size || len(v) > 1 {
			return s3Error("InvalidDigest", "The Content-MD5 you specified was invalid.", "Content-MD5", v[0])
		}
		if got := md5.Sum(r.Body); string(got[:]) != string(want) {
			return s3Error("BadDigest", "The Content-MD5 you specified did not match what we received.",
				"ExpectedDigest", v[0], "CalculatedDigest", base64.StdEncoding.EncodeToString(got[:]))
		}
		proven = true
	}
	for name, v := range r.Header {
		alg, ok := strings.CutPrefix(name, checksumPrefix)
		made := checksums[alg]
		if !ok || made == nil || modelled(svc, op, name) {
			continue
		}
		h := made()
		label := http.CanonicalHeaderKey(name)
		want, err := base64.StdEncoding.DecodeString(v[0])
		if err != nil || len(want) != h.Size() || len(v) > 1 {
			return s3Error("InvalidRequest", "Value for "+strings.ToLower(label)+" header is invalid.")
		}
		h.Write(r.Body)
		if string(h.Sum(nil)) != string(want) {
			return s3Error("BadDigest", "The "+strings.ToUpper(alg)+" you specified did not match the calculated checksum.")
		}
		proven = true
	}
	// A trailing checksum was announced and is part of what was signed.
	// What names a list in its headers has no body to prove.
	if op.ChecksumRequired && !proven && (len(r.Body) > 0 || !strings.HasSuffix(op.Name, "Acl")) && len(r.Header["X-Amz-Trailer"]) == 0 {
		return s3Error("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	return nil
}

// modelled reports whether a header is a member of the input: then it says something
// of the object that a multipart upload becomes, not of this document.
func modelled(svc *schema.Service, op *schema.Operation, header string) bool {
	if op.Input == schema.None {
		return false
	}
	for _, m := range svc.At(op.Input).Members {
		if m.Location == schema.Header && strings.EqualFold(m.WireName(), header) {
			return true
		}
	}
	return false
}

// s3Error makes a refusal with elements that stand in pairs.
func s3Error(code, message string, pairs ...string) *redoubt.Error {
	e := &redoubt.Error{Code: code, Message: message, Status: 400}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Fields == nil {
			e.Fields = map[string]any{}
		}
		e.Fields[pairs[i]] = pairs[i+1]
	}
	return e
}
