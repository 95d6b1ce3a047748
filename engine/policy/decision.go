package policy

// Reason says what decided.
type Reason uint8

const (
	// NotEvaluated is the zero Reason.
	NotEvaluated Reason = iota

	AllowedByIdentity
	AllowedByResource
	AllowedByGrant
	AllowedAsRoot // the account's root user needs no policy

	ExplicitDenyIdentity
	ExplicitDenyResource
	ExplicitDenyBoundary
	ExplicitDenySession
	ExplicitDenySCP
	ExplicitDenyRCP

	NoIdentityAllow
	NoResourceAllow
	NoBoundaryAllow
	NoSessionAllow
	NoSCPAllow
	NoRCPAllow

	// Undecided: policies and request are too large together (budget.go).
	Undecided
)

var reasons = [...]string{
	NotEvaluated:         "not evaluated",
	AllowedByIdentity:    "allowed by an identity-based policy",
	AllowedByResource:    "allowed by the resource-based policy",
	AllowedByGrant:       "allowed by a grant",
	AllowedAsRoot:        "allowed as the account's root user",
	ExplicitDenyIdentity: "explicit deny in an identity-based policy",
	ExplicitDenyResource: "explicit deny in the resource-based policy",
	ExplicitDenyBoundary: "explicit deny in the permissions boundary",
	ExplicitDenySession:  "explicit deny in a session policy",
	ExplicitDenySCP:      "explicit deny in a service control policy",
	ExplicitDenyRCP:      "explicit deny in a resource control policy",
	NoIdentityAllow:      "no identity-based policy allows it",
	NoResourceAllow:      "no resource-based policy allows it",
	NoBoundaryAllow:      "the permissions boundary does not allow it",
	NoSessionAllow:       "no session policy allows it",
	NoSCPAllow:           "no service control policy allows it at some level",
	NoRCPAllow:           "no resource control policy allows it at some level",
	Undecided:            "policies and request are too large to be evaluated together",
}

func (r Reason) String() string { return reasons[r] }

// Explicit tells whether a Deny statement decided.
func (r Reason) Explicit() bool { return r >= ExplicitDenyIdentity && r <= ExplicitDenyRCP }

// Decision is the verdict over a Request.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Source and Statement (from 0) name the statement that decided, if one did;
	// else Source is nil and Statement -1. Source points into the Request.
	Source    *Source
	Statement int
	Sid       string
}

func allow(why Reason, hit found) Decision {
	d := Decision{Allowed: true, Reason: why, Source: hit.source, Statement: -1}
	if hit.source != nil {
		d.Statement = hit.statement
		d.Sid = hit.source.Document.statements[hit.statement].sid
	}
	return d
}

func refuse(why Reason) Decision { return Decision{Reason: why, Statement: -1} }

func explicit(why Reason, hit found) Decision {
	d := allow(why, hit)
	d.Allowed = false
	return d
}
