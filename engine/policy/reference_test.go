package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// A second evaluator, as naive as can be: it reads the JSON anew for every
// question, keeps the context in a map, turns wildcards into regular expressions
// and states the verdict as one formula. It shares nothing with the package but
// the types of a Request.
type naive struct {
	r       *Request
	context map[string][]string
}

func newNaive(r *Request) naive {
	c := map[string][]string{}
	set := func(k, v string) {
		if v != "" {
			c[k] = []string{v}
		}
	}
	p := r.Call.Principal
	if p.Kind == redoubt.User {
		set("aws:username", p.Name)
	}
	set("aws:principalaccount", p.Account)
	set("aws:sourceip", r.Call.Source.IP)
	if p.Kind == redoubt.Service {
		delete(c, "aws:sourceip")
	}
	set("aws:securetransport", strconv.FormatBool(r.Call.Source.TLS || p.Kind == redoubt.Service))
	set("aws:currenttime", r.Call.Time.Format(time.RFC3339))
	for k, v := range p.Tags {
		set("aws:principaltag/"+k, v)
	}
	for k, v := range r.Need.Conditions {
		if len(v) > 0 {
			c[strings.ToLower(k)] = v
		}
	}
	return naive{r, c}
}

func listOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, x.(string))
		}
		return out
	}
	return nil
}

// glob matches with wildcards; the text between ${ and } is replaced first.
func (n naive) glob(pattern, text string, wildcards, fold bool) (matched, known bool) {
	var re strings.Builder
	re.WriteString("(?s)^")
	if fold {
		re.Reset()
		re.WriteString("(?si)^")
	}
	for len(pattern) > 0 {
		if strings.HasPrefix(pattern, "${") {
			name, rest, _ := strings.Cut(pattern[2:], "}")
			pattern = rest
			name, other, hasElse := strings.Cut(name, ", ")
			values := n.context[strings.ToLower(name)]
			switch {
			case name == "*":
				re.WriteString(`\*`)
			case len(values) == 1:
				re.WriteString(regexp.QuoteMeta(values[0]))
			case len(values) == 0 && hasElse:
				re.WriteString(regexp.QuoteMeta(strings.Trim(other, "'")))
			default:
				return false, false
			}
			continue
		}
		c := pattern[:1]
		pattern = pattern[1:]
		switch {
		case wildcards && c == "*":
			re.WriteString(".*")
		case wildcards && c == "?":
			re.WriteString(".")
		default:
			re.WriteString(regexp.QuoteMeta(c))
		}
	}
	re.WriteString("$")
	return regexp.MustCompile(re.String()).MatchString(text), true
}

func (n naive) condition(operator, key string, wanted []string, deny bool) bool {
	set := ""
	if i := strings.Index(operator, ":"); i > 0 {
		set, operator = operator[:i], operator[i+1:]
	}
	base := strings.TrimSuffix(operator, "IfExists")
	ifExists := base != operator
	have := n.context[strings.ToLower(key)]
	if base == "Null" {
		return slices.Contains(wanted, strconv.FormatBool(len(have) == 0))
	}
	negated := strings.Contains(base, "Not")
	if len(have) == 0 {
		return ifExists || set == "ForAllValues" || set == "" && negated
	}
	if set != "" && len(have) == 1 && have[0] == "" {
		return set == "ForAllValues"
	}
	good := 0
	for _, h := range have {
		any, unknown := false, false
		for _, w := range wanted {
			m, known := n.compare(base, w, h)
			any = any || m
			unknown = unknown || !known
		}
		if any != negated && (!negated || deny || !unknown) {
			good++
		}
	}
	if set == "ForAnyValue" || set == "" && deny {
		return good > 0
	}
	return good == len(have)
}

func (n naive) compare(base, want, have string) (matched, known bool) {
	switch strings.Replace(base, "Not", "", 1) {
	case "StringEquals":
		return n.glob(want, have, false, false)
	case "StringEqualsIgnoreCase":
		return n.glob(want, have, false, true)
	case "StringLike":
		return n.glob(want, have, true, false)
	case "Bool":
		return want == have, true
	case "NumericLessThan":
		a, err1 := strconv.Atoi(have)
		b, err2 := strconv.Atoi(want)
		return err1 == nil && err2 == nil && a < b, true
	case "DateGreaterThan":
		a, err := time.Parse(time.RFC3339, have)
		b, _ := time.Parse(time.RFC3339, want)
		return err == nil && a.After(b), true
	case "IpAddress":
		_, block, _ := net.ParseCIDR(want)
		ip := net.ParseIP(have)
		return ip != nil && block.Contains(ip), true
	case "ArnLike":
		w, h := strings.SplitN(want, ":", 6), strings.SplitN(have, ":", 6)
		if len(h) != 6 {
			return false, true
		}
		for i := range h {
			if m, k := n.glob(w[i], h[i], true, false); !m {
				return false, k
			}
		}
		return true, true
	}
	panic(base)
}

