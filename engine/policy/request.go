package policy

import redoubt "github.com/redoubt-sec/redoubt"

// Source is a policy in force: a document and where it hangs.
type Source struct {
	Kind     Kind
	Name     string // a managed policy's ARN, or an inline policy's name
	Attached string // ARN of what it hangs on: user, group, role, resource, root/OU/account
	// Document must not be nil. A stored policy that does not compile cannot be
	// left out, for it may deny: whoever collects the policies refuses the call.
	Document *Document
}

// Request is one right of one call together with every policy that applies.
// Whoever makes it must bring all of them: a policy that is left out is a policy
// that does not exist.
type Request struct {
	Call *redoubt.Call // principal, source, via and time: the global condition keys come from here
	Need *redoubt.Need // action, resource, tags and the service's condition keys

	// Identity holds the inline and managed policies of the user and its groups,
	// or of the session's role; for a federated session, of the issuing user.
	Identity []Source
	// Boundary is the user's or role's permissions boundary, if it has one.
	Boundary *Source
	// Session holds the session policies. nil: the session was made without any.
	// Empty but not nil: they are required and absent, so they allow nothing
	// (GetFederationToken without policies).
	Session []Source
	// SCPs of the principal's account, root first, one slice per level (root,
	// OUs, account). nil: not a member of an organization that uses SCPs.
	SCPs [][]Source
	// RCPs of the resource's account, likewise.
	RCPs [][]Source
	// Resource is Need.Policy compiled, nil if the resource has none.
	Resource *Source

	// SCPExempt: the principal lies in the organization's management account or
	// is a service-linked role; SCPs do not apply to it.
	SCPExempt bool
	// RCPExempt: the resource lies in the management account, or the principal is
	// a service-linked role; RCPs do not apply.
	RCPExempt bool

	// CanonicalUser is the S3 canonical user id of the caller's account, for
	// policies that name it; empty matches none.
	CanonicalUser string

	// Organization facts for the condition keys aws:PrincipalOrgID,
	// aws:ResourceOrgID, aws:SourceOrgID and their Paths; nil: none.
	PrincipalOrg, ResourceOrg, SourceOrg *Org

	// Simulated, when not nil, holds condition keys that win over all others, and
	// the keys of a live call (source, time, session, services in between) are
	// absent unless they are here: IAM's policy simulator.
	Simulated map[string][]string

	more  map[string][]string // Need's condition keys, with those of Need.More
	asked bool                // more is made
	spent int                 // of the budget, see budget.go
}

// Org is an account's place in an organization.
type Org struct {
	ID   string // "o-a1b2c3d4e5"
	Path string // "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"
}
