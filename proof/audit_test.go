package proof

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

// record is what the tests read of an audit event.
type record struct {
	EventSource, EventName, ErrorCode, ErrorMessage, RequestID, EventID string
	ReadOnly                                                            bool
	RequestParameters, ResponseElements                                 json.RawMessage
	UserIdentity                                                        struct{ Arn, AccountId string }
	text                                                                string
}

// events reads the newest pages of the audit log of the administrator's account,
// over the API; all of it if pages is 0.
func (e *endpoint) events(t testing.TB, by credential, pages int) []*record {
	t.Helper()
	var list []*record
	in := object{}
	for n := 1; ; n++ {
		a := e.call(&cloudtrailapi.Model, "LookupEvents", in, by)
		if !a.ok() {
			t.Fatal(a)
		}
		var page struct {
			Events    []struct{ CloudTrailEvent string }
			NextToken string
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			r := &record{text: e.CloudTrailEvent}
			if err := json.Unmarshal([]byte(e.CloudTrailEvent), r); err != nil {
				t.Fatalf("%v: %s", err, e.CloudTrailEvent)
			}
			list = append(list, r)
		}
		if page.NextToken == "" || n == pages {
			return list
		}
		in = object{"NextToken": page.NextToken}
	}
}

// settle waits until the log holds the event of a request that was the last one,
// and answers the log.
func (e *endpoint) settle(t testing.TB, by credential, requestID string) []*record {
	t.Helper()
	redoubttest.Eventually(t, func() error {
		for _, r := range e.events(t, by, 2) {
			if r.RequestID == requestID {
				return nil
			}
		}
		return fmt.Errorf("no event of request %s", requestID)
	})
	return e.events(t, by, 0)
}

// sent is a call and what its event has to say.
type sent struct {
	row    *op.Operation
	answer *answer
	by     credential
}

// TestEveryCallIsRecorded: one event for each call, refused or not, that says
// what was asked and how it ended.
func TestEveryCallIsRecorded(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	var mu sync.Mutex
	calls := map[string]sent{}
	note := func(row *op.Operation, a *answer, by credential) {
		mu.Lock()
		defer mu.Unlock()
		calls[a.requestID()] = sent{row, a, by}
	}
	eachRow(t, func(t *testing.T, row *op.Operation) {
		svc, o := row.Service, row.Schema
		if row.Access == op.NoAuth {
			return // nobody's account has the event of a caller that proved nothing
		}
		if row.IsData {
			return // kept only where a trail selects data events
		}
		r := encode(svc, o, (&builder{svc: svc, samples: h.fixtures(t, svc.Name, o.Name)}).input(o))
		note(row, h.send(r, h.nobody, signing{}), h.nobody)
		note(row, h.send(r, h.admin, signing{}), h.admin)
		if o.Input != schema.None && len(svc.At(o.Input).Members) > 0 {
			bad := h.send(encode(svc, o, (&builder{svc: svc}).input(o)), h.admin, signing{}) // names what is not there
			note(row, bad, h.admin)
		}
	})
	last := h.call(&cloudtrailapi.Model, "LookupEvents", object{}, h.admin)
	count := map[string]int{}
	for _, r := range h.settle(t, h.admin, last.header.Get("X-Amzn-Requestid")) {
		c, ok := calls[r.RequestID]
		if !ok {
			continue
		}
		name := c.row.Service.Name + ":" + c.row.Schema.Name
		if r.EventName != c.row.Schema.Name || r.EventSource != c.row.Service.EventSource {
			continue // a call that the service made on the way, under the same request
		}
		count[r.RequestID]++
		code := c.answer.code
		if code == "AccessDeniedException" {
			code = "AccessDenied"
		}
		switch {
		case r.ErrorCode != code && c.row.Schema.Method == "HEAD" && c.answer.status >= 400 && code == "": // answers without a body have none
		case r.ErrorCode != code:
			t.Errorf("%s: the event says %q, the answer %v", name, r.ErrorCode, c.answer)
		case c.answer.code != "" && r.ErrorMessage != c.answer.message && !strings.HasPrefix(c.answer.message, "{"):
			t.Errorf("%s: the event says %q, the answer %v", name, r.ErrorMessage, c.answer)
		case r.ReadOnly != c.row.ReadOnly:
			t.Errorf("%s: readOnly is %v", name, r.ReadOnly)
		case r.ReadOnly && string(r.ResponseElements) != "null":
			t.Errorf("%s: reads, and its event holds the answer", name)
		case (c.by == h.nobody) != strings.HasSuffix(r.UserIdentity.Arn, "user/nobody"):
			t.Errorf("%s: the event's caller is %s", name, r.UserIdentity.Arn)
		}
	}
	for id, c := range calls {
		if count[id] != 1 {
			t.Errorf("%s:%s: %d events of a call that ended in %v", c.row.Service.Name, c.row.Schema.Name, count[id], c.answer)
		}
	}
	t.Logf("%d calls, each with its event", len(calls))
	h.log.quiet(t)
}

