package trail

import (
	"encoding/json"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Event is a CloudTrail record, version 1.11. Fields that are empty are left out
// of its JSON, but for RequestParameters and ResponseElements, which then are
// null. Source: AWS CloudTrail User Guide, "CloudTrail record contents".
type Event struct {
	// Account and Region say in whose log the event lies: recipientAccountId and
	// awsRegion. Events of nobody's account lie under an empty Account.
	Account, Region string

	Identity  Identity
	Time      time.Time // on the services' clock; JSON shows seconds, order goes by nanoseconds
	Logged    time.Time // when it comes to the log, if that is long after Time; it is kept in order of this
	Source    string    // "kms.amazonaws.com"
	Name      string    // "Decrypt"
	SourceIP  string    // or the host name of the AWS service that called
	UserAgent string

	ErrorCode, ErrorMessage string

	RequestParameters json.RawMessage // compact JSON object
	ResponseElements  json.RawMessage
	Additional        json.RawMessage // additionalEventData

	RequestID string
	EventID   string // UUID; filled in when empty
	SharedID  string // sharedEventID: the same call in several accounts' logs
	ReadOnly  bool
	Resources []Resource
	Type      string // "AwsApiCall" when empty
	Data      bool   // a data event, not a management event
	TLS       *TLS
}

// Resource is something that the call dealt with.
type Resource struct {
	ARN     string
	Account string // its owner
	Type    string // "AWS::KMS::Key"
}

// TLS is how the client was connected.
type TLS struct{ Version, Cipher, Host string }

// Identity is userIdentity.
type Identity struct {
	Type        string // "IAMUser", "AssumedRole", "Root", "FederatedUser", "AWSService", "AWSAccount", …
	PrincipalID string
	ARN         string
	AccountID   string
	AccessKeyID string
	UserName    string
	InvokedBy   string // service that passed the call on or made it
	Provider    string // identityProvider, of web identity and SAML users
	Session     *Session
}

// Session is userIdentity.sessionContext.
type Session struct {
	Issuer         *Identity // of role and federated sessions
	Created        time.Time
	MFA            bool
	SourceIdentity string
	WebProvider    string // federatedProvider, of sessions made from a web identity
}

// IdentityOf says who a call's caller is, in CloudTrail's terms.
func IdentityOf(p *redoubt.Principal, via redoubt.Via) Identity {
	id := Identity{PrincipalID: p.ID, ARN: p.ARN, AccountID: p.Account, AccessKeyID: p.AccessKeyID}
	if n := len(via.CalledVia); n > 0 {
		id.InvokedBy = via.CalledVia[n-1]
	}
	switch p.Kind {
	case redoubt.Anonymous:
		return Identity{Type: "AWSAccount", AccountID: "anonymous"}
	case redoubt.Service:
		return Identity{Type: "AWSService", InvokedBy: p.ARN}
	case redoubt.Root:
		id.Type = "Root"
	case redoubt.User:
		id.Type, id.UserName = "IAMUser", p.Name
	case redoubt.Role:
		id.Type = "AssumedRole"
	case redoubt.Federated:
		if p.Account == "" && p.Session != nil {
			return external(p)
		}
		id.Type = "FederatedUser"
	}
	s := p.Session
	if s == nil {
		return id
	}
	id.Session = &Session{Created: s.Issued, MFA: s.MFA, SourceIdentity: s.SourceIdentity, WebProvider: s.Provider}
	if p.Issuer != "" {
		issuer := &Identity{Type: "Role", PrincipalID: p.IssuerID, ARN: p.Issuer, AccountID: p.Account, UserName: p.Issuer[strings.LastIndexByte(p.Issuer, '/')+1:]}
		if p.Kind == redoubt.Federated {
			issuer.Type = "IAMUser"
			if strings.HasSuffix(p.Issuer, ":root") {
				issuer.Type, issuer.UserName = "Root", ""
			}
		}
		id.Session.Issuer = issuer
	}
	return id
}

// external is a user of an identity provider, who is about to become a session of
// a role.
func external(p *redoubt.Principal) Identity {
	id := Identity{Type: "WebIdentityUser", PrincipalID: p.ID, UserName: p.Name, Provider: p.Session.Provider}
	if q := p.Session.Context["saml:namequalifier"]; q != "" {
		id.Type, id.Provider = "SAMLUser", q
	}
	return id
}

// userName is what LookupEvents calls the user name of an event.
func (id *Identity) userName() string {
	switch id.Type {
	case "Root":
		return "root"
	case "AssumedRole", "FederatedUser":
		if i := strings.LastIndexByte(id.PrincipalID, ':'); i >= 0 {
			return id.PrincipalID[i+1:]
		}
		return id.ARN[strings.LastIndexByte(id.ARN, '/')+1:]
	case "AWSService":
		return id.InvokedBy
	}
	return id.UserName
}

// nanos is the event's place in the order of time.
func (e *Event) nanos() int64 {
	if e.Logged.After(e.Time) {
		return e.Logged.UnixNano()
	}
	return e.Time.UnixNano()
}
