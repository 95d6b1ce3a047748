package http1

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// plain takes a head apart that is spelled as every client of AWS spells it. It
// answers what http.ReadRequest would, for a quarter of the cost, or that the
// head is not plain: then http.ReadRequest must say what it means. So it is no
// second opinion on anything: a head is plain only if there is nothing about it
// that two readers could see differently (FuzzPlain).
func plain(head []byte) (*http.Request, bool) {
	// All strings of the request are parts of this one.
	first, rest, ok := strings.Cut(string(head), "\r\n")
	method, target, ok1 := strings.Cut(first, " ")
	target, proto, ok2 := strings.Cut(target, " ")
	if !ok || !ok1 || !ok2 || proto != "HTTP/1.1" || !capitals(method) || method == http.MethodConnect ||
		!strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return nil, false
	}
	r := &http.Request{Method: method, RequestURI: target, Proto: proto, ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody}
	if target == "/" {
		r.URL = &url.URL{Path: "/"}
	} else if u, err := url.ParseRequestURI(target); err == nil {
		r.URL = u
	} else {
		return nil, false
	}

	lines := strings.Count(rest, "\n") - 1
	values := make([]string, lines)
	r.Header = make(http.Header, lines)
	for rest != "\r\n" {
		var line string
		if line, rest, ok = strings.Cut(rest, "\r\n"); !ok {
			return nil, false
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !token(name) || !text(value) {
			return nil, false // folded lines too: they begin with a blank
		}
		value = strings.Trim(value, " \t")
		switch name = canonical(name); name {
		case "Host":
			if r.Host != "" || value == "" || !httpguts.ValidHostHeader(value) {
				return nil, false
			}
			r.Host = value
			continue
		case "Content-Length":
			n, ok := number(value)
			if !ok || r.Header[name] != nil {
				return nil, false
			}
			r.ContentLength = n
		case "Connection":
			r.Close = r.Close || httpguts.HeaderValuesContainsToken([]string{value}, "close")
		case "Transfer-Encoding", "Trailer", "Pragma":
			return nil, false // they have consequences
		}
		if old := r.Header[name]; old != nil {
			r.Header[name] = append(old, value)
			continue
		}
		values[0] = value
		r.Header[name], values = values[:1:1], values[1:]
	}
	return r, r.Host != ""
}

func capitals(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// number reads a length that is written as a length is.
func number(s string) (n int64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, s != "" && len(s) <= 18
}

// token reports whether s is a field name (RFC 9110, section 5.6.2).
func token(s string) bool {
	for i := range len(s) {
		if !tokens[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokens = func() (t [256]bool) {
	for c := range t {
		t[c] = httpguts.IsTokenRune(rune(c))
	}
	return t
}()

// text reports whether s holds nothing but visible characters and blanks
// (RFC 9110, section 5.5).
func text(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// canonical answers textproto's spelling of a field name.
func canonical(name string) string {
	upper, same := true, true
	for i := range len(name) {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			same = false
			break
		}
		upper = c == '-'
	}
	if same {
		return name
	}
	if c, ok := spellings[name]; ok {
		return c
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// spellings are names as AWS's clients send them that are not canonical.
var spellings = map[string]string{
	"accept":                "Accept",
	"accept-encoding":       "Accept-Encoding",
	"amz-sdk-invocation-id": "Amz-Sdk-Invocation-Id",
	"amz-sdk-request":       "Amz-Sdk-Request",
	"authorization":         "Authorization",
	"connection":            "Connection",
	"content-length":        "Content-Length",
	"content-type":          "Content-Type",
	"host":                  "Host",
	"user-agent":            "User-Agent",
	"X-Amz-Content-SHA256":  "X-Amz-Content-Sha256",
	"x-amz-content-sha256":  "X-Amz-Content-Sha256",
	"x-amz-date":            "X-Amz-Date",
	"x-amz-security-token":  "X-Amz-Security-Token",
	"x-amz-target":          "X-Amz-Target",
	"x-amz-user-agent":      "X-Amz-User-Agent",
	"x-amzn-query-mode":     "X-Amzn-Query-Mode",
	"x-amz-api-version":     "X-Amz-Api-Version",
}
