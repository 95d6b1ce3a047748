package recordings

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// TestS3Recordings runs what was recorded of S3 and S3 Control. S3's answers are a
// matter of headers as much as of bodies, and some are given over TLS alone; hence a
// server of its own.
func TestS3Recordings(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.ListenTLS = "127.0.0.1:0" }})
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(filepath.Join(s.Data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(pem)
	tr := &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	h := &house{
		url: s.URL, account: s.Admin.ID, clock: s.Clock,
		admin: caller{id: s.Admin.AccessKeyID, secret: s.Admin.Secret, region: home},
		http:  &http.Client{Transport: tr, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		facts: new(atomic.Int64),
	}
	st := &store{house: h, tls: s.TLSURL()}
	t.Run("facts", func(t *testing.T) {
		for _, g := range []struct {
			name string
			run  func(aisle)
		}{
			{"buckets", s3Buckets}, {"settings", s3Settings}, {"policies", s3Policies}, {"lifecycle", s3Lifecycle},
			{"objects", s3Objects}, {"names", s3Names}, {"reads", s3Reads}, {"conditions", s3Conditions}, {"versions", s3Versions}, {"deletes", s3Deletes},
			{"copies", s3Copies}, {"tags", s3Tags}, {"locks", s3Locks}, {"lists", s3Lists}, {"access lists", s3AccessLists},
			{"checksums", s3Checksums}, {"uploads", s3Uploads}, {"upload checksums", s3UploadChecksums},
			{"encryption", s3Encryption}, {"customer keys", s3CustomerKeys},
			{"sharing", s3Sharing}, {"presigned", s3Presigned}, {"forms", s3Forms}, {"control", s3Control},
		} {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				g.run(aisle{TB: t, store: st, caller: h.admin})
			})
		}
	})
	t.Logf("%d recorded facts compared", h.facts.Load())
}

// store is S3 under test.
type store struct {
	*house
	tls   string
	names atomic.Int64
}

// aisle is a caller at work in it.
type aisle struct {
	testing.TB
	*store
	caller  caller
	over    string // the endpoint; empty: without TLS
	service string // signing name; empty: s3
}

func (a aisle) from(region string) aisle { a.caller.region = region; return a }

// secure goes over TLS.
func (a aisle) secure() aisle { a.over = a.tls; return a }

// nobody is without credentials.
func (a aisle) nobody() aisle { a.caller = caller{region: a.caller.region}; return a }

// name is one that no bucket has yet.
func (a aisle) name() string { return fmt.Sprintf("recorded-%d", a.names.Add(1)) }

// bucket makes a bucket.
func (a aisle) bucket(header ...string) string {
	a.Helper()
	b := a.name()
	body := ""
	if a.caller.region != home {
		body = "<CreateBucketConfiguration><LocationConstraint>" + a.caller.region + "</LocationConstraint></CreateBucketConfiguration>"
	}
	a.must("PUT", "/"+b, body, header...)
	return b
}

// versioned makes a bucket with versioning.
func (a aisle) versioned() string {
	a.Helper()
	b := a.bucket()
	a.versioning(b, "Enabled")
	return b
}

func (a aisle) versioning(b, status string) {
	a.Helper()
	a.must("PUT", "/"+b+"?versioning", "<VersioningConfiguration><Status>"+status+"</Status></VersioningConfiguration>")
}

// send sends a request. What changes a bucket has its checksum, as clients send it.
func (a aisle) send(method, target, body string, header ...string) *answer {
	a.Helper()
	if a.caller.region == "" {
		a.caller.region = home
	}
	url := a.over
	if url == "" {
		url = a.url
	}
	r, err := http.NewRequestWithContext(a.Context(), method, url+target, bytes.NewReader([]byte(body)))
	if err != nil {
		a.Fatal(err)
	}
	r.ContentLength = int64(len(body))
	if len(header)%2 != 0 {
		a.Fatalf("headers come in pairs: %q", header)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	if strings.HasPrefix(body, "<") && r.Header.Get("Content-Md5") == "" {
		r.Header.Set("Content-Md5", md5Of(body))
	}
	if a.caller.id != "" {
		service := a.service
		if service == "" {
			service = "s3"
		}
		signer := sigv4.Signer{AccessKeyID: a.caller.id, Secret: a.caller.secret, SessionToken: a.caller.token, Region: a.caller.region, Service: service, S3: true}
		signer.Sign(r, []byte(body), time.Now())
	}
	resp, err := a.http.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		a.Fatal(err)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: got}
}

// must asks for what has to succeed and is no fact itself.
func (a aisle) must(method, target, body string, header ...string) *answer {
	a.Helper()
	r := a.send(method, target, body, header...)
	if r.status/100 != 2 {
		a.Fatalf("%s %s: %d %s", method, target, r.status, r.body)
	}
	return r
}

// is is a fact: the answer has this status, this body and, of the headers that say
// something of S3, exactly these. A body in XML is written as in shape, with its root;
// headers as `name=value,name`, a name alone has any value.
func (a aisle) is(r *answer, status int, body, headers string) *answer {
	a.Helper()
	a.facts.Add(1)
	if r.status != status {
		a.Errorf("status %d, want %d: %s", r.status, status, r.body)
		return r
	}
	if strings.HasPrefix(string(r.body), "<?xml") && strings.HasPrefix(r.header.Get("Content-Type"), "application/xml") {
		if got, want := shapeXML(a, r.body), canonical(body); got != want {
			a.Errorf("body\n got %s\nwant %s\n%s", got, want, r.body)
		}
	} else if string(r.body) != body {
		a.Errorf("body %q, want %q", r.body, body)
	}
	a.heads(r, headers)
	return r
}

