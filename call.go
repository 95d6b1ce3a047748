package redoubt

import "time"

// Call is one request after authentication: who asks for what, from where.
// Only the front door makes one (deps_test.go holds everyone to that), so a
// service that has a Call has a caller whose signature was checked, or one that
// is Anonymous and says so.
type Call struct {
	Service   string // endpoint name, "kms"
	Operation string // "Encrypt"
	Partition string // "aws"
	Account   string // the caller's account; empty for Anonymous
	Region    string // the region addressed
	RequestID string
	EventID   string    // the audit event's id, a UUID, where it is fixed before the call runs
	Time      time.Time // the services' clock when the call arrived

	Principal Principal
	Source    Source
	Signature Signature
	Via       Via

	// Denied holds the refusal of every Need that carried an Item: batch
	// operations answer it as an entry. Filled by the front door before the
	// method runs.
	Denied map[string]error

	// Status is that of the answer, if it is not its operation's.
	Status int
	// Said are headers of the answer that its model does not know: see Say.
	Said map[string]string
}

// Say has a header in the answer that is no member of the operation's output. The
// front door forgets it when the call is refused or starts over.
func (c *Call) Say(header, value string) {
	if c.Said == nil {
		c.Said = map[string]string{}
	}
	c.Said[header] = value
}

// Kind says what a Principal is.
type Kind uint8

// The kinds of principal.
const (
	Anonymous Kind = iota
	Root           // an account's root user
	User           // an IAM user
	Role           // a session of an assumed role
	Federated      // a session made by GetFederationToken
	Service        // an AWS service principal, e.g. secretsmanager.amazonaws.com
)

// Principal is an authenticated identity. Only engine/identity makes one from
// credentials, and op's Invoker from a service's name.
type Principal struct {
	Kind    Kind
	Account string // 12 digits; empty for Anonymous and Service
	// ARN as GetCallerIdentity answers it:
	// arn:aws:iam::A:user/path/name, arn:aws:sts::A:assumed-role/role/session,
	// arn:aws:iam::A:root, arn:aws:sts::A:federated-user/name. For a Service it
	// is the service's host name.
	ARN string
	// ID as GetCallerIdentity's UserId: AIDA…, AROA…:session, A:name, or the
	// account for root. aws:userid in policies.
	ID string
	// Name is the user's name, or the role's for a session.
	Name string
	// Issuer is, for sessions, the ARN of what the session came from
	// (arn:aws:iam::A:role/path/name, or the federating user); else empty.
	Issuer      string
	IssuerID    string // AROA… for role sessions
	AccessKeyID string
	Session     *Session          // nil for long-lived credentials
	Tags        map[string]string // aws:PrincipalTag: the user's or role's tags, session tags over them
}

// Session is what temporary credentials carry.
type Session struct {
	Name           string
	Policies       []string // inline session policies, JSON; evaluated as one set
	PolicyARNs     []string // managed session policies
	Tags           map[string]string
	TransitiveTags []string // keys
	SourceIdentity string
	MFA            bool
	MFATime        time.Time
	Issued         time.Time
	Expires        time.Time
	Provider       string            // aws:FederatedProvider, for web identity and SAML
	Context        map[string]string // further condition keys fixed at issue (saml:…, accounts.example.com:…)
	Chained        bool              // made with credentials that were a role session themselves
}

// Source is where a request came from, as far as the server itself saw it.
type Source struct {
	IP         string // without port; a trusted proxy's X-Forwarded-For is already resolved
	UserAgent  string
	Host       string
	Referer    string
	TLS        bool
	TLSVersion string // "TLSv1.3"
	TLSCipher  string
}

// Signature is how the request was signed: zero where it was not, and for calls
// between services.
type Signature struct {
	Type    string        // REST-HEADER, REST-QUERY-STRING or POST, as s3:authType has it
	Version string        // AWS4-HMAC-SHA256
	Age     time.Duration // since it was signed, by the machine's clock
	Payload string        // x-amz-content-sha256
}

// Via says which service passed the call on. It is set only by the in-process
// Invoker, never from a request (design rule: no caller can claim it).
type Via struct {
	// Service is aws:ViaService's and kms:ViaService's value,
	// "secretsmanager.us-east-1.amazonaws.com", for forwarded callers.
	Service string
	// CalledVia is aws:CalledVia, first to last ("secretsmanager.amazonaws.com").
	CalledVia []string
	// SourceARN and SourceAccount are aws:SourceArn and aws:SourceAccount, for
	// calls by a service principal on behalf of a resource.
	SourceARN     string
	SourceAccount string
}

// ARN makes an ARN of the call's service in its partition, region and account.
func (c *Call) ARN(resource string) string {
	return "arn:" + c.Partition + ":" + c.Service + ":" + c.Region + ":" + c.Account + ":" + resource
}
