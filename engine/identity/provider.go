package identity

import (
	"crypto/rand"
	"iter"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// OIDCProvider is an OpenID Connect provider that an account trusts.
type OIDCProvider struct {
	URL         string // without scheme
	ClientIDs   []string
	Thumbprints []string
	Created     time.Time
	Tags        Tags `json:",omitempty"`
}

// ARN is the provider's.
func (p *OIDCProvider) ARN(account string) string {
	return arnPrefix + account + ":oidc-provider/" + p.URL
}

// SAMLProvider is a SAML 2.0 provider that an account trusts.
type SAMLProvider struct {
	Name       string
	UUID       string
	Metadata   string
	Created    time.Time
	ValidUntil time.Time
	Tags       Tags   `json:",omitempty"`
	Encryption string // "Required", "Allowed"; empty for none
	Keys       []ProviderKey
}

// ProviderKey is a private key for encrypted assertions.
type ProviderKey struct {
	ID     string
	Added  time.Time
	Sealed []byte // PEM
}

// ARN is the provider's.
func (p *SAMLProvider) ARN(account string) string {
	return arnPrefix + account + ":saml-provider/" + p.Name
}

var (
	oidcProviders = store.AccountTable[OIDCProvider]("identity.oidc") // by URL
	samlProviders = store.AccountTable[SAMLProvider]("identity.saml") // by name
)

// OIDCProvider answers a provider by its ARN, or NotFound.
func (i *Identity) OIDCProvider(tx *store.Tx, account, arn string) (*OIDCProvider, error) {
	url, ok := strings.CutPrefix(arn, arnPrefix+account+":oidc-provider/")
	if !ok {
		return nil, &NotFound{Noun: NounOIDC, Name: arn}
	}
	p, err := oidcProviders.In(account).Get(tx, url)
	if err != nil {
		return nil, notFound(err, NounOIDC, arn)
	}
	return p, nil
}

// OIDCProviders walks an account's providers.
func (i *Identity) OIDCProviders(tx *store.Tx, account string) iter.Seq2[*OIDCProvider, error] {
	return values(oidcProviders.In(account).Scan(tx, store.Query{}))
}

// CreateOIDCProvider registers a provider.
func (i *Identity) CreateOIDCProvider(tx *store.Tx, account string, p OIDCProvider) (*OIDCProvider, error) {
	p.Created = i.now()
	rows := oidcProviders.In(account)
	if has, err := rows.Has(tx, p.URL); err != nil {
		return nil, err
	} else if has {
		return nil, &Exists{NounOIDC, p.URL}
	}
	if err := count(tx, account, NounOIDC, 1); err != nil {
		return nil, err
	}
	return &p, rows.Put(tx, p.URL, &p)
}

// EditOIDCProvider changes a provider.
func (i *Identity) EditOIDCProvider(tx *store.Tx, account, arn string, f func(*OIDCProvider) error) (*OIDCProvider, error) {
	p, err := i.OIDCProvider(tx, account, arn)
	if err != nil {
		return nil, err
	}
	return oidcProviders.In(account).Edit(tx, p.URL, f)
}

// DeleteOIDCProvider deletes a provider.
func (i *Identity) DeleteOIDCProvider(tx *store.Tx, account, arn string) error {
	p, err := i.OIDCProvider(tx, account, arn)
	if err != nil {
		return err
	}
	if err := count(tx, account, NounOIDC, -1); err != nil {
		return err
	}
	return oidcProviders.In(account).Delete(tx, p.URL)
}

// SAMLProvider answers a provider by its ARN, or NotFound.
func (i *Identity) SAMLProvider(tx *store.Tx, account, arn string) (*SAMLProvider, error) {
	name, ok := strings.CutPrefix(arn, arnPrefix+account+":saml-provider/")
	if !ok {
		return nil, &NotFound{Noun: NounSAML, Name: arn}
	}
	p, err := samlProviders.In(account).Get(tx, name)
	if err != nil {
		return nil, notFound(err, NounSAML, arn)
	}
	return p, nil
}

// SAMLProviders walks an account's providers in order of their names.
func (i *Identity) SAMLProviders(tx *store.Tx, account string) iter.Seq2[*SAMLProvider, error] {
	return values(samlProviders.In(account).Scan(tx, store.Query{}))
}

// CreateSAMLProvider registers a provider.
func (i *Identity) CreateSAMLProvider(tx *store.Tx, account string, p SAMLProvider) (*SAMLProvider, error) {
	p.Created, p.UUID = i.now(), "ASPR"+newID("", account)
	rows := samlProviders.In(account)
	if has, err := rows.Has(tx, p.Name); err != nil {
		return nil, err
	} else if has {
		return nil, &Exists{NounSAML, p.Name}
	}
	if err := count(tx, account, NounSAML, 1); err != nil {
		return nil, err
	}
	return &p, rows.Put(tx, p.Name, &p)
}

// EditSAMLProvider changes a provider.
func (i *Identity) EditSAMLProvider(tx *store.Tx, account, arn string, f func(*SAMLProvider) error) (*SAMLProvider, error) {
	p, err := i.SAMLProvider(tx, account, arn)
	if err != nil {
		return nil, err
	}
	return samlProviders.In(account).Edit(tx, p.Name, f)
}

// DeleteSAMLProvider deletes a provider.
func (i *Identity) DeleteSAMLProvider(tx *store.Tx, account, arn string) error {
	p, err := i.SAMLProvider(tx, account, arn)
	if err != nil {
		return err
	}
	if err := count(tx, account, NounSAML, -1); err != nil {
		return err
	}
	return samlProviders.In(account).Delete(tx, p.Name)
}

const purposeProviderKey = "identity.samlkey"

// NewProviderKey seals a private key (PEM) for a provider's encrypted
// assertions.
func (i *Identity) NewProviderKey(account, provider string, pem []byte) (ProviderKey, error) {
	var b [16]byte
	rand.Read(b[:])
	k := ProviderKey{ID: base32Raw.EncodeToString(b[:]), Added: i.now()}
	var err error
	k.Sealed, err = i.Keys.Seal(purposeProviderKey, []byte(store.ID(account, provider, k.ID)), pem)
	return k, err
}

// OpenProviderKey answers the private key again.
func (i *Identity) OpenProviderKey(account, provider string, k *ProviderKey) ([]byte, error) {
	return i.Keys.Open(purposeProviderKey, []byte(store.ID(account, provider, k.ID)), k.Sealed)
}

// values walks rows without their ids.
func values[T any](rows iter.Seq2[store.Row[T], error]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for row, err := range rows {
			if !yield(row.Value, err) || err != nil {
				return
			}
		}
	}
}
