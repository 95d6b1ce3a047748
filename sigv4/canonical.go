package sigv4

import "strings"

// maxCanonical bounds a canonical request: signed headers may be named many
// times over, and each naming repeats the header's value.
const maxCanonical = 4 << 20

// appendCanonical writes the canonical request, but for the payload hash.
func (s *Signature) appendCanonical(b []byte) ([]byte, *Failure) {
	b = append(b, s.req.Method...)
	b = append(b, '\n')
	b, ok := appendPath(b, s.path, s.expect.S3)
	if !ok {
		return nil, &Failure{Kind: BadTarget}
	}
	b = append(b, '\n')
	b = s.appendQuery(b)
	b = append(b, '\n')
	for rest, more := s.SignedHeaders, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ";")
		for i := range len(name) {
			b = append(b, lower(name[i]))
		}
		b = append(b, ':')
		if strings.EqualFold(name, "host") {
			b = appendValue(b, s.req.Host)
		} else {
			for i, v := range values(s.req.Header, name) {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendValue(b, v)
			}
		}
		b = append(b, '\n')
		if len(b) > maxCanonical {
			return nil, &Failure{Kind: Malformed, got: "SignedHeaders", want: hashed(s.SignedHeaders)}
		}
	}
	b = append(b, '\n')
	for i := range len(s.SignedHeaders) {
		b = append(b, lower(s.SignedHeaders[i]))
	}
	return append(b, '\n'), nil
}

// appendPath writes the path as the signature covers it: for S3 decoded and
// encoded once, with dots and double slashes kept, since they are part of keys;
// for all others normalized (RFC 3986 section 5.2.4) and encoded once more on
// top of what was sent.
func appendPath(b []byte, path string, s3 bool) ([]byte, bool) {
	if path == "" || path == "/" {
		return append(b, '/'), true
	}
	if !s3 {
		path = normalize(path)
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '/':
			b = append(b, c)
			continue
		case c == '%' && s3:
			if i+2 >= len(path) {
				return nil, false
			}
			h, ok1 := unhex(path[i+1])
			l, ok2 := unhex(path[i+2])
			if !ok1 || !ok2 {
				return nil, false
			}
			c = h<<4 | l
			i += 2
		}
		b = appendEncoded(b, c)
	}
	return b, true
}

func normalize(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var keep []string
	for seg := range strings.SplitSeq(path, "/") {
		switch seg {
		case "", ".":
		case "..":
			if len(keep) > 0 {
				keep = keep[:len(keep)-1]
			}
		default:
			keep = append(keep, seg)
		}
	}
	if len(keep) == 0 {
		return "/"
	}
	out := "/" + strings.Join(keep, "/")
	if strings.HasSuffix(path, "/") {
		out += "/"
	}
	return out
}

func (s *Signature) appendQuery(b []byte) []byte {
	if len(s.query) == 0 {
		return b
	}
	sortParams(s.query)
	sep := false
	for _, p := range s.query {
		if s.Presigned && p.name == "X-Amz-Signature" {
			continue
		}
		if sep {
			b = append(b, '&')
		}
		sep = true
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// appendValue writes a header value without blanks around it and with runs of
// blanks made one.
func appendValue(b []byte, v string) []byte {
	v = strings.TrimSpace(v)
	blank := false
	for i := range len(v) {
		c := v[i]
		if c == ' ' || c == '\t' {
			blank = true
			continue
		}
		if blank {
			b = append(b, ' ')
			blank = false
		}
		b = append(b, c)
	}
	return b
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
