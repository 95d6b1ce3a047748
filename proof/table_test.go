package proof

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

// spelling is how a family of services answers what is wrong with a caller.
// Source: facts measured on AWS by others, see docs/security-tests.md.
type spelling struct {
	denied, missing, unknown, invalid string
	deniedStatus, status              int
}

func spellingOf(svc *schema.Service) spelling {
	switch protocolOf(svc) {
	case schema.RESTXML:
		return spelling{"AccessDenied", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", 403, 403}
	case schema.Query:
		return spelling{"AccessDenied", "MissingAuthenticationToken", "InvalidClientTokenId", "SignatureDoesNotMatch", 403, 403}
	case schema.RESTJSON:
		return spelling{"AccessDeniedException", "MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException", 403, 403}
	}
	return spelling{"AccessDeniedException", "MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException", 400, 400}
}

// earlier are the operations that refuse a valid request of a caller without
// rights before they look at rights, with the code, and why AWS does so too.
var earlier = map[string]struct{ code, why string }{}

// worded are operations whose refusal AWS words unlike all others.
var worded = map[string]string{
	"kms:Decrypt":   "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
	"kms:ReEncrypt": "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
}

// TestNobody: a user whom no policy mentions is refused, with the code of the
// service and in the same words whether what they ask for exists or not.
func TestNobody(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	eachRow(t, func(t *testing.T, row *op.Operation) {
		svc, o := row.Service, row.Schema
		name := svc.Name + ":" + o.Name
		if row.Access != op.Authorized {
			return
		}
		want := spellingOf(svc)
		for what, s := range map[string]samples{"made-up": valid(svc.Name), "real": h.fixtures(t, svc.Name, o.Name)} {
			b := builder{svc: svc, samples: s}
			in := b.input(o)
			a := h.send(encode(svc, o, in), h.nobody, signing{})
			if e, ok := earlier[name]; ok && what == "made-up" {
				if a.code != e.code {
					t.Errorf("%s, %s: %v, want %s: %s", name, what, a, e.code, e.why)
				}
				continue
			}
			if name == "s3:DeleteObjects" && what == "real" { // refuses each object by itself
				if !strings.Contains(string(a.body), "<Code>AccessDenied</Code>") || strings.Contains(string(a.body), "<Deleted>") {
					t.Errorf("%s: %s", name, a.body)
				}
				continue
			}
			if o.Method == "HEAD" { // has no body to say it in
				if a.status != want.deniedStatus {
					t.Errorf("%s, %s: %v, want %d", name, what, a, want.deniedStatus)
				}
				continue
			}
			if a.code != want.denied || a.status != want.deniedStatus {
				t.Errorf("%s, %s: %v, want %s %d\n%v", name, what, a, want.denied, want.deniedStatus, in)
			} else if !strings.Contains(a.message, "user/nobody is not authorized to perform") && a.message != worded[name] {
				t.Errorf("%s, %s: %v: does not say who may not do what", name, what, a)
			}
		}
	})
	h.log.quiet(t)
}

// TestStrangers: requests that are not signed, or wrongly, are refused before
// anything else about them is looked at.
func TestStrangers(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	elsewhere := func(svc *schema.Service) string {
		if svc.SigningName == "kms" {
			return "iam"
		}
		return "kms"
	}
	eachRow(t, func(t *testing.T, row *op.Operation) {
		svc, o := row.Service, row.Schema
		if row.Access == op.NoAuth {
			return
		}
		s := spellingOf(svc)
		if svc.SigningName == "s3" {
			h.s3Strangers(t, svc, o)
			return
		}
		r := encode(svc, o, (&builder{svc: svc}).input(o))
		expect := func(what string, a *answer, status int, codes ...string) {
			t.Helper()
			if !slices.Contains(codes, a.code) || a.status != status {
				t.Errorf("%s:%s, %s: %v, want %d %v", svc.Name, o.Name, what, a, status, codes)
			}
		}
		expect("unsigned", h.send(r, credential{}, signing{none: true}), s.status, s.missing)
		expect("unknown key", h.send(r, credential{id: "AKIAIOSFODNN7EXAMPLE", secret: h.admin.secret}, signing{}), s.status, s.unknown)
		expect("wrong secret", h.send(r, credential{id: h.admin.id, secret: strings.Repeat("x", 40)}, signing{}), s.status, s.invalid)
		expect("other's secret", h.send(r, credential{id: h.admin.id, secret: h.nobody.secret}, signing{}), s.status, s.invalid)
		expect("an hour late", h.send(r, h.admin, signing{at: time.Now().Add(-time.Hour)}), s.status, s.invalid)
		expect("an hour early", h.send(r, h.admin, signing{at: time.Now().Add(time.Hour)}), s.status, s.invalid)
		expect("another body", h.send(r, h.admin, signing{spoil: func(q *httpRequest) { setBody(q, append(slices.Clone(r.body), ' ')) }}), s.status, s.invalid)
		expect("another target", h.send(r, h.admin, signing{spoil: func(q *httpRequest) { q.URL.RawQuery = join(q.URL.RawQuery, "zz=1") }}), s.status, s.invalid)
		expect("a header more", h.send(r, h.admin, signing{spoil: func(q *httpRequest) { q.Header.Set("X-Amz-Extra", "1") }}), s.status, s.invalid)
		if o.NoAuth {
			return // the model does not sign it: what it reaches answers for itself
		}
		// The service's own host name: then nothing of the scope decides where the
		// request goes.
		at := *r
		at.host = svc.EndpointPrefix + "." + home + ".localhost"
		if !svc.Global {
			expect("wrong region", h.send(&at, h.admin, signing{region: "eu-west-1"}), s.status, s.invalid)
		}
		a := h.send(&at, h.admin, signing{service: elsewhere(svc)})
		if a.status/100 != 4 || a.ok() {
			t.Errorf("%s:%s, wrong service: %v", svc.Name, o.Name, a)
		}
		if protocolOf(svc) == schema.JSON { // the target says the service, whatever the scope
			expect("wrong service", a, s.status, s.invalid)
		}
	})
	h.log.quiet(t)
}

// TestMadeInputs is the control of the tests around it: most of what the
// generator makes is what operations take.
func TestMadeInputs(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	var taken, rows atomic.Int64
	eachRow(t, func(t *testing.T, row *op.Operation) {
		svc, o := row.Service, row.Schema
		b := builder{svc: svc, samples: h.fixtures(t, svc.Name, o.Name)}
		a := h.send(encode(svc, o, b.input(o)), h.admin, signing{})
		rows.Add(1)
		if a.ok() {
			taken.Add(1)
		} else {
			t.Logf("%s:%s: %v", svc.Name, o.Name, a)
		}
		if a.code == "SerializationException" || a.code == "MalformedInput" {
			t.Errorf("%s:%s: %v", svc.Name, o.Name, a)
		}
	})
	t.Logf("%d of %d operations take their made input", taken.Load(), rows.Load())
	if taken.Load()*3 < rows.Load()*2 {
		t.Errorf("only %d of %d operations take their made input", taken.Load(), rows.Load())
	}
	h.log.quiet(t)
}

// TestGarbage: whatever stands in a field, the answer is one that the model or
// the protocol knows, and soon.
func TestGarbage(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	counts := make([]int, len(table))
	t.Run("rows", func(t *testing.T) {
		for i := range table {
			t.Run(table[i].Model.Name, func(t *testing.T) {
				t.Parallel()
				for k := range table[i].Operations {
					row := &table[i].Operations[k]
					if skip := reckless[row.Service.Name+":"+row.Schema.Name]; skip == "" {
						counts[i] += h.litter(t, row)
					}
				}
			})
		}
	})
	for i, n := range counts {
		t.Logf("%s: %d requests", table[i].Model.Name, n)
	}
	h.log.quiet(t)
	if a := h.get("/_redoubt/health"); a.status != 200 {
		t.Errorf("afterwards the server is not well: %v %s", a, a.body)
	}
}

// reckless are operations that garbage must not reach as an administrator,
// because what they then do ends the test.
var reckless = map[string]string{}

// taken are operations that take what looks like garbage, and why AWS does too.
var taken = map[string]string{
	"lambda:CreateAlias":      "a name may begin with a hyphen",
	"lambda:Invoke":           "the payload is the function's business",
	"s3:PutObject":            "objects are any bytes",
	"s3:UploadPart":           "objects are any bytes",
	"s3control:UntagResource": "keys that are not there are passed over",
}

// litter sends an operation with garbage in every field, one at a time.
func (h *house) litter(t *testing.T, row *op.Operation) (sent int) {
	svc, o := row.Service, row.Schema
	b := &builder{svc: svc, samples: h.fixtures(t, svc.Name, o.Name)}
	known := knownCodes(svc)
	failures := 0
	try := func(what string, r *request, must bool) {
		sent++
		a := h.send(r, h.admin, signing{})
		for n := 0; a.err != nil && len(r.body) >= 2<<20 && n < 30; n++ {
			// The server answers and hangs up before it has read all of that; whether
			// the client sees the answer before it notices is a matter of chance.
			a = h.send(r, h.admin, signing{})
		}
		problem := ""
		switch {
		case a.err != nil:
			problem = "no answer"
		case a.status == http.StatusRequestHeaderFieldsTooLarge:
			// net/http's own, before anything of ours
		case a.status == http.StatusNotImplemented && strings.HasPrefix(a.code, "NotImplemented"):
			// a part of the operation that only AWS can do, or a setting that is missing
		case a.status >= 500:
			problem = "a fault"
		case a.took > 10*time.Second:
			problem = fmt.Sprint("took ", a.took)
		case a.ok() && must && taken[svc.Name+":"+o.Name] == "":
			problem = "accepted"
		case a.status == http.StatusNotModified: // a condition that does not hold
		case !a.ok() && !known[a.code] && (a.code != "" || r.method != http.MethodHead):
			problem = "a code that neither model nor protocol knows"
		}
		if problem != "" {
			if failures++; failures <= 8 {
				body := r.body
				if len(body) > 400 {
					body = body[:400]
				}
				t.Errorf("%s:%s, %s: %s: %v\n%s %s?%s %s", svc.Name, o.Name, what, problem, a, r.method, r.path, r.query, body)
			}
		}
	}
	text := protocolOf(svc) != schema.JSON
	for _, p := range fields(svc, o.Input) {
		last := p[len(p)-1]
		where := schema.Body
		if last.member != nil {
			where = last.member.Location
		}
		for _, g := range garbageFor(svc.At(last.shape), last.member != nil && last.member.Has(schema.Required)) {
			asText := text && (protocolOf(svc) != schema.RESTJSON || where != schema.Body)
			switch {
			case asText && g.text == "" && g.what != "empty", !asText && g.json == "":
				continue
			case g.twice && (last.member == nil || asText && where != schema.Body),
				last.key && (g.text == "" || g.parts || g.twice),
				where == schema.URI && g.text == "": // another path
				continue
			case asText && (where != schema.Body || p[0].member != nil && p[0].member.Location != schema.Body):
				g.must = false // headers and paths carry what they can
			case asText && g.what == "empty" && svc.At(last.shape).Kind != schema.String:
				g.must = false // an absent one, in a form
			}
			if last.key {
				g.must = g.must && !fits(svc.At(last.shape), g.text)
			}
			in := b.put(o.Input, b.input(o), p, g)
			try(fmt.Sprintf("%v is %s", p, g.what), encode(svc, o, in), g.must)
		}
	}
	r := encode(svc, o, b.input(o))
	switch protocolOf(svc) {
	case schema.JSON, schema.RESTJSON:
		if len(r.body) == 0 {
			break
		}
		for _, body := range bodies {
			q := *r
			q.body = []byte(body)
			try(fmt.Sprintf("body %.20q", body), &q, false)
		}
	case schema.Query:
		for _, more := range forms {
			q := *r
			q.body = append(slices.Clone(r.body), more...)
			try(fmt.Sprintf("form with %.20q", more), &q, false)
		}
	}
	q := *r
	q.body = append(slices.Clone(r.body), strings.Repeat(" ", 2<<20)...)
	try("two megabytes", &q, row.MaxBody == 0)
	q = *r
	q.header = r.header.Clone()
	q.header.Set("Content-Encoding", "gzip")
	// S3 keeps an encoding with the object and undoes none.
	try("not gzip", &q, len(r.body) > 0 && svc.SigningName != "s3")
	return sent
}

// commonCodes are those that every service answers.
var commonCodes = []string{
	"SerializationException", "ValidationException", "ValidationError", "MalformedInput", "MalformedQueryString", "InvalidParameterValue",
	"RequestEntityTooLarge", "AccessDenied", "AccessDeniedException", "InvalidAction", "UnknownOperationException", "UnsupportedContentEncoding",
	"ThrottlingException", "Throttling", "InvalidParameterCombination", "MissingParameter",
}

func knownCodes(svc *schema.Service) map[string]bool {
	known := map[string]bool{}
	for _, c := range commonCodes {
		known[c] = true
	}
	// Operations answer more of their service's errors than the models list under
	// them: KMS's InvalidArnException from CreateAlias, for one.
	for i := range svc.Shapes {
		if sh := &svc.Shapes[i]; sh.Has(schema.Exception) {
			known[sh.Name] = true
			known[sh.Code] = true
		}
	}
	for c := range maps.Keys(unmodelled[svc.Name]) {
		known[c] = true
	}
	delete(known, "")
	return known
}

// unmodelled are codes that a service answers although its model does not list
// them, by service, with the reason.
var unmodelled = map[string]map[string]string{
	"redoubt":   {"NotFoundException": "ExplainAccess asks KMS about a key and passes its refusal on"},
	"s3":        s3Codes,
	"s3control": s3Codes,
}
