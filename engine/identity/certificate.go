package identity

import (
	"iter"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// ServerCertificate is a TLS certificate with its private key.
type ServerCertificate struct {
	ID, Name, Path    string
	Body, Chain       string // PEM
	Sealed            []byte // private key, PEM
	Uploaded, Expires time.Time
	Tags              Tags `json:",omitempty"`
}

// ARN is the certificate's.
func (c *ServerCertificate) ARN(account string) string {
	return ARN(account, "server-certificate", c.Path, c.Name)
}

var serverCertificates = store.AccountTable[ServerCertificate]("identity.servercertificate")

var serverCertificateNames = named[ServerCertificate]{
	NounServerCertificate, serverCertificates, func(c *ServerCertificate) string { return c.Name },
}

const purposeServerCertificate = "identity.servercertificate"

// ServerCertificate answers the certificate of that name, or NotFound.
func (i *Identity) ServerCertificate(tx *store.Tx, account, name string) (*ServerCertificate, error) {
	return serverCertificateNames.find(tx, account, name)
}

// ServerCertificates walks an account's certificates in order of their names.
// The walk starts behind the name after if it is given.
func (i *Identity) ServerCertificates(tx *store.Tx, account, after string) iter.Seq2[*ServerCertificate, error] {
	return serverCertificateNames.all(tx, account, after)
}

// UploadServerCertificate keeps a certificate and its private key.
func (i *Identity) UploadServerCertificate(tx *store.Tx, account string, c ServerCertificate, key []byte) (*ServerCertificate, error) {
	c.ID, c.Uploaded = newID(prefixCert, account), i.now()
	if err := claim(tx, account, NounServerCertificate, c.Name, c.ID); err != nil {
		return nil, err
	}
	var err error
	if c.Sealed, err = i.Keys.Seal(purposeServerCertificate, []byte(c.ID), key); err != nil {
		return nil, err
	}
	return &c, serverCertificates.In(account).Put(tx, c.ID, &c)
}

// ServerKey answers a certificate's private key, PEM.
func (i *Identity) ServerKey(c *ServerCertificate) ([]byte, error) {
	return i.Keys.Open(purposeServerCertificate, []byte(c.ID), c.Sealed)
}

// MoveServerCertificate gives a certificate another name, path, or both.
func (i *Identity) MoveServerCertificate(tx *store.Tx, account, name, newName, newPath string) error {
	_, err := i.EditServerCertificate(tx, account, name, func(c *ServerCertificate) error {
		if newName != "" && newName != c.Name {
			if err := rename(tx, account, NounServerCertificate, c.Name, newName, c.ID); err != nil {
				return err
			}
			c.Name = newName
		}
		if newPath != "" {
			c.Path = newPath
		}
		return nil
	})
	return err
}

// EditServerCertificate changes a certificate's tags.
func (i *Identity) EditServerCertificate(tx *store.Tx, account, name string, f func(*ServerCertificate) error) (*ServerCertificate, error) {
	c, err := i.ServerCertificate(tx, account, name)
	if err != nil {
		return nil, err
	}
	return serverCertificates.In(account).Edit(tx, c.ID, f)
}

// DeleteServerCertificate deletes a certificate and its key.
func (i *Identity) DeleteServerCertificate(tx *store.Tx, account, name string) error {
	c, err := i.ServerCertificate(tx, account, name)
	if err != nil {
		return err
	}
	if err := release(tx, account, NounServerCertificate, name); err != nil {
		return err
	}
	return serverCertificates.In(account).Delete(tx, c.ID)
}