// quoting are the secret members that AWS's refusals quote, to their sender alone.
var quoting = []string{"lambda:Invoke Payload", "lambda:InvokeAsync InvokeArgs", "lambda:InvokeWithResponseStream Payload"}

// Security requirement 6: what a row does not list is in no event, and what is
// secret in no event, no log and no error text either. Every text and blob of
// every operation carries a marker of its own; what services hand out that the
// models call sensitive is looked for as well.
func TestNothingSecretIsRecorded(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	ms := &markers{all: map[string]*marker{}}
	var mu sync.Mutex
	var handed []handedOut
	keep := func(row *op.Operation, a *answer) {
		mu.Lock()
		defer mu.Unlock()
		if a.err != nil {
			t.Errorf("%s: %v", row.Schema.Name, a)
			return
		}
		for _, m := range ms.find(a.message) {
			if m.secret() && !a.ok() && !(m.row == row && slices.Contains(quoting, m.String())) {
				t.Errorf("%v: repeated in an error: %v", m, a)
			}
		}
		if a.ok() {
			handed = append(handed, secretsIn(row, a)...)
		}
	}
	eachRow(t, func(t *testing.T, row *op.Operation) {
		svc, o := row.Service, row.Schema
		if o.Input == schema.None {
			return
		}
		real := h.fixtures(t, svc.Name, o.Name)
		b := &builder{svc: svc, samples: real}
		planted := func(p path, sh *schema.Shape, keepSamples bool) (any, bool) {
			var sample any
			if m := p[len(p)-1].member; m != nil {
				sample, _ = real(o.Name, m.Name)
			}
			if s, ok := sample.(string); keepSamples && sample != nil && !(ok && strings.Contains(s, `"Effect"`)) {
				return nil, false
			}
			return ms.plant(row, p, sh, sample)
		}
		callers := []credential{h.admin, h.nobody}
		for _, p := range fields(svc, o.Input) {
			sh := svc.At(p[len(p)-1].shape)
			if sh.Kind != schema.String && sh.Kind != schema.Blob {
				continue
			}
			for _, c := range callers[:1] {
				if v, ok := planted(p, sh, false); ok {
					keep(row, h.send(encode(svc, o, b.put(o.Input, b.input(o), p, v)), c, signing{}))
				}
			}
		}
		for _, c := range callers {
			full := &builder{svc: svc, samples: real}
			full.plant = func(p path, sh *schema.Shape) (any, bool) {
				if len(p) == 0 {
					return nil, false
				}
				return planted(p, sh, true)
			}
			keep(row, h.send(encode(svc, o, full.input(o)), c, signing{}))
		}
		keep(row, h.send(encode(svc, o, b.input(o)), h.admin, signing{}))
	})

	// What the search must find, so that finding nothing means something.
	control := ms.control(t, h)
	last := h.call(&cloudtrailapi.Model, "LookupEvents", object{}, h.admin)

	var everything strings.Builder
	seen := map[string]bool{}
	for _, r := range h.settle(t, h.admin, last.header.Get("X-Amzn-Requestid")) {
		everything.WriteString(r.text + "\n")
		for _, m := range ms.find(string(r.RequestParameters) + string(r.ResponseElements)) {
			seen[m.text] = true
			switch {
			case m.secret():
				t.Errorf("%v: secret, and in an event: %.600s", m, r.text)
			case !m.listed():
				t.Errorf("%v: not listed, and in an event: %.600s", m, r.text)
			}
		}
		for _, m := range ms.find(r.text) {
			if m.secret() {
				t.Errorf("%v: secret, and in an event: %.600s", m, r.text)
			}
		}
	}
	logged := h.log.text()
	for _, m := range ms.find(logged) {
		if m.secret() {
			t.Errorf("%v: secret, and in the log", m)
		}
	}
	everything.WriteString(logged)
	for _, m := range ms.findEncoded(everything.String()) {
		t.Errorf("%v: encoded, in an event or in the log", m)
	}
	members := map[string]bool{}
	for _, s := range handed {
		members[s.member] = true
		for i, f := range spellings([]byte(s.value)) {
			if strings.Contains(everything.String(), string(f)) {
				t.Errorf("%s:%s answered %s, and it is in an event or in the log (spelling %d)", s.row.Service.Name, s.row.Schema.Name, s.member, i)
			}
		}
	}

	planted, secret, hidden := 0, 0, ""
	for _, m := range ms.all {
		if m != nil {
			planted++
			if m.secret() {
				secret++
				hidden = m.text
			}
		}
	}
	for _, m := range []string{"SecretAccessKey", "SessionToken", "GrantToken", "Plaintext", "PrivateKeyPlaintext", "Base32StringSeed"} {
		if !members[m] {
			t.Errorf("no %s was handed out: its search proves nothing", m)
		}
	}
	if enc := base64.StdEncoding.EncodeToString([]byte("of " + hidden + "!")); !slices.ContainsFunc(ms.findEncoded(enc), func(m *marker) bool { return m.text == hidden }) {
		t.Error("the search does not see a marker in base64")
	}
	t.Logf("%d markers planted, %d of them in secret places; %d seen in events; %d secrets handed out", planted, secret, len(seen), len(handed))
	if !seen[control] || len(seen) < 300 || secret < 60 || len(handed) < 20 {
		t.Errorf("the search sees too little to mean anything: control %v, %d of %d markers in events, %d in secret places, %d secrets handed out", seen[control], len(seen), planted, secret, len(handed))
	}
	h.log.quiet(t)
}

