package policy

import (
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
)

// principalSet is a Principal or NotPrincipal element.
type principalSet struct {
	everyone  bool     // "*" or {"AWS": "*"}
	accounts  []string // from 12 digits or an account's root ARN
	arns      []string // users, roles, sessions
	ids       []string // AIDA…, AROA…: what an ARN becomes when it is saved
	services  []string
	federated []string
	canonical []string
}

// Named is one value of a Principal element.
type Named struct {
	Statement  int    // from 0
	Type       string // "AWS", "Service", "Federated", "CanonicalUser"; "" for a bare "*"
	Value      string
	Not        bool // from NotPrincipal
	start, end int  // of the value in the text
}

// reached is how a resource policy's statement came to mean a caller. It decides
// which other policies may still limit an Allow. Source: IAM User Guide, "Policy
// evaluation for requests within a single account", table of resource-based
// policies and implicit denies; "AWS JSON policy elements: Principal".
type reached uint8

const (
	// nobody: the statement does not mean the caller.
	nobody reached = iota
	// byAccount: through its account. That delegates to the account, whose
	// identity policies then decide.
	byAccount
	// byRole: through the role, or the federating user, that the session came
	// from. Boundary and session policies still limit it.
	byRole
	// direct: by the caller's own ARN, or through "*". Nothing but an explicit
	// deny limits it inside the account.
	direct
)

func (r reached) String() string {
	switch r {
	case byAccount:
		return "through its account"
	case byRole:
		return "through its role"
	case direct:
		return "directly"
	}
	return "not"
}

// outside tells whether a principal belongs to no account: a service, an
// anonymous caller, or one known to an identity provider only (whose web
// identity or SAML call STS is judging: Federated, without an account).
func outside(p *redoubt.Principal) bool {
	return p.Account == "" || p.Kind == redoubt.Service || p.Kind == redoubt.Anonymous
}

// reach answers how the set means the caller.
func (s *principalSet) reach(r *Request) reached {
	if s.everyone {
		return direct
	}
	p := &r.Call.Principal
	switch {
	case p.Kind == redoubt.Anonymous:
		return nobody
	case p.Kind == redoubt.Service:
		if slices.Contains(s.services, p.ARN) {
			return direct
		}
		return nobody
	case outside(p):
		if p.Session != nil && p.Session.Provider != "" && slices.Contains(s.federated, p.Session.Provider) {
			return direct
		}
		return nobody
	}
	switch {
	case s.names(p.ARN, p.ID):
		return direct
	case p.Issuer != "" && s.names(p.Issuer, p.IssuerID):
		return byRole
	case s.account(r):
		return byAccount
	}
	return nobody
}

// names tells whether an ARN or unique id is in the set.
func (s *principalSet) names(arn, id string) bool {
	return arn != "" && slices.Contains(s.arns, arn) || id != "" && slices.Contains(s.ids, id)
}

func (s *principalSet) account(r *Request) bool {
	return slices.Contains(s.accounts, r.Call.Principal.Account) ||
		r.CanonicalUser != "" && slices.Contains(s.canonical, r.CanonicalUser)
}

// spares tells whether a NotPrincipal element of a Deny leaves the caller out.
// AWS looks at the account, then at the role, then at the session, and denies as
// soon as one of them is not listed; so each must be. Source: IAM User Guide,
// "AWS JSON policy elements: NotPrincipal", "NotPrincipal with Deny".
func (s *principalSet) spares(r *Request) bool {
	if s.everyone {
		return true
	}
	p := &r.Call.Principal
	if outside(p) {
		return s.reach(r) == direct
	}
	if !s.account(r) {
		return false
	}
	switch p.Kind {
	case redoubt.Root:
		return true
	case redoubt.Role:
		return s.names(p.ARN, p.ID) && s.names(p.Issuer, p.IssuerID)
	}
	return s.names(p.ARN, p.ID)
}

// reach answers how the statement means the caller.
func (s *statement) reach(r *Request) reached {
	switch {
	case s.principals == nil:
		return direct
	case !s.notPrincipal:
		return s.principals.reach(r)
	case s.deny:
		if s.principals.spares(r) {
			return nobody
		}
		return direct
	case s.principals.reach(r) != nobody:
		return nobody
	}
	return direct
}

// Principals lists the principals that the document names. Services that must
// know a principal before they trust it (IAM, KMS) check them on write.
func (d *Document) Principals() []Named { return slices.Clone(d.principals) }

// Rename answers the document's text with principals replaced: f answers the
// new value, or n.Value to keep it. IAM saves the unique ids of users and roles
// instead of their ARNs, so that whoever is created later under the same name
// inherits nothing, and turns them back when the policy is read.
func (d *Document) Rename(f func(n Named) string) string {
	var b strings.Builder
	done := 0
	for _, n := range d.principals {
		if v := f(n); v != n.Value {
			b.WriteString(d.text[done:n.start])
			b.WriteString(quote(v))
			done = n.end
		}
	}
	b.WriteString(d.text[done:])
	return b.String()
}

// quote writes a JSON string. ARNs and ids hold nothing but ASCII, yet the text
// must stay JSON whatever f answers.
func quote(s string) string {
	const hex = "0123456789abcdef"
	b := []byte{'"'}
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
