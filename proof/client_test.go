package proof

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/sigv4"
)

const home = "us-east-1"

// credential is what a request is signed with.
type credential struct{ id, secret, token string }

// endpoint is a server as a client sees it.
type endpoint struct {
	url  string
	http *http.Client
}

func newEndpoint(t testing.TB, url string) *endpoint {
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &endpoint{url: url, http: &http.Client{Transport: tr, Timeout: 30 * time.Second}}
}

// answer is what came back. err is set when nothing did.
type answer struct {
	status        int
	code, message string // of an error
	header        http.Header
	body          []byte
	took          time.Duration
	err           error
}

func (a *answer) ok() bool { return a.err == nil && a.status/100 == 2 }

// requestID is the request's id; S3 calls the header its own way.
func (a *answer) requestID() string {
	if id := a.header.Get("X-Amzn-Requestid"); id != "" {
		return id
	}
	return a.header.Get("X-Amz-Request-Id")
}

func (a *answer) String() string {
	if a.err != nil {
		return "no answer: " + a.err.Error()
	}
	return fmt.Sprintf("%d %s: %.300s", a.status, a.code, a.message)
}

// signing says how a request is signed. The zero value does it right.
type signing struct {
	none            bool
	region, service string
	at              time.Time
	spoil           func(*http.Request) // after signing
}

// send signs a request and sends it.
func (e *endpoint) send(r *request, c credential, how signing) *answer {
	req, err := e.prepare(r, c, how)
	if err != nil {
		return &answer{err: err}
	}
	return e.do(req)
}

func (e *endpoint) prepare(r *request, c credential, how signing) (*http.Request, error) {
	target := e.url + r.path
	if r.query != "" {
		target += "?" + r.query
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	req.Host = r.host
	req.Header.Set("User-Agent", "proof")
	if !how.none {
		if how.region == "" {
			how.region = home
		}
		if how.service == "" {
			how.service = r.svc.SigningName
		}
		if how.at.IsZero() {
			how.at = time.Now()
		}
		s := sigv4.Signer{AccessKeyID: c.id, Secret: c.secret, SessionToken: c.token, Region: how.region, Service: how.service, S3: strings.HasPrefix(r.svc.Name, "s3")}
		s.Sign(req, r.body, how.at)
	}
	if how.spoil != nil {
		how.spoil(req)
	}
	return req, nil
}

func (e *endpoint) do(req *http.Request) *answer {
	start := time.Now()
	resp, err := e.http.Do(req)
	if err != nil {
		return &answer{err: err, took: time.Since(start)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a := &answer{status: resp.StatusCode, header: resp.Header, body: body, err: err, took: time.Since(start)}
	if a.status >= 300 {
		a.code, a.message = refusal(resp.Header, body)
	}
	return a
}

// refusal reads code and message of an error, in JSON or XML.
func refusal(h http.Header, body []byte) (code, message string) {
	var x struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
		Error   struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		} `xml:"Error"`
		Errors struct {
			Error struct {
				Code    string `xml:"Code"`
				Message string `xml:"Message"`
			} `xml:"Error"`
		} `xml:"Errors"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) && xml.Unmarshal(body, &x) == nil {
		for _, e := range [][2]string{{x.Code, x.Message}, {x.Error.Code, x.Error.Message}, {x.Errors.Error.Code, x.Errors.Error.Message}} {
			if e[0] != "" {
				return e[0], e[1]
			}
		}
	}
	var j struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // any case
	}
	json.Unmarshal(body, &j)
	code, message = j.Type, j.Message
	if code == "" {
		code = h.Get("X-Amzn-Errortype")
	}
	if t := cborType.FindSubmatch(body); code == "" && t != nil {
		code = string(t[1])
	}
	if message == "" {
		message = string(body)
	}
	code = code[strings.LastIndexByte(code, '#')+1:]
	code, _, _ = strings.Cut(code, ":")
	return code, message
}

// cborType finds __type in a CBOR map: a text of 24 to 255 bytes or a shorter one.
var cborType = regexp.MustCompile(`__type(?:x.|[\x60-\x77])([A-Za-z.#]+)`)

// call sends an operation with its input as the caller.
func (e *endpoint) call(svc *schema.Service, operation string, in object, c credential) *answer {
	o := svc.Find(operation)
	if o == nil {
		return &answer{err: fmt.Errorf("%s has no operation %s", svc.Name, operation)}
	}
	return e.send(encode(svc, o, in), c, signing{})
}

// must is call for what has to succeed.
func (e *endpoint) must(t testing.TB, svc *schema.Service, operation string, in object, c credential) tree {
	t.Helper()
	a := e.call(svc, operation, in, c)
	if !a.ok() {
		t.Fatalf("%s:%s: %v", svc.Name, operation, a)
	}
	return a.fields()
}

// tree is an answer's body as a tree of objects.
type tree map[string]any

// fields reads the body, JSON or XML.
func (a *answer) fields() tree {
	var m tree
	if json.Unmarshal(a.body, &m) == nil {
		return m
	}
	v, _ := element(xml.NewDecoder(bytes.NewReader(a.body)))
	root, _ := v.(tree)
	for _, response := range root { // <OpResponse><OpResult>…
		m, _ = response.(tree)
	}
	for name, result := range m {
		if inner, ok := result.(tree); ok && strings.HasSuffix(name, "Result") {
			return inner
		}
	}
	return m
}

// element reads what is inside of an XML element: text, or a map of children.
func element(d *xml.Decoder) (any, error) {
	m := tree{}
	var text strings.Builder
	for {
		tok, err := d.Token()
		if err != nil {
			return m, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			v, err := element(d)
			if had, ok := m[tok.Name.Local]; ok {
				if l, ok := had.([]any); ok {
					v = append(slices.Clone(l), v)
				} else {
					v = []any{had, v}
				}
			}
			m[tok.Name.Local] = v
			if err != nil {
				return m, err
			}
		case xml.CharData:
			text.Write(tok)
		case xml.EndElement:
			if len(m) == 0 {
				return strings.TrimSpace(text.String()), nil
			}
			return m, nil
		}
	}
}

// at answers the text at a path of names, "KeyMetadata.KeyId".
func (f tree) at(names string) string {
	var v any = f
	for _, n := range strings.Split(names, ".") {
		m, ok := v.(tree)
		if !ok {
			if o, isMap := v.(map[string]any); isMap {
				m = o
			} else {
				return ""
			}
		}
		v = m[n]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// get is a plain request to a control path.
func (e *endpoint) get(path string) *answer {
	req, _ := http.NewRequest(http.MethodGet, e.url+path, nil)
	return e.do(req)
}

// hostOf is the host and port of the endpoint.
func (e *endpoint) hostOf() string {
	u, _ := url.Parse(e.url)
	return u.Host
}

type httpRequest = http.Request

func setBody(r *http.Request, b []byte) {
	r.Body = io.NopCloser(bytes.NewReader(b))
	r.ContentLength = int64(len(b))
}

func join(query, more string) string {
	if query == "" {
		return more
	}
	return query + "&" + more
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// jwt is a token with a signature of nobody.
func jwt(header, claims string) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(claims)) + "." + e.EncodeToString(make([]byte, 256))
}
