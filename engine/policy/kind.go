package policy

// Kind says what a policy is attached to. What the grammar admits depends on it:
// policies of a resource name a principal, policies of an identity must not.
type Kind uint8

const (
	// Identity is a managed or inline policy of a user, group or role.
	Identity Kind = iota
	// ResourceBased is the policy of a resource (bucket, secret, queue).
	ResourceBased
	// Trust is a role's trust policy: a resource policy without Resource.
	Trust
	// KeyPolicy is a KMS key's policy.
	KeyPolicy
	// SessionPolicy is passed when a session is made.
	SessionPolicy
	// Boundary is a permissions boundary.
	Boundary
	// SCP is an organization's service control policy.
	SCP
	// RCP is an organization's resource control policy.
	RCP
)

// String names the kind as AWS's messages do: "identity-based policy".
func (k Kind) String() string {
	switch k {
	case Identity:
		return "identity-based policy"
	case ResourceBased, KeyPolicy:
		return "resource-based policy"
	case Trust:
		return "role trust policy"
	case SessionPolicy:
		return "session policy"
	case Boundary:
		return "permissions boundary"
	case SCP:
		return "service control policy"
	case RCP:
		return "resource control policy"
	}
	return "policy"
}