// statement answers whether a statement matches, and how it means the caller.
func (n naive) statement(s map[string]any) (bool, reached) {
	deny := s["Effect"] == "Deny"
	anyOf := func(list []string, f func(string) (bool, bool)) (hit, unknown bool) {
		for _, x := range list {
			m, known := f(x)
			hit, unknown = hit || m, unknown || !known
		}
		return hit, unknown
	}
	act := func(x string) (bool, bool) { return n.glob(x, n.r.Need.Action, true, true) }
	res := func(x string) (bool, bool) { return n.glob(x, n.r.Need.Resource, true, false) }
	if v, ok := s["Action"]; ok {
		if hit, _ := anyOf(listOf(v), act); !hit {
			return false, nobody
		}
	} else if hit, _ := anyOf(listOf(s["NotAction"]), act); hit {
		return false, nobody
	}
	if v, ok := s["Resource"]; ok {
		if hit, _ := anyOf(listOf(v), res); !hit {
			return false, nobody
		}
	} else if hit, unknown := anyOf(listOf(s["NotResource"]), res); hit || unknown && !deny {
		return false, nobody
	}
	if conditions, ok := s["Condition"].(map[string]any); ok {
		for op, keys := range conditions {
			for key, wanted := range keys.(map[string]any) {
				if !n.condition(op, key, listOf(wanted), deny) {
					return false, nobody
				}
			}
		}
	}
	reach := direct
	if v, ok := s["Principal"]; ok {
		reach = n.principal(v)
	} else if v, ok := s["NotPrincipal"]; ok {
		if deny {
			reach = n.notSpared(v)
		} else if n.principal(v) != nobody {
			reach = nobody
		}
	}
	return reach != nobody, reach
}

func (n naive) principal(v any) reached {
	p := n.r.Call.Principal
	m, _ := v.(map[string]any)
	aws := listOf(m["AWS"])
	switch {
	case v == "*" || slices.Contains(aws, "*"):
		return direct
	case p.Kind == redoubt.Service:
		if slices.Contains(listOf(m["Service"]), p.ARN) {
			return direct
		}
	case p.Kind == redoubt.Anonymous:
	case slices.Contains(aws, p.ARN) && p.Kind != redoubt.Root, slices.Contains(aws, p.ID) && p.Kind == redoubt.User:
		return direct
	case p.Issuer != "" && (slices.Contains(aws, p.Issuer) || slices.Contains(aws, p.IssuerID)):
		return byRole
	case slices.Contains(aws, p.Account), slices.Contains(aws, "arn:aws:iam::"+p.Account+":root"):
		return byAccount
	}
	return nobody
}

func (n naive) notSpared(v any) reached {
	p := n.r.Call.Principal
	m, _ := v.(map[string]any)
	aws := listOf(m["AWS"])
	account := slices.Contains(aws, p.Account) || slices.Contains(aws, "arn:aws:iam::"+p.Account+":root")
	self := slices.Contains(aws, p.ARN) || p.Kind == redoubt.User && slices.Contains(aws, p.ID)
	role := slices.Contains(aws, p.Issuer) || slices.Contains(aws, p.IssuerID)
	var spared bool
	switch p.Kind {
	case redoubt.Service:
		spared = slices.Contains(listOf(m["Service"]), p.ARN)
	case redoubt.Root:
		spared = account
	case redoubt.Role:
		spared = account && self && role
	case redoubt.User, redoubt.Federated:
		spared = account && self
	}
	if spared || v == "*" || slices.Contains(aws, "*") {
		return nobody
	}
	return direct
}

// policy answers whether a document denies, and whom it allows in which way.
func (n naive) policy(src *Source) (deny bool, allow map[reached]bool) {
	allow = map[reached]bool{}
	if src == nil {
		return false, allow
	}
	var doc struct{ Statement []map[string]any }
	if err := json.Unmarshal([]byte(src.Document.Text()), &doc); err != nil {
		panic(err)
	}
	for _, s := range doc.Statement {
		if ok, reach := n.statement(s); ok && s["Effect"] == "Deny" {
			deny = true
		} else if ok {
			allow[reach] = true
		}
	}
	return deny, allow
}

func (n naive) policies(list []Source) (deny, allow bool) {
	for i := range list {
		d, a := n.policy(&list[i])
		deny, allow = deny || d, allow || a[direct]
	}
	return deny, allow
}

func (n naive) levels(list [][]Source) (deny, allow bool) {
	allow = true
	for _, l := range list {
		d, a := n.policies(l)
		deny, allow = deny || d, allow && a
	}
	return deny, allow
}

