package identity

import (
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity/managed"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Sealer encrypts what must not lie in the store in the clear; keyring.Keyring
// is one. Open fails unless purpose and aad are those given to Seal.
type Sealer interface {
	Seal(purpose string, aad, plaintext []byte) ([]byte, error)
	Open(purpose string, aad, blob []byte) ([]byte, error)
}

// Organization answers what an organization imposes on an account.
type Organization interface {
	// Member answers the account's place; nil when it is in no organization.
	Member(tx *store.Tx, account string) (*Membership, error)
}

// Membership is an account's place in an organization.
type Membership struct {
	Org        policy.Org
	Management bool
	// SCPs and RCPs in force, root first, one slice per level; nil where the
	// organization does not use that kind.
	SCPs, RCPs [][]policy.Source
}

// Config is what an Identity works with. Organization may be nil.
type Config struct {
	DB           *store.DB
	Keys         Sealer
	Clock        redoubt.Clock
	Organization Organization
	// OpenAccounts makes every 12-digit number an account that exists: dev mode,
	// where a key id names the account.
	OpenAccounts bool
	// Wall is the clock of MFA codes, which come from devices outside; nil means
	// the machine's.
	Wall redoubt.Clock
	// IssuerBase is the address under which the server publishes the keys of token
	// issuers (Issuer); empty: there are none.
	IssuerBase string
	// PasswordRounds is the cost of deriving a password's verifier; 0 means the
	// default.
	PasswordRounds int
}

// Identity is the engine. It is safe for concurrent use.
type Identity struct {
	Config
	cache    *policy.Cache // session policies
	sessions *memo[*session]
	usage    usage
	guesses  guesses
	aws      []atomic.Pointer[policy.Document] // compiled AWS managed policies, by position
}

// New makes the engine. Run must be running for usage to be written.
func New(c Config) *Identity {
	if c.Wall == nil {
		c.Wall = redoubt.Wall{}
	}
	if c.PasswordRounds == 0 {
		c.PasswordRounds = defaultRounds
	}
	return &Identity{
		Config:   c,
		cache:    policy.NewCache(1024),
		sessions: newMemo[*session](4096),
		aws:      make([]atomic.Pointer[policy.Document], len(managed.Policies)),
	}
}

// now is the services' time in whole seconds, as IAM's dates are.
func (i *Identity) now() time.Time { return i.Clock.Now().UTC().Truncate(time.Second) }

// Member answers the account's place in an organization, nil if it has none.
func (i *Identity) Member(tx *store.Tx, account string) (*Membership, error) {
	if i.Organization == nil {
		return nil, nil
	}
	return i.Organization.Member(tx, account)
}