// control makes a call whose marker must be in its event.
func (ms *markers) control(t *testing.T, h *house) string {
	var row *op.Operation
	for i := range table {
		for k := range table[i].Operations {
			if r := &table[i].Operations[k]; r.Service == &kmsapi.Model && r.Schema.Name == "CreateAlias" {
				row = r
			}
		}
	}
	in := svcMember(&kmsapi.Model, row.Schema.Input, "AliasName")
	v, _ := ms.plant(row, path{in}, kmsapi.Model.At(in.shape), nil)
	alias := "alias/" + strings.TrimPrefix(v.(string), "alias/")
	h.must(t, &kmsapi.Model, "CreateAlias", object{"AliasName": alias, "TargetKeyId": h.key(t)}, h.admin)
	return strings.TrimPrefix(alias, "alias/")
}

func svcMember(svc *schema.Service, i schema.Index, name string) step {
	sh := svc.At(i)
	k := slices.IndexFunc(sh.Members, func(m schema.Member) bool { return m.Name == name })
	return step{member: &sh.Members[k], shape: sh.Members[k].Shape}
}

// handedOut is a secret in an answer.
type handedOut struct {
	row    *op.Operation
	member string
	value  string
}

// secretsIn are the secret texts of an answer.
func secretsIn(row *op.Operation, a *answer) []handedOut {
	var list []handedOut
	svc := row.Service
	if row.Schema.Output == schema.None {
		return nil
	}
	var walk func(i schema.Index, name string, v any, secret bool)
	walk = func(i schema.Index, name string, v any, secret bool) {
		sh := svc.At(i)
		secret = secret || sh.Has(schema.Sensitive) || slices.Contains(unmarked, name)
		switch sh.Kind {
		case schema.Structure:
			for k := range sh.Members {
				m := &sh.Members[k]
				if x, ok := child(v, m.WireName()); ok {
					walk(m.Shape, m.Name, x, secret || m.Has(schema.Sensitive))
				}
			}
		case schema.List:
			if x, ok := child(v, "member"); ok {
				v = x
			}
			l, ok := v.([]any)
			if !ok {
				l = []any{v}
			}
			for _, x := range l {
				walk(sh.Elem, name, x, secret)
			}
		case schema.String, schema.Blob:
			if s, ok := v.(string); ok && secret && len(s) >= 16 {
				list = append(list, handedOut{row, name, s})
			}
		}
	}
	walk(row.Schema.Output, "", map[string]any(a.fields()), false)
	return list
}

// child is a named part of an answer.
func child(v any, name string) (any, bool) {
	switch m := v.(type) {
	case tree:
		x, ok := m[name]
		return x, ok
	case map[string]any:
		x, ok := m[name]
		return x, ok
	}
	return nil, false
}
