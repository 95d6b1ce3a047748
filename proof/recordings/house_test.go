package recordings

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/sigv4"
)

const home, away = "us-east-1", "ap-southeast-1"

// in is an operation's input; values are what the models call them, []byte is a blob.
type in map[string]any

// list is a list of an input.
type list []any

// house is the server under test and how many facts were compared with it.
type house struct {
	url     string
	account string
	admin   caller
	other   caller // another account's administrator
	clock   *redoubt.Shifted
	http    *http.Client
	facts   *atomic.Int64
}

// caller is somebody's credentials in a region.
type caller struct{ id, secret, token, region string }

// TestRecordings runs every recorded scenario against one server.
func TestRecordings(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{})
	other := s.NewAccount(t)
	tr := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(tr.CloseIdleConnections)
	h := &house{
		url: s.URL, account: s.Admin.ID, clock: s.Clock,
		admin: caller{id: s.Admin.AccessKeyID, secret: s.Admin.Secret, region: home},
		other: caller{id: other.AccessKeyID, secret: other.Secret, region: home},
		http:  &http.Client{Transport: tr, Timeout: time.Minute},
		facts: new(atomic.Int64),
	}
	t.Run("facts", func(t *testing.T) {
		for _, g := range []struct {
			name string
			run  func(*testing.T, *house)
		}{
			{"wire", wire},
			{"kms keys", kmsKeys}, {"kms crypto", kmsCrypto}, {"kms signatures", kmsSignatures},
			{"kms macs", kmsMACs}, {"kms tags", kmsTags}, {"kms imports", kmsImports},
			{"kms rotation", kmsRotation}, {"kms regions", kmsRegions}, {"kms agreement", kmsAgreement},
			{"kms access", kmsAccess},
			{"iam users", iamUsers}, {"iam credentials", iamCredentials}, {"iam groups", iamGroups},
			{"iam roles", iamRoles}, {"iam role tags", iamRoleTags}, {"iam policies", iamPolicies},
			{"iam policy tags", iamPolicyTags}, {"iam documents", iamDocuments},
			{"iam profiles", iamProfiles}, {"iam providers", iamProviders}, {"iam mfa", iamMFA},
			{"iam certificates", iamCertificates}, {"iam account", iamAccount},
			{"iam service roles", iamServiceRoles}, {"iam simulation", iamSimulation},
			{"sts", stsSessions}, {"cloudtrail", trailEvents}, {"cloudtrail trails", trails}, {"cloudtrail selectors", trailSelectors},
			{"ssm parameters", ssmParameters}, {"ssm put", ssmPut}, {"ssm secure", ssmSecure}, {"ssm versions", ssmVersions}, {"ssm lists", ssmLists},
			{"secrets", secretsLife}, {"secrets deletion", secretsDeletion}, {"secret versions", secretVersions}, {"secret labels", secretLabels},
			{"secret tokens", secretTokens}, {"secret tags", secretTags}, {"secret lists", secretLists}, {"secret words", secretWords},
			{"secret policies", secretPolicies}, {"secret replicas", secretReplicas}, {"secrets abroad", secretsAbroad}, {"secret rotation", secretRotation},
			{"lambda functions", lambdaFunctions}, {"lambda names", lambdaNames}, {"lambda refusals", lambdaRefusals},
			{"lambda lists", lambdaLists}, {"lambda versions", lambdaVersions}, {"lambda revisions", lambdaRevisions},
			{"lambda aliases", lambdaAliases}, {"lambda permissions", lambdaPermissions}, {"lambda tags", lambdaTags},
			{"lambda urls", lambdaURLs}, {"lambda event configs", lambdaEventConfigs}, {"lambda concurrency", lambdaConcurrency},
			{"lambda signing", lambdaSigning}, {"lambda invoke", lambdaInvoke}, {"lambda visits", lambdaVisits}, {"lambda logs", lambdaLogs}, {"lambda destinations", lambdaDestinations}, {"lambda layers", lambdaLayers}, {"log groups", logGroups}, {"log streams", logStreams}, {"log events", logEvents},
		} {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				g.run(t, h)
			})
		}
	})
	t.Logf("%d recorded facts compared", h.facts.Load())
}