func (n naive) decide() (denied, allowed bool) {
	r, p := n.r, n.r.Call.Principal
	outside := p.Kind == redoubt.Service || p.Kind == redoubt.Anonymous
	rcpDeny, rcp := n.levels(r.RCPs)
	scpDeny, scp := n.levels(r.SCPs)
	if outside {
		scpDeny, scp = false, true
	}
	idDeny, id := n.policies(r.Identity)
	boundaryDeny, boundary := n.policy(r.Boundary)
	sessionDeny, session := n.policies(r.Session)
	resDeny, res := n.policy(r.Resource)
	if rcpDeny || scpDeny || idDeny || boundaryDeny || sessionDeny || resDeny {
		return true, false
	}
	root := p.Kind == redoubt.Root
	id = id || root
	grant := r.Need.Grant != ""
	inBoundary := r.Boundary == nil || boundary[direct]
	inSession := r.Session == nil && p.Kind != redoubt.Federated || session
	some := res[direct] || res[byRole] || res[byAccount]
	switch {
	case !rcp || !scp:
		return false, false
	case outside:
		return false, some || grant
	case p.Account == r.Need.Account:
		named := p.Kind == redoubt.User || root
		return false, res[direct] || named && grant ||
			(id && (!r.Need.Strict || res[byAccount]) || res[byRole] || grant) && inBoundary && inSession
	}
	return false, (grant || id && some) && inBoundary && inSession
}

// dice makes random requests of few words, so that things often meet.
type dice struct{ *rand.Rand }

func (d dice) pick(list ...string) string { return list[d.IntN(len(list))] }

func (d dice) some(list ...string) string {
	var out []string
	for range 1 + d.IntN(2) {
		out = append(out, strconv.Quote(d.pick(list...)))
	}
	if len(out) == 1 {
		return out[0]
	}
	return "[" + strings.Join(out, ",") + "]"
}

func (d dice) chance(n int) bool { return d.IntN(n) == 0 }

func (d dice) condition() string {
	set := d.pick("", "", "ForAllValues:", "ForAnyValue:")
	tail := d.pick("", "", "IfExists")
	text := d.pick("aws:username", "aws:PrincipalTag/team", "x:k", "X:many", "aws:principalaccount", "x:none")
	switch d.IntN(8) {
	case 0:
		return fmt.Sprintf(`"%s%s%s":{%q:%s}`, set, d.pick("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"), tail, text,
			d.some("alice", "blue", "a", "A", "b", "${aws:username}", "${aws:PrincipalTag/team, 'a'}", home, ""))
	case 1, 2:
		return fmt.Sprintf(`"%s%s%s":{%q:%s}`, set, d.pick("StringLike", "StringNotLike"), tail, text,
			d.some("a*", "?", "*", "b?ue", "*${aws:username}", "${x:k}", "x${x:none}", "${*}"))
	case 3:
		return fmt.Sprintf(`"%s%s%s":{"x:arn":%s}`, set, d.pick("ArnLike", "ArnNotLike"), tail,
			d.some("arn:aws:s3:::*", "arn:aws:s3:::${aws:username}", "arn:aws:*:*:111122223333:*", "arn:aws:s?:::alice"))
	case 4:
		return fmt.Sprintf(`"%s%s":{"aws:SourceIp":%s}`, d.pick("IpAddress", "NotIpAddress"), tail, d.some("203.0.113.0/24", "10.0.0.0/8"))
	case 5:
		return fmt.Sprintf(`"%s%s%s":{"x:n":%s}`, set, "NumericLessThan", tail, d.some("5", "10"))
	case 6:
		return fmt.Sprintf(`"%sBool%s":{"aws:SecureTransport":%q}`, set, tail, d.pick("true", "false"))
	}
	return fmt.Sprintf(`"Null":{%q:%s}`, text, d.some("true", "false"))
}

