package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// marker is a text that occurs nowhere but in one field of one operation.
type marker struct {
	row  *op.Operation
	path path
	text string // as it stands in the field, or in part of it
	blob bool
}

func (m *marker) String() string {
	return fmt.Sprintf("%s:%s %v", m.row.Service.Name, m.row.Schema.Name, m.path)
}

// unmarked are members that the models do not mark although their value is a
// credential or proves something (docs/security-tests.md, line 6).
var unmarked = []string{"SessionToken", "TokenCode", "AuthenticationCode1", "AuthenticationCode2", "GrantToken", "GrantTokens", "ImportToken", "WebIdentityToken", "SAMLAssertion", "TradeInToken"}

// secret reports whether the field's value must not be repeated anywhere.
func (m *marker) secret() bool {
	return m.blob || m.path.sensitive(m.row.Service) || slices.ContainsFunc(m.path, func(s step) bool {
		return s.member != nil && slices.Contains(unmarked, s.member.Name)
	})
}

// listed reports whether the row lets the audit log hold the field.
func (m *marker) listed() bool {
	names := m.path.names()
	return slices.ContainsFunc(m.row.Request, func(l string) bool { return names == l || strings.HasPrefix(names, l+".") })
}

// markers hands out markers and knows them again.
type markers struct {
	mu  sync.Mutex
	all map[string]*marker // by text in lower case
}

// The three kinds: letters, what also counts as hexadecimal, and digits. Letters
// stay clear of 0, 1, 8, 9, which base32 lacks.
var (
	letterMarks = regexp.MustCompile(`(?i)zq[a-t]{8}qz`)
	hexMarks    = regexp.MustCompile(`(?i)facade[0-9a-f]{6}`)
	digitMarks  = regexp.MustCompile(`\b77[0-9]{4}\b`)
)

// next makes a marker of each kind.
func (ms *markers) next() (letters, hexadecimal, digits string) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	n := len(ms.all) + 1
	var b [8]byte
	for i, x := len(b)-1, n; i >= 0; i, x = i-1, x/20 {
		b[i] = 'a' + byte(x%20)
	}
	letters = "zq" + string(b[:]) + "qz"
	ms.all[letters] = nil // taken
	return letters, fmt.Sprintf("facade%06x", n), fmt.Sprintf("77%04d", n%10000)
}

// plant chooses a value for a field with a marker in it. The answer is false
// where the model leaves no room for one.
func (ms *markers) plant(row *op.Operation, p path, sh *schema.Shape, sample any) (any, bool) {
	letters, hexadecimal, digits := ms.next()
	keep := func(text string, blob bool) {
		ms.mu.Lock()
		defer ms.mu.Unlock()
		ms.all[strings.ToLower(text)] = &marker{row: row, path: slices.Clone(p), text: text, blob: blob}
	}
	if sh.Kind == schema.Blob {
		b := []byte(letters)
		if sh.Has(schema.HasMax) && len(b) > int(sh.Max) {
			return nil, false
		}
		for sh.Has(schema.HasMin) && len(b) < int(sh.Min) {
			b = append(b, 'x')
		}
		keep(letters, true)
		return b, true
	}
	if len(sh.Enum) > 0 {
		return nil, false
	}
	if s, ok := sample.(string); ok && strings.Contains(s, `"Effect"`) {
		keep(letters, false) // a policy stays one
		return strings.Replace(s, `"Effect"`, `"Sid":"`+letters+`","Effect"`, 1), true
	}
	candidates := []string{
		letters, strings.ToUpper(letters), "alias/" + letters, "/" + letters + "/", "/" + letters, "arn:aws:iam::123456789012:user/" + letters, "arn:aws:iam::123456789012:role/" + letters,
		"arn:aws:cloudtrail:us-east-1:123456789012:trail/" + letters, "https://" + letters + ".example.com", letters + ".amazonaws.com", letters + ".com.example", "s3://" + letters,
		"cluster-" + letters, "backup-" + letters, "hsm-" + letters, "arn:aws:cloudhsm:us-east-1:123456789012:backup/backup-" + letters, "/" + letters + "/kms/xks/v1",
		"com.amazonaws.vpce.us-east-1.vpce-svc-" + letters, "v1." + letters,
	}
	for _, c := range candidates {
		for _, pad := range []string{"", "a"} {
			s := c
			if pad != "" && sh.Has(schema.HasMin) && len(s) < int(sh.Min) {
				s += strings.Repeat(pad, int(sh.Min)-len(s))
			}
			if fits(sh, s) {
				keep(letters, false)
				return s, true
			}
		}
	}
	for _, s := range []string{hexadecimal, "eni-" + hexadecimal, "subnet-" + hexadecimal} {
		if fits(sh, s) {
			keep(hexadecimal, false)
			return s, true
		}
	}
	if fits(sh, digits) {
		keep(digits, false)
		return digits, true
	}
	return nil, false
}

// find answers the markers in a text, plain, in base64 and in hexadecimal.
func (ms *markers) find(text string) []*marker {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	var found []*marker
	for _, re := range []*regexp.Regexp{letterMarks, hexMarks, digitMarks} {
		for _, s := range re.FindAllString(text, -1) {
			if m := ms.all[strings.ToLower(s)]; m != nil {
				found = append(found, m)
			}
		}
	}
	return found
}

// findEncoded answers the markers of secret fields that stand in a text in
// base64 or in hexadecimal. It looks for each: call it once, on everything.
func (ms *markers) findEncoded(text string) []*marker {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	var found []*marker
	for plain, m := range ms.all {
		if m == nil || !m.secret() {
			continue
		}
		for _, f := range spellings([]byte(plain))[1:] {
			if strings.Contains(text, string(f)) {
				found = append(found, m)
			}
		}
	}
	return found
}

// spellings are the ways in which bytes may lie somewhere: as they are, in
// hexadecimal, and in base64 at each of its three offsets, without the ends that
// depend on the neighbours.
func spellings(b []byte) [][]byte {
	list := [][]byte{b, []byte(hex.EncodeToString(b)), bytes.ToUpper([]byte(hex.EncodeToString(b)))}
	for shift := range 3 {
		s := base64.StdEncoding.EncodeToString(append(make([]byte, shift), b...))
		from, to := (shift*8+5)/6, (shift+len(b))*8/6
		plain := []byte(s[from:to])
		list = append(list, plain)
		url := bytes.ReplaceAll(bytes.ReplaceAll(plain, []byte("+"), []byte("-")), []byte("/"), []byte("_"))
		if !bytes.Equal(url, plain) {
			list = append(list, url)
		}
	}
	return list
}
