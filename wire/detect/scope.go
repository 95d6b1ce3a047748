package detect

import (
	"strings"

	"github.com/redoubt-sec/redoubt/wire"
)

// Scope is the credential scope that a SigV4 request names: read, not verified.
type Scope struct {
	AccessKey string
	Date      string // 20260102
	Region    string // empty for SigV4A, which names none
	Service   string // signing name
}

// ParseScope reads the scope from the Authorization header or the presigned
// query. ok is false where a request is not signed that way.
func ParseScope(r *wire.Request) (s Scope, ok bool) {
	if h := r.Header["Authorization"]; len(h) > 0 {
		algorithm, params, _ := strings.Cut(h[0], " ")
		if !strings.HasPrefix(algorithm, "AWS4-") {
			return Scope{}, false
		}
		for p := range strings.SplitSeq(params, ",") {
			if c, ok := strings.CutPrefix(strings.TrimSpace(p), "Credential="); ok {
				return splitScope(c)
			}
		}
		return Scope{}, false
	}
	q, err := r.Query()
	if err != nil {
		return Scope{}, false
	}
	c, ok := q.Get("X-Amz-Credential")
	if !ok {
		return Scope{}, false
	}
	return splitScope(c)
}

// splitScope reads AKID/20260102/us-east-1/kms/aws4_request. From the right:
// nothing keeps a slash out of a made-up key id.
func splitScope(c string) (Scope, bool) {
	rest, ok := strings.CutSuffix(c, "/aws4_request")
	if !ok {
		return Scope{}, false
	}
	rest, service, ok := cutLast(rest)
	rest, second, ok2 := cutLast(rest)
	if !ok || !ok2 {
		return Scope{}, false
	}
	if key, first, ok := cutLast(rest); ok && isDate(first) {
		return Scope{key, first, second, service}, true
	}
	if isDate(second) {
		return Scope{rest, second, "", service}, true
	}
	return Scope{}, false
}

// cutLast cuts s at its last slash.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

func isDate(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) == 8
}