// everywhere are headers of every answer or of the connection.
var everywhere = []string{"Date", "Server", "Connection", "Content-Length", "Transfer-Encoding", "X-Amz-Id-2", "X-Amz-Request-Id"}

func (a aisle) heads(r *answer, headers string) {
	a.Helper()
	if r.header.Get("X-Amz-Request-Id") == "" || r.header.Get("X-Amz-Id-2") == "" {
		a.Errorf("an answer without request id: %v", r.header)
	}
	want := map[string]string{}
	for h := range strings.SplitSeq(strings.ReplaceAll(headers, "; ", "\x00"), ";") {
		h = strings.ReplaceAll(h, "\x00", "; ")
		if name, v, _ := strings.Cut(strings.TrimSpace(h), "="); name != "" {
			want[http.CanonicalHeaderKey(name)] = v
		}
	}
	if _, ok := want["Content-Type"]; !ok && strings.HasPrefix(string(r.body), "<?xml") {
		want["Content-Type"] = "application/xml"
	}
	got := map[string]string{}
	for name := range r.header {
		if slices.Contains(everywhere, name) {
			continue
		}
		got[name] = r.header.Get(name)
		if v, ok := want[name]; ok && v == "" {
			got[name] = ""
		}
	}
	if !maps.Equal(got, want) {
		a.Errorf("headers\n got %v\nwant %v", got, want)
	}
}

// fails is a fact: the request is refused with this status and exactly these elements
// beside RequestId and HostId; message "-" is an empty one, a value "*" any.
func (a aisle) fails(r *answer, status int, code, message string, pairs ...string) {
	a.Helper()
	a.facts.Add(1)
	e := elements(a, r)
	for _, name := range []string{"RequestId", "HostId"} {
		if e[name] == "" {
			a.Errorf("%s: an error without %s: %s", code, name, r.body)
		}
		delete(e, name)
	}
	if message == "-" {
		message = ""
	}
	want := map[string]string{"Code": code, "Message": message}
	for i := 0; i+1 < len(pairs); i += 2 {
		if want[pairs[i]] = pairs[i+1]; pairs[i+1] == "*" && e[pairs[i]] != "" {
			want[pairs[i]] = e[pairs[i]]
		}
	}
	if r.status != status || !maps.Equal(e, want) {
		a.Errorf("refused otherwise\n got %d %v\nwant %d %v", r.status, e, status, want)
	}
	if r.header.Get("X-Amz-Request-Id") == "" || r.header.Get("Content-Type") != "application/xml" {
		a.Errorf("%s: headers %v", code, r.header)
	}
}

// elements are those of an error, whichever envelope it is in.
func elements(t testing.TB, r *answer) map[string]string {
	var e struct {
		XMLName xml.Name
		All     []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
			All     []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(r.body, &e); err != nil {
		t.Errorf("no error in XML: %d %v %q", r.status, r.header, r.body)
		return map[string]string{}
	}
	m := map[string]string{}
	for _, x := range e.All {
		if x.XMLName.Local == "Error" {
			for _, y := range x.All {
				m[y.XMLName.Local] = y.Text
			}
			continue
		}
		m[x.XMLName.Local] = x.Text
	}
	return m
}

// head is a fact about an answer without a body, a HEAD's.
func (a aisle) head(r *answer, status int, headers string) *answer {
	a.Helper()
	if len(r.body) > 0 {
		a.Errorf("a body: %q", r.body)
	}
	return a.is(r, status, "", headers)
}

// shapeXML writes the elements of a document: Root{A,B{C}}. Elements that repeat are
// written once, by their different shapes; an empty one is [].
func shapeXML(t testing.TB, doc []byte) string {
	type node struct {
		XMLName xml.Name
		Text    string `xml:",chardata"`
		All     []node `xml:",any"`
	}
	var root node
	if err := xml.Unmarshal(doc, &root); err != nil {
		t.Fatalf("bad XML: %v: %s", err, doc)
	}
	var shape func(node) string
	shape = func(n node) string {
		if len(n.All) == 0 {
			if n.Text == "" {
				return "[]"
			}
			return ""
		}
		kinds := map[string][]string{}
		for _, x := range n.All {
			s := strings.TrimSuffix(strings.TrimPrefix(shape(x), "{"), "}")
			if !slices.Contains(kinds[x.XMLName.Local], s) {
				kinds[x.XMLName.Local] = append(kinds[x.XMLName.Local], s)
			}
		}
		var fields []string
		for name, ks := range kinds {
			slices.Sort(ks)
			switch s := strings.Join(ks, "|"); s {
			case "", "[]":
				fields = append(fields, name+s)
			default:
				fields = append(fields, name+"{"+s+"}")
			}
		}
		slices.Sort(fields)
		return "{" + strings.Join(fields, ",") + "}"
	}
	return canonical(root.XMLName.Local + shape(root))
}

// text is the text of the first element of a name.
func (r *answer) text(name string) string {
	_, rest, ok := strings.Cut(string(r.body), "<"+name+">")
	if !ok {
		return ""
	}
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return strings.NewReplacer("&#34;", `"`, "&quot;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(text)
}

// texts are those of all elements of a name.
func (r *answer) texts(name string) []string {
	var all []string
	for part := range strings.SplitSeq(string(r.body), "<"+name+">") {
		if text, _, ok := strings.Cut(part, "</"+name+">"); ok {
			all = append(all, text)
		}
	}
	return all
}

// holds is a fact about values in a body.
func (a aisle) holds(r *answer, pairs ...string) {
	a.Helper()
	a.facts.Add(1)
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := r.text(pairs[i]); got != pairs[i+1] {
			a.Errorf("%s = %q, want %q: %s", pairs[i], got, pairs[i+1], r.body)
		}
	}
}