// protocols says how each service's operations are named on the wire.
var protocols = map[string]struct{ target, version string }{
	"kms":            {target: "TrentService"},
	"cloudtrail":     {target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"},
	"ssm":            {target: "AmazonSSM"},
	"logs":           {target: "Logs_20140328"},
	"secretsmanager": {target: "secretsmanager"},
	"iam":            {version: "2010-05-08"},
	"sts":            {version: "2011-06-15"},
}

// request is a signed request for an operation, "kms:CreateKey".
func (h *house) request(t testing.TB, c caller, action string, input in) *http.Request {
	t.Helper()
	service, operation, _ := strings.Cut(action, ":")
	if svc, o := restOperation(action); o != nil {
		return h.restRequest(t, c, svc, o, input)
	}
	p := protocols[service]
	header := http.Header{}
	var body []byte
	if p.target != "" {
		header.Set("Content-Type", "application/x-amz-json-1.1")
		header.Set("X-Amz-Target", p.target+"."+operation)
		if input == nil {
			input = in{}
		}
		body, _ = json.Marshal(input) // []byte becomes base64
	} else {
		form := url.Values{"Action": {operation}, "Version": {p.version}}
		fill(form, "", input)
		header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		body = []byte(form.Encode())
	}
	return h.signed(t, c, service, "POST", "/", header, body)
}

// signed is a signed request of any form.
func (h *house) signed(t testing.TB, c caller, service, method, path string, header http.Header, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	if c.id != "" {
		region := c.region
		if region == "" || service == "iam" {
			region = home
		}
		signer := sigv4.Signer{AccessKeyID: c.id, Secret: c.secret, SessionToken: c.token, Region: region, Service: service}
		signer.Sign(r, body, time.Now())
	}
	return r
}

// fill writes an input as a form of the query protocol.
func fill(form url.Values, name string, v any) {
	switch v := v.(type) {
	case in:
		for k, x := range v {
			fill(form, strings.TrimPrefix(name+"."+k, "."), x)
		}
	case list:
		if len(v) == 0 {
			form.Set(name, "")
		}
		for i, x := range v {
			fill(form, fmt.Sprintf("%s.member.%d", name, i+1), x)
		}
	case []byte:
		form.Set(name, base64.StdEncoding.EncodeToString(v))
	case nil:
	default:
		form.Set(name, fmt.Sprint(v))
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	// result is the body: of the query protocol what <OpResult> holds.
	result any
}

func (h *house) do(t testing.TB, r *http.Request) *answer {
	t.Helper()
	resp, err := h.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, body: body}
	if bytes.HasPrefix(body, []byte("<")) {
		a.result = readXML(t, body)
	} else if len(body) > 0 {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&a.result); err != nil {
			t.Fatalf("answer is neither XML nor JSON: %q", body)
		}
	}
	return a
}

// scene is a caller at work in a test.
type scene struct {
	testing.TB
	h      *house
	caller caller
}

func (h *house) scene(t testing.TB) scene { return scene{t, h, h.admin} }

func (s scene) as(c caller) scene {
	if c.region == "" {
		c.region = s.caller.region
	}
	s.caller = c
	return s
}

func (s scene) from(region string) scene { s.caller.region = region; return s }

// must calls for what has to succeed and is no fact itself.
func (s scene) must(action string, input in) *answer {
	s.Helper()
	a := s.h.do(s, s.h.request(s, s.caller, action, input))
	if !succeeded(action, a.status) {
		s.Fatalf("%s: %d %s", action, a.status, a.body)
	}
	return a
}

// ok is a fact: the call succeeds and its answer has exactly these fields, written
// as `Role{Arn,Path,Tags[Key,Value]},Marker`; an empty list is `Tags[]`.
func (s scene) ok(action string, input in, fields string) *answer {
	s.Helper()
	s.h.facts.Add(1)
	a := s.must(action, input)
	s.fields(action, a, fields)
	return a
}

func (s scene) fields(action string, a *answer, fields string) {
	s.Helper()
	if want, got := canonical(fields), shape(a.result); want != got {
		s.Errorf("%s answers other fields\n got %s\nwant %s", action, got, want)
	}
}

