package policy

import (
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// The world of the tests: two accounts, a clock that stands.
const (
	home   = "111122223333"
	away   = "444455556666"
	alice  = "arn:aws:iam::111122223333:user/team/alice"
	app    = "arn:aws:iam::111122223333:role/svc/app"
	run    = "arn:aws:sts::111122223333:assumed-role/app/run-1"
	queue  = "arn:aws:sqs:us-east-1:111122223333:orders"
	theKey = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func callBy(p redoubt.Principal) *redoubt.Call {
	return &redoubt.Call{
		Service: "sqs", Operation: "SendMessage", Partition: "aws", Account: p.Account, Region: "us-east-1",
		Time: noon, Principal: p,
		Source: redoubt.Source{IP: "203.0.113.7", UserAgent: "aws-cli/2.30", TLS: true, TLSVersion: "TLSv1.3"},
	}
}

func aliceUser() redoubt.Principal {
	return redoubt.Principal{
		Kind: redoubt.User, Account: home, ARN: alice, ID: "AIDAALICEALICEALICE00", Name: "alice",
		AccessKeyID: "AKIAALICE", Tags: map[string]string{"team": "blue"},
	}
}

func appSession() redoubt.Principal {
	return redoubt.Principal{
		Kind: redoubt.Role, Account: home, ARN: run, ID: "AROAAPPAPPAPPAPPAPP00:run-1", Name: "app",
		Issuer: app, IssuerID: "AROAAPPAPPAPPAPPAPP00",
		Session: &redoubt.Session{Name: "run-1", Issued: noon.Add(-time.Hour), SourceIdentity: "carol"},
		Tags:    map[string]string{"team": "red"},
	}
}

func federatedAlice() redoubt.Principal {
	return redoubt.Principal{
		Kind: redoubt.Federated, Account: home, ARN: "arn:aws:sts::111122223333:federated-user/al",
		ID: home + ":al", Issuer: alice, IssuerID: "AIDAALICEALICEALICE00", Session: &redoubt.Session{Name: "al", Issued: noon},
	}
}

func rootUser() redoubt.Principal {
	return redoubt.Principal{Kind: redoubt.Root, Account: home, ARN: "arn:aws:iam::111122223333:root", ID: home}
}

func servicePrincipal(host string) redoubt.Principal {
	return redoubt.Principal{Kind: redoubt.Service, ARN: host}
}

func must(t testing.TB, kind Kind, text string) *Document {
	t.Helper()
	d, err := Parse(text, kind)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return d
}

// wrap makes a document of the current version from statements.
func wrap(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

func source(t testing.TB, kind Kind, name, statements string) Source {
	t.Helper()
	return Source{Kind: kind, Name: name, Document: must(t, kind, wrap(statements))}
}

// a setting is a Request in short.
type setting struct {
	by                                         redoubt.Principal
	action, resource, owner                    string
	identity, boundary, session, policy        string // statements; "" is none
	scps, rcps                                 []string
	kind                                       Kind // of policy
	strict, scpExempt, rcpExempt, emptySession bool
	grant                                      string
	conditions                                 map[string][]string
	tags                                       map[string]string
	change                                     func(*Request)
}

func (s setting) request(t testing.TB) *Request {
	t.Helper()
	if s.action == "" {
		s.action = "sqs:SendMessage"
	}
	if s.resource == "" {
		s.resource = queue
	}
	if s.kind == Identity {
		s.kind = ResourceBased
	}
	if s.owner == "" {
		s.owner = home
	}
	r := &Request{
		Call: callBy(s.by),
		Need: &redoubt.Need{
			Action: s.action, Resource: s.resource, Account: s.owner, Strict: s.strict, Grant: s.grant,
			Conditions: s.conditions, Tags: s.tags,
		},
		SCPExempt: s.scpExempt, RCPExempt: s.rcpExempt,
	}
	if s.identity != "" {
		r.Identity = []Source{source(t, Identity, "inline", s.identity)}
	}
	if s.boundary != "" {
		r.Boundary = new(source(t, Boundary, "arn:aws:iam::111122223333:policy/edge", s.boundary))
	}
	if s.session != "" {
		r.Session = []Source{source(t, SessionPolicy, "session", s.session)}
	}
	if s.emptySession {
		r.Session = []Source{}
	}
	if s.policy != "" {
		r.Resource = new(source(t, s.kind, "", s.policy))
	}
	for i, text := range s.scps {
		if i == 0 {
			r.SCPs = [][]Source{}
		}
		r.SCPs = append(r.SCPs, nil)
		if text != "" {
			r.SCPs[i] = []Source{source(t, SCP, "arn:aws:organizations::999988887777:policy/o-abc/service_control_policy/p-1", text)}
		}
	}
	for i, text := range s.rcps {
		r.RCPs = append(r.RCPs, nil)
		if text != "" {
			r.RCPs[i] = []Source{source(t, RCP, "rcp", text)}
		}
	}
	if s.change != nil {
		s.change(r)
	}
	return r
}

const (
	allowAll  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	allowSend = `{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}`
	allowRead = `{"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"}`
	denySend  = `{"Effect":"Deny","Action":"sqs:SendMessage","Resource":"*"}`
)

func allowTo(principal string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sqs:*","Resource":"*"}`
}

func denyTo(principal string) string {
	return `{"Effect":"Deny","Principal":` + principal + `,"Action":"sqs:*","Resource":"*"}`
}
