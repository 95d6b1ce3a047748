package identity

import (
	"iter"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// SigningCertificate is an X.509 certificate of a user.
type SigningCertificate struct {
	ID, User string
	Body     string // PEM
	Active   bool
	Uploaded time.Time
}

// SSHKey is a user's public SSH key.
type SSHKey struct {
	ID, User    string
	Body        string
	Fingerprint string // MD5 of the key, as AWS shows it
	Active      bool
	Uploaded    time.Time
}

// ServiceCredential is a user name and password, or an API key, for one service.
type ServiceCredential struct {
	ID, User string
	Service  string // host name
	Name     string // user name; empty for API keys
	Alias    string // of an API key
	Sealed   []byte
	Active   bool
	Created  time.Time
	Expires  time.Time // zero for never
}

// owned are things of one user: ID(unique id of the user, their own id).
type owned[T any] struct {
	noun  Noun
	table store.Account[T]
}

func (o owned[T]) of(tx *store.Tx, account, user string) iter.Seq2[*T, error] {
	q := store.Query{}
	if user != "" {
		q.Prefix = store.ID(user, "")
	}
	return values(o.table.In(account).Scan(tx, q))
}

func (o owned[T]) get(tx *store.Tx, account, user, id string) (*T, error) {
	v, err := o.table.In(account).Get(tx, store.ID(user, id))
	if err != nil {
		return nil, notFound(err, o.noun, id)
	}
	return v, nil
}

func (o owned[T]) edit(tx *store.Tx, account, user, id string, f func(*T) error) (*T, error) {
	v, err := o.table.In(account).Edit(tx, store.ID(user, id), f)
	if err != nil {
		return nil, notFound(err, o.noun, id)
	}
	return v, nil
}

func (o owned[T]) remove(tx *store.Tx, account, user, id string) error {
	if _, err := o.get(tx, account, user, id); err != nil {
		return err
	}
	return o.table.In(account).Delete(tx, store.ID(user, id))
}

var (
	signing     = owned[SigningCertificate]{NounSigning, store.AccountTable[SigningCertificate]("identity.signing")}
	sshKeys     = owned[SSHKey]{NounSSHKey, store.AccountTable[SSHKey]("identity.sshkey")}
	credentials = owned[ServiceCredential]{NounServiceCredential, store.AccountTable[ServiceCredential]("identity.credential")}
)

// SigningCertificates walks a user's certificates; user is the unique id.
func (i *Identity) SigningCertificates(tx *store.Tx, account, user string) iter.Seq2[*SigningCertificate, error] {
	return signing.of(tx, account, user)
}

// AddSigningCertificate keeps a certificate that was checked before.
func (i *Identity) AddSigningCertificate(tx *store.Tx, account string, c SigningCertificate) (*SigningCertificate, error) {
	n := 0
	for _, err := range i.SigningCertificates(tx, account, c.User) {
		if err != nil {
			return nil, err
		}
		n++
	}
	if n >= MaxSigningPerUser {
		return nil, &Limit{"CertificatesPerUser", MaxSigningPerUser}
	}
	c.ID, c.Uploaded, c.Active = newCertificateID(), i.now(), true
	return &c, signing.table.In(account).Put(tx, store.ID(c.User, c.ID), &c)
}

// EditSigningCertificate changes a certificate's status.
func (i *Identity) EditSigningCertificate(tx *store.Tx, account, user, id string, f func(*SigningCertificate) error) error {
	_, err := signing.edit(tx, account, user, id, f)
	return err
}

// DeleteSigningCertificate deletes a certificate.
func (i *Identity) DeleteSigningCertificate(tx *store.Tx, account, user, id string) error {
	return signing.remove(tx, account, user, id)
}

// SSHKeys walks a user's keys; user is the unique id.
func (i *Identity) SSHKeys(tx *store.Tx, account, user string) iter.Seq2[*SSHKey, error] {
	return sshKeys.of(tx, account, user)
}

// SSHKey answers one of a user's keys, or NotFound.
func (i *Identity) SSHKey(tx *store.Tx, account, user, id string) (*SSHKey, error) {
	return sshKeys.get(tx, account, user, id)
}

// AddSSHKey keeps a key that was checked before.
func (i *Identity) AddSSHKey(tx *store.Tx, account string, k SSHKey) (*SSHKey, error) {
	n := 0
	for other, err := range i.SSHKeys(tx, account, k.User) {
		if err != nil {
			return nil, err
		}
		if other.Body == k.Body {
			return nil, &Exists{NounSSHKey, other.ID}
		}
		n++
	}
	if n >= MaxSSHKeysPerUser {
		return nil, &Limit{"SSHPublicKeysPerUser", MaxSSHKeysPerUser}
	}
	k.ID, k.Uploaded, k.Active = newID(prefixSSHKey, account), i.now(), true
	return &k, sshKeys.table.In(account).Put(tx, store.ID(k.User, k.ID), &k)
}

// EditSSHKey changes a key's status.
func (i *Identity) EditSSHKey(tx *store.Tx, account, user, id string, f func(*SSHKey) error) error {
	_, err := sshKeys.edit(tx, account, user, id, f)
	return err
}

// DeleteSSHKey deletes a key.
func (i *Identity) DeleteSSHKey(tx *store.Tx, account, user, id string) error {
	return sshKeys.remove(tx, account, user, id)
}

const purposeCredential = "identity.credential"

// ServiceCredentials walks a user's credentials, by unique id; those of the
// account for an empty one.
func (i *Identity) ServiceCredentials(tx *store.Tx, account, user string) iter.Seq2[*ServiceCredential, error] {
	return credentials.of(tx, account, user)
}

// ServiceCredential answers one of a user's credentials, or NotFound.
func (i *Identity) ServiceCredential(tx *store.Tx, account, user, id string) (*ServiceCredential, error) {
	return credentials.get(tx, account, user, id)
}

// AddServiceCredential makes a credential and answers its secret, which cannot
// be read again.
func (i *Identity) AddServiceCredential(tx *store.Tx, account string, c ServiceCredential) (*ServiceCredential, string, error) {
	n := 0
	for other, err := range i.ServiceCredentials(tx, account, c.User) {
		if err != nil {
			return nil, "", err
		}
		if other.Service == c.Service {
			n++
		}
	}
	if n >= MaxCredentialsOfService {
		return nil, "", &Limit{"ServiceSpecificCredentialsPerUser", MaxCredentialsOfService}
	}
	c.ID, c.Created, c.Active = newID(prefixCredential, account), i.now(), true
	secret := newSecret()
	var err error
	if c.Sealed, err = i.Keys.Seal(purposeCredential, []byte(c.ID), []byte(secret)); err != nil {
		return nil, "", err
	}
	return &c, secret, credentials.table.In(account).Put(tx, store.ID(c.User, c.ID), &c)
}

// ResetServiceCredential gives a credential another secret.
func (i *Identity) ResetServiceCredential(tx *store.Tx, account, user, id string) (*ServiceCredential, string, error) {
	secret := newSecret()
	c, err := credentials.edit(tx, account, user, id, func(c *ServiceCredential) (err error) {
		c.Sealed, err = i.Keys.Seal(purposeCredential, []byte(c.ID), []byte(secret))
		return err
	})
	return c, secret, err
}

// EditServiceCredential changes a credential's status.
func (i *Identity) EditServiceCredential(tx *store.Tx, account, user, id string, f func(*ServiceCredential) error) error {
	_, err := credentials.edit(tx, account, user, id, f)
	return err
}

// DeleteServiceCredential deletes a credential.
func (i *Identity) DeleteServiceCredential(tx *store.Tx, account, user, id string) error {
	return credentials.remove(tx, account, user, id)
}
