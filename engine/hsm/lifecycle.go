package hsm

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strconv"

	"github.com/redoubt-sec/redoubt/store"
)

// Claim makes a cluster of a free token. What is set of c besides ID and Created
// is the caller's.
func (e *Engine) Claim(tx *store.Tx, account, region string, c Cluster, t []Tag) (*View, error) {
	for _, id := range e.ids {
		k := e.tokens[id]
		if k.anchor != nil || !k.serves(account, region) {
			continue
		}
		held, err := claims.Rows().Get(tx, id)
		if err == nil {
			old, err := clusters.In(held.Account, held.Region).Get(tx, id)
			if err != nil {
				return nil, err
			}
			if e.view(old).State != Deleted {
				continue
			}
			// DELETED: what is left of it goes.
			if err := clusters.In(held.Account, held.Region).Delete(tx, id); err != nil {
				return nil, err
			}
			if err := tags.In(held.Account, held.Region).Delete(tx, id); err != nil {
				return nil, err
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		c.ID, c.Created = id, e.clock.Now()
		if err := claims.Rows().Put(tx, id, &claim{account, region}); err != nil {
			return nil, err
		}
		if err := clusters.In(account, region).Put(tx, id, &c); err != nil {
			return nil, err
		}
		if len(t) > 0 {
			if err := tags.In(account, region).Put(tx, id, &Tags{t}); err != nil {
				return nil, err
			}
		}
		return e.Find(tx, account, region, id)
	}
	return nil, ErrNoToken
}

// change edits a cluster that is not configured, not being deleted, and in one
// of the states; none given: any.
func (e *Engine) change(tx *store.Tx, account, region, id string, states []string, f func(*View, *Cluster) error) (*View, error) {
	v, err := e.Find(tx, account, region, id)
	if err != nil {
		return nil, err
	}
	switch {
	case v.Configured:
		return nil, Refusal("Cluster " + id + " is set in this server's configuration and cannot be changed.")
	case v.State == Deleting || v.State == Deleted || len(states) > 0 && !slices.Contains(states, v.State):
		return nil, Refusal("Cluster " + id + " is in state " + v.State + ", which is not valid for this operation.")
	}
	if _, err := clusters.In(account, region).Edit(tx, id, func(c *Cluster) error { return f(v, c) }); err != nil {
		return nil, err
	}
	return e.Find(tx, account, region, id)
}

// AddHSM adds an HSM in a zone of the cluster. The first one makes the signing
// request; its private key is not kept, since nobody speaks to a cluster by it.
// request names the call, so that its repetition makes the same HSM.
func (e *Engine) AddHSM(tx *store.Tx, account, region, id, zone, ip, request string) (*HSMView, error) {
	made := hsmID(id, request)
	v, err := e.change(tx, account, region, id, []string{Uninitialized, Initialized, Active}, func(v *View, c *Cluster) error {
		if _, ok := c.Subnets[zone]; !ok {
			return Refusal("Cluster " + id + " has no subnet in Availability Zone " + zone + ".")
		}
		if v.State == Uninitialized && len(v.HSMs) > 0 {
			return Refusal("Cluster " + id + " must be initialized before more HSMs can be added.")
		}
		if len(v.HSMs) >= maxHSMs {
			return Refusal("Cluster " + id + " has " + strconv.Itoa(maxHSMs) + " HSMs already.")
		}
		if c.CSR == "" {
			var err error
			if c.CSR, err = newRequest(id); err != nil {
				return err
			}
		}
		c.HSMs = append(prune(v), HSM{ID: made, Zone: zone, IP: ip, Created: e.clock.Now()})
		return nil
	})
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(v.HSMs, func(h HSMView) bool { return h.ID == made })
	return &v.HSMs[i], nil
}

// maxHSMs is CloudHSM's quota of HSMs in a cluster.
const maxHSMs = 28

// prune leaves out the HSMs that are gone.
func prune(v *View) []HSM {
	var out []HSM
	for _, h := range v.HSMs {
		out = append(out, h.HSM)
	}
	return out
}

// RemoveHSM deletes the HSM with that id or address, and answers its id.
func (e *Engine) RemoveHSM(tx *store.Tx, account, region, id, hsm, ip string) (removed string, err error) {
	_, err = e.change(tx, account, region, id, nil, func(v *View, c *Cluster) error {
		c.HSMs = prune(v)
		for i := range c.HSMs {
			h := &c.HSMs[i]
			if hsm != "" && h.ID == hsm || hsm == "" && ip != "" && h.IP == ip {
				if h.Deleted.IsZero() {
					h.Deleted = e.clock.Now()
				}
				removed = h.ID
				return nil
			}
		}
		return ErrNoHSM
	})
	return removed, err
}

// ErrNoHSM is no HSM of that id in the cluster.
var ErrNoHSM = errors.New("hsm: no such HSM")

// Initialize claims the cluster by a certificate over its signing request, which
// anchor, self-signed, has issued. Both are PEM.
func (e *Engine) Initialize(tx *store.Tx, account, region, id, certificate, anchor string) (*View, error) {
	return e.change(tx, account, region, id, []string{Uninitialized}, func(v *View, c *Cluster) error {
		if c.CSR == "" || v.zones() == 0 {
			return Refusal("Cluster " + id + " has no active HSM. Create one and sign the cluster's certificate signing request.")
		}
		if err := e.verify(c.CSR, certificate, anchor); err != nil {
			return err
		}
		c.Certificate, c.Anchor, c.Initialized = certificate, anchor, e.clock.Now()
		return nil
	})
}

// verify holds the certificate against the request and its issuer.
func (e *Engine) verify(csr, certificate, anchor string) error {
	block, _ := pem.Decode([]byte(csr))
	if block == nil {
		return errors.New("hsm: the signing request on record is damaged")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return err
	}
	root, err := parseCertificate([]byte(anchor))
	if err != nil {
		return Refusal("The trust anchor is not valid: " + err.Error() + ".")
	}
	cert, err := parseCertificate([]byte(certificate))
	if err != nil {
		return Refusal("The signed certificate is not valid: " + err.Error() + ".")
	}
	now := e.clock.Now()
	key, ok := request.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case root.CheckSignatureFrom(root) != nil:
		return Refusal("The trust anchor is not a self-signed certificate of a certificate authority.")
	case cert.CheckSignatureFrom(root) != nil:
		return Refusal("The signed certificate was not issued by the trust anchor.")
	case now.Before(root.NotBefore) || now.After(root.NotAfter) || now.Before(cert.NotBefore) || now.After(cert.NotAfter):
		return Refusal("The signed certificate or the trust anchor is expired or not yet valid.")
	case !ok || !key.Equal(cert.PublicKey):
		return Refusal("The signed certificate does not match the cluster's certificate signing request.")
	}
	return nil
}

// Release deletes a cluster without HSMs. The token stays as it is, and is free
// again once the cluster is DELETED.
func (e *Engine) Release(tx *store.Tx, account, region, id string) (*View, error) {
	return e.change(tx, account, region, id, nil, func(v *View, c *Cluster) error {
		if len(v.HSMs) > 0 {
			return Refusal("Cluster " + id + " still has HSMs. Delete them first.")
		}
		c.Deleted = e.clock.Now()
		return nil
	})
}

// Retain sets for how many days backups would be kept.
func (e *Engine) Retain(tx *store.Tx, account, region, id, days string) (*View, error) {
	return e.change(tx, account, region, id, nil, func(_ *View, c *Cluster) error {
		c.Retention = days
		return nil
	})
}

// Retag replaces a cluster's tags by what f makes of them.
func (e *Engine) Retag(tx *store.Tx, account, region, id string, f func([]Tag) ([]Tag, error)) error {
	v, err := e.Find(tx, account, region, id)
	if err != nil {
		return err
	}
	list, err := f(slices.Clone(v.Tags))
	if err != nil {
		return err
	}
	return tags.In(account, region).Put(tx, id, &Tags{list})
}
