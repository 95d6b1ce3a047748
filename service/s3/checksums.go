package s3

import (
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"strings"

	"github.com/redoubt-sec/redoubt/engine/objects"
)

// algorithms are the checksums that S3's requests and answers have members for, in
// the order of AWS's error texts, with their sizes in bytes.
var algorithms = []struct {
	name objects.Algorithm
	size int
}{
	{objects.CRC32, 4}, {objects.CRC32C, 4}, {objects.CRC64NVME, 8}, {objects.SHA1, 20}, {objects.SHA256, 32},
	{objects.SHA512, 64}, {objects.MD5, 16}, {objects.XXHASH64, 8}, {objects.XXHASH3, 8}, {objects.XXHASH128, 16},
}

func sizeOf(a objects.Algorithm) (size int, ok bool) {
	for _, x := range algorithms {
		if x.name == a {
			return x.size, true
		}
	}
	return 0, false
}

// claim is what a request says about the integrity of its data.
type claim struct {
	md5       []byte // Content-MD5
	algorithm objects.Algorithm
	value     string // base64; empty: it comes in the trailer, or is only asked for
	trailer   bool
	part      bool // of an upload
}

// claimed reads the checksums of a request: in is a pointer to its input.
func claimed(in any, contentMD5, algorithm *string, trailers []string) (*claim, error) {
	c := &claim{}
	if contentMD5 != nil {
		sum, err := base64.StdEncoding.DecodeString(*contentMD5)
		if err != nil || len(sum) != 16 {
			return nil, refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", "Content-MD5", *contentMD5)
		}
		c.md5 = sum
	}
	if algorithm != nil {
		a := objects.Algorithm(strings.ToUpper(*algorithm))
		if _, ok := sizeOf(a); !ok {
			return nil, unsupported()
		}
		c.algorithm = a
	}
	v := reflect.ValueOf(in).Elem()
	found := 0
	for _, x := range algorithms {
		f := v.FieldByName("Checksum" + string(x.name))
		if !f.IsValid() || f.IsNil() {
			continue
		}
		if found++; found > 1 {
			return nil, invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		c.algorithm, c.value = x.name, *f.Interface().(*string)
		if !wellFormed(x.size, c.value) {
			return nil, invalidRequest("Value for " + checksumHeader(x.name) + " header is invalid.")
		}
	}
	if found > 0 {
		return c, nil
	}
	for _, t := range trailers {
		for _, x := range algorithms {
			if strings.EqualFold(t, checksumHeader(x.name)) {
				c.algorithm, c.trailer = x.name, true
			}
		}
	}
	if algorithm != nil && !c.trailer {
		return nil, invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	return c, nil
}

func unsupported() error {
	return invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
}

func checksumHeader(a objects.Algorithm) string {
	return "x-amz-checksum-" + strings.ToLower(string(a))
}

func wellFormed(size int, text string) bool {
	b, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(b) == size
}

// sums are the algorithms to compute on the way.
func (c *claim) sums() []objects.Algorithm {
	list := []objects.Algorithm{c.kept()}
	if c.md5 != nil {
		list = append(list, objects.MD5)
	}
	return list
}

// kept is the algorithm that is kept with the object: the request's, or CRC64NVME,
// as AWS does since December 2024.
func (c *claim) kept() objects.Algorithm {
	if c.algorithm == "" {
		return objects.CRC64NVME
	}
	return c.algorithm
}

// check compares what was computed with what the request says.
func (c *claim) check(got objects.Sums, trailer map[string][]string) error {
	if c.md5 != nil && string(got[objects.MD5]) != string(c.md5) {
		expected := hex.EncodeToString(c.md5) // of whole objects alone, as at AWS
		if c.part {
			expected = base64.StdEncoding.EncodeToString(c.md5)
		}
		return refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.",
			"ExpectedDigest", expected, "CalculatedDigest", base64.StdEncoding.EncodeToString(got[objects.MD5]))
	}
	want := c.value
	if c.trailer {
		for name, v := range trailer {
			if strings.EqualFold(name, checksumHeader(c.algorithm)) && len(v) > 0 {
				want = v[0]
			}
		}
		if size, _ := sizeOf(c.algorithm); !wellFormed(size, want) {
			return invalidRequest("Value for " + checksumHeader(c.algorithm) + " trailing header is invalid.")
		}
	}
	if want != "" && want != base64.StdEncoding.EncodeToString(got[c.algorithm]) {
		return refusal(400, "BadDigest", "The "+string(c.algorithm)+" you specified did not match the calculated checksum.")
	}
	return nil
}

// setChecksum fills the member for a checksum in an answer, and its type; out is a
// pointer to the answer's structure.
func setChecksum(out any, sum objects.Checksum) {
	if sum.Value == "" {
		return
	}
	v := reflect.ValueOf(out).Elem()
	if f := v.FieldByName("Checksum" + string(sum.Algorithm)); f.IsValid() {
		f.Set(reflect.ValueOf(new(sum.Value)))
	}
	if f := v.FieldByName("ChecksumType"); f.IsValid() && sum.Type != "" {
		f.Set(reflect.ValueOf(new(sum.Type)))
	}
}

// partClaim reads the checksum that a request gives for a part of an upload.
func partClaim(part any) (objects.Checksum, bool) {
	v := reflect.ValueOf(part).Elem()
	for _, x := range algorithms {
		if f := v.FieldByName("Checksum" + string(x.name)); f.IsValid() && !f.IsNil() {
			return objects.Checksum{Algorithm: x.name, Value: *f.Interface().(*string)}, true
		}
	}
	return objects.Checksum{}, false
}

// fill copies the members that two structures share by name: from HeadObject's
// answer to GetObject's, say.
func fill(to, from any) {
	dst, src := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for i := range src.NumField() {
		if f := dst.FieldByName(src.Type().Field(i).Name); f.IsValid() && f.Type() == src.Field(i).Type() {
			f.Set(src.Field(i))
		}
	}
}