// fails is a fact: the call is refused like this. Message "-" stands for none at all,
// "?" for one that nobody recorded.
func (s scene) fails(action string, input in, status int, code, message string) {
	s.Helper()
	s.h.facts.Add(1)
	s.refused(action, s.h.do(s, s.h.request(s, s.caller, action, input)), status, code, message)
}

func (s scene) refused(what string, a *answer, status int, code, message string) {
	s.Helper()
	gotCode, gotMessage := a.str("__type"), a.str("message")
	_, spelled := a.at("message")
	if text, ok := a.at("Message"); ok { // the front's own refusals
		gotMessage, spelled = fmt.Sprint(text), true
	}
	if bytes.HasPrefix(a.body, []byte("<")) {
		gotCode, gotMessage = a.str("Error.Code"), a.str("Error.Message")
		_, spelled = a.at("Error.Message")
		if kind := a.str("Error.Type"); kind != "Sender" && a.status < 500 {
			s.Errorf("%s: error type %q", what, kind)
		}
		if a.str("RequestId") == "" {
			s.Errorf("%s: an error without RequestId", what)
		}
	} else if typed := a.header.Get("X-Amzn-Errortype"); typed != "" && gotCode == "" {
		gotCode = typed // as services of paths tell it
	} else if typed != "" && typed != gotCode {
		s.Errorf("%s: header says %s, body %s", what, typed, gotCode)
	}
	if a.status != status || gotCode != code {
		s.Errorf("%s: got %d %s (%s), want %d %s (%s)", what, a.status, gotCode, gotMessage, status, code, message)
		return
	}
	switch message {
	case "?":
	case "-":
		if spelled {
			s.Errorf("%s: %s carries a message: %q", what, code, gotMessage)
		}
	default:
		if !sameText(gotMessage, message) {
			s.Errorf("%s: %s\n got %s\nwant %s", what, code, gotMessage, message)
		}
	}
}

// at is the value at a path as Role.Arn or Tags.0.Key.
func (a *answer) at(path string) (any, bool) {
	v := a.result
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[name]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func (a *answer) str(path string) string {
	v, ok := a.at(path)
	if !ok || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (a *answer) blob(t testing.TB, path string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(a.str(path))
	if err != nil || len(b) == 0 {
		t.Fatalf("%s is no blob: %q", path, a.str(path))
	}
	return b
}

// wants compares values.
func (s scene) wants(a *answer, values map[string]string) {
	s.Helper()
	for path, want := range values {
		if got := a.str(path); got != want {
			s.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

// readXML reads an answer of the query protocol: the result, or the error with its
// request's id. Elements named member are lists; empty ones are empty.
func readXML(t testing.TB, body []byte) any {
	d := xml.NewDecoder(bytes.NewReader(body))
	var read func() any
	read = func() any {
		var names []string
		var values []any
		var text strings.Builder
		for {
			tok, err := d.Token()
			if err != nil {
				t.Fatalf("bad XML: %v: %s", err, body)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				names = append(names, tok.Name.Local)
				values = append(values, read())
			case xml.CharData:
				text.Write(tok)
			case xml.EndElement:
				if len(names) == 0 {
					return text.String()
				}
				if names[0] == "member" {
					return values
				}
				m := map[string]any{}
				for i, n := range names {
					m[n] = values[i]
				}
				return m
			}
		}
	}
	for {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("bad XML: %v: %s", err, body)
		}
		if root, ok := tok.(xml.StartElement); ok {
			v, _ := read().(map[string]any)
			if result, ok := v[strings.TrimSuffix(root.Name.Local, "Response")+"Result"]; ok {
				return result
			}
			if _, failed := v["Error"]; !failed {
				delete(v, "ResponseMetadata") // an answer without members
			}
			return v
		}
	}
}

// mapEntries are the key/value pairs of a map in XML, in order.
func mapEntries(body []byte) (pairs [][2]string) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var at string
	var key string
	for {
		tok, err := d.Token()
		if err != nil {
			return pairs
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			at = tok.Name.Local
		case xml.CharData:
			switch at {
			case "key":
				key = string(tok)
			case "value":
				pairs = append(pairs, [2]string{key, string(tok)})
			}
		case xml.EndElement:
			at = ""
		}
	}
}
