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
)

// Decision is the verdict over a Request.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Source and Statement (from 0) name the statement that decided, if one did;
	// Source is nil and Statement -1 when nothing matched. It points into the Request.
	Source    *Source
	Statement int
	Sid       string
}