func (d dice) statement(kind Kind) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	effect := "Allow"
	if d.chance(5) {
		effect = "Deny"
	}
	add(`"Effect":%q`, effect)
	add(`"%sAction":%s`, d.pick("", "", "", "", "Not"), d.some("*", "sqs:*", "sqs:Send*", "SQS:sendmessage", "sqs:Receive?essage", "s3:*", "*:*Message"))
	add(`"%sResource":%s`, d.pick("", "", "", "", "Not"), d.some("*", queue, "arn:aws:sqs:*:*:orders", "arn:aws:sqs:*:*:${aws:username}", "arn:aws:sqs:us-east-1:444455556666:*"))
	if kind == ResourceBased {
		aws := d.some("*", home, away, "arn:aws:iam::111122223333:root", alice, app, run, "AIDAALICEALICEALICE00", "AROAAPPAPPAPPAPPAPP00", "arn:aws:sts::111122223333:federated-user/al")
		if d.chance(3) {
			aws = `["` + d.pick(home, away) + `","` + d.pick(alice, app, run) + `","` + d.pick(app, run) + `"]`
		}
		add(`"%sPrincipal":%s`, d.pick("", "", "", "Not"), d.pick(`"*"`, `{"AWS":`+aws+`}`, `{"AWS":`+aws+`}`, `{"AWS":`+aws+`,"Service":"sns.amazonaws.com"}`))
	}
	if d.chance(3) {
		list := map[string]string{}
		for range 1 + d.IntN(2) {
			c := d.condition()
			list[c[:strings.Index(c, ":{")]] = c
		}
		var cs []string
		for _, k := range slices.Sorted(maps.Keys(list)) {
			cs = append(cs, list[k])
		}
		add(`"Condition":{%s}`, strings.Join(cs, ","))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (d dice) source(t testing.TB, kind Kind) Source {
	var list []string
	for range 1 + d.IntN(3) {
		list = append(list, d.statement(kind))
	}
	if kind == RCP {
		list = []string{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`}
		if d.chance(4) {
			list = append(list, `{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{`+d.condition()+`}}`)
		}
	}
	return source(t, kind, "p", strings.Join(list, ","))
}

func (d dice) request(t testing.TB) *Request {
	bob := redoubt.Principal{Kind: redoubt.User, Account: away, ARN: "arn:aws:iam::444455556666:user/bob", ID: "AIDABOBBOBBOBBOBBOB00", Name: "a"}
	star := aliceUser()
	star.Name = "*"
	callers := []redoubt.Principal{aliceUser(), star, bob, appSession(), federatedAlice(), rootUser(), servicePrincipal("sns.amazonaws.com"), {Kind: redoubt.Anonymous}}
	s := setting{by: callers[d.IntN(len(callers))], owner: d.pick(home, home, home, away), strict: d.chance(3),
		action: d.pick("sqs:SendMessage", "sqs:ReceiveMessage"), resource: d.pick(queue, queue, "arn:aws:sqs:us-east-1:111122223333:alice", "*")}
	if d.chance(8) {
		s.grant = "g"
	}
	s.conditions = map[string][]string{}
	if d.chance(2) {
		s.conditions["x:K"] = []string{d.pick("a", "A", "", "blue")}
	}
	if d.chance(2) {
		s.conditions["x:many"] = [][]string{{"a", "b"}, {"a"}, {""}, {"blue", "a", "alice"}, {}}[d.IntN(5)]
	}
	if d.chance(2) {
		s.conditions["x:n"] = []string{d.pick("3", "7", "12", "no")}
	}
	if d.chance(2) {
		s.conditions["x:arn"] = []string{d.pick("arn:aws:s3:::alice", "arn:aws:sqs:a:111122223333:q:r", "no")}
	}
	r := s.request(t)
	for range d.IntN(3) {
		r.Identity = append(r.Identity, d.source(t, Identity))
	}
	if d.chance(4) {
		r.Boundary = new(d.source(t, Boundary))
	}
	if d.chance(4) {
		r.Session = []Source{}
		for range d.IntN(3) {
			r.Session = append(r.Session, d.source(t, SessionPolicy))
		}
	}
	for range d.IntN(4) / 2 {
		level := []Source{d.source(t, SCP)}
		if !d.chance(4) {
			level = append(level, Source{Kind: SCP, Document: must(t, SCP, wrap(allowAll))})
		}
		r.SCPs = append(r.SCPs, level)
	}
	for range d.IntN(4) / 2 {
		r.RCPs = append(r.RCPs, []Source{d.source(t, RCP)}[:min(1, d.IntN(6))])
	}
	if !d.chance(3) {
		r.Resource = new(d.source(t, ResourceBased))
	}
	r.Call.Source.TLS = d.chance(2)
	return r
}

// The package and the naive evaluator agree on random policies and requests.
func TestAgainstReference(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 1000
	}
	reasons := map[Reason]int{}
	for seed := range n {
		d := dice{rand.New(rand.NewPCG(uint64(seed), 7))}
		r := d.request(t)
		got := Evaluate(r)
		denied, allowed := newNaive(r).decide()
		reasons[got.Reason]++
		if got.Allowed != allowed || got.Reason.Explicit() != denied {
			t.Fatalf("seed %d: decided %v, the reference says denied %v, allowed %v\n%s\nconditions %q", seed, got.Reason, denied, allowed, Explain(r).Text(), r.Need.Conditions)
		}
		if e := Explain(r); e.Decision != got {
			t.Fatalf("seed %d: explained %+v, decided %+v", seed, e.Decision, got)
		}
	}
	t.Logf("%v", reasons)
	for why := AllowedByIdentity; why <= NoRCPAllow; why++ {
		if reasons[why] == 0 {
			t.Errorf("no random request came to: %v", why)
		}
	}
}
