package kms

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Grant lets one principal do some operations on one key, until it is retired
// or revoked.
type Grant struct {
	ID      string // 64 hex digits
	Key     string // id
	Created time.Time
	Issuer  string // account that made it
	Name    string `json:",omitempty"`
	// Grantee and Retiring are principals' ARNs, or services' host names where
	// the flags say so. The ids hold them to one life of a user or role.
	Grantee         string
	GranteeID       string `json:",omitempty"`
	GranteeService  bool   `json:",omitempty"`
	Retiring        string `json:",omitempty"`
	RetiringID      string `json:",omitempty"`
	RetiringService bool   `json:",omitempty"`
	Operations      []string
	Equals          map[string]string `json:",omitempty"` // EncryptionContextEquals
	Subset          map[string]string `json:",omitempty"` // EncryptionContextSubset
	SourceARN       string            `json:",omitempty"`
}

// CreateGrant adds a grant. With the same name and parameters it answers the
// grant that there is, under a new token.
func (s *Service) CreateGrant(ctx context.Context, c *redoubt.Call, in *kmsapi.CreateGrantInput) (*kmsapi.CreateGrantOutput, error) {
	tx := store.From(ctx)
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	g := newGrant(c, k, in)
	if err := g.check(k); err != nil {
		return nil, err
	}
	if g.GranteeID, err = s.principalID(tx, g.Grantee, g.GranteeService); err != nil {
		return nil, err
	}
	if g.RetiringID, err = s.principalID(tx, g.Retiring, g.RetiringService); err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	same, err := s.sameGrant(tx, k, g)
	if err != nil {
		return nil, err
	}
	if same != nil {
		g = same
	} else if err := s.addGrant(tx, k, g); err != nil {
		return nil, err
	}
	token, err := s.newToken(k, g)
	if err != nil {
		return nil, err
	}
	return &kmsapi.CreateGrantOutput{GrantId: &g.ID, GrantToken: &token}, nil
}

func newGrant(c *redoubt.Call, k *Key, in *kmsapi.CreateGrantInput) *Grant {
	g := &Grant{
		Key:             k.ID,
		Issuer:          c.Account,
		Name:            value(in.Name),
		Grantee:         value(firstSet(in.GranteePrincipal, in.GranteeServicePrincipal)),
		GranteeService:  in.GranteeServicePrincipal != nil,
		Retiring:        value(firstSet(in.RetiringPrincipal, in.RetiringServicePrincipal)),
		RetiringService: in.RetiringServicePrincipal != nil,
	}
	for _, o := range in.Operations {
		if !slices.Contains(g.Operations, o) {
			g.Operations = append(g.Operations, o)
		}
	}
	if con := in.Constraints; con != nil {
		g.Equals, g.Subset, g.SourceARN = con.EncryptionContextEquals, con.EncryptionContextSubset, value(con.SourceArn)
	}
	return g
}

// checkGrantShape refuses requests that no key could satisfy, before anything is
// looked up.
func checkGrantShape(in *kmsapi.CreateGrantInput) error {
	switch {
	case in.GranteePrincipal == nil && in.GranteeServicePrincipal == nil:
		return required("granteePrincipal")
	case in.GranteePrincipal != nil && in.GranteeServicePrincipal != nil:
		return redoubt.ErrValidation.New("You must specify either GranteePrincipal or GranteeServicePrincipal, but not both.")
	case in.RetiringPrincipal != nil && in.RetiringServicePrincipal != nil:
		return redoubt.ErrValidation.New("You can specify either RetiringPrincipal or RetiringServicePrincipal, but not both.")
	case in.GranteeServicePrincipal != nil && (in.Constraints == nil || in.Constraints.SourceArn == nil):
		return redoubt.ErrValidation.New("You must specify a SourceArn grant constraint when you specify GranteeServicePrincipal.")
	case in.GranteeServicePrincipal != nil && in.RetiringPrincipal == nil && in.RetiringServicePrincipal == nil:
		return redoubt.ErrValidation.New("You must specify either RetiringPrincipal or RetiringServicePrincipal when you specify GranteeServicePrincipal.")
	}
	return nil
}

// The limits of encryption context constraints.
const (
	maxConstraintPairs = 8
	maxConstraintValue = 384
)

// check refuses what does not fit the key.
func (g *Grant) check(k *Key) error {
	for _, o := range g.Operations {
		if !grantable(k, o) {
			return redoubt.ErrValidation.New("The grant operation %s is not valid for key spec %s and key usage %s.", o, k.Spec, k.Usage)
		}
	}
	for _, con := range []map[string]string{g.Equals, g.Subset} {
		if con == nil {
			continue
		}
		if kind(k.Spec) != "symmetric" {
			return redoubt.ErrValidation.New("Encryption context constraints are supported for symmetric encryption KMS keys only.")
		}
		if len(con) > maxConstraintPairs {
			return redoubt.ErrValidation.New("A grant constraint can have at most %d encryption context pairs.", maxConstraintPairs)
		}
		for _, v := range con {
			if len(v) > maxConstraintValue {
				return redoubt.ErrValidation.New("An encryption context value in a grant constraint can have at most %d characters.", maxConstraintValue)
			}
		}
	}
	return nil
}

// addGrant writes a new grant and its indexes.
func (s *Service) addGrant(tx *store.Tx, k *Key, g *Grant) error {
	if err := s.countGrant(tx, k, +1); err != nil {
		return err
	}
	var id [32]byte
	rand.Read(id[:])
	g.ID, g.Created = hex.EncodeToString(id[:]), s.clock.Now()
	return s.indexGrant(tx, k, g)
}

// sameGrant finds the grant of the same name and parameters; nil if there is
// none, or no name.
func (s *Service) sameGrant(tx *store.Tx, k *Key, g *Grant) (*Grant, error) {
	if g.Name == "" {
		return nil, nil
	}
	id, err := grantNames.In(k.Account, k.Region).Get(tx, g.nameKey())
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old, err := grants.In(k.Account, k.Region).Get(tx, store.ID(k.ID, id.Grant))
	if isNotFound(err) {
		return nil, nil
	}
	return old, err
}

// nameKey names everything that makes two requests the same.
func (g *Grant) nameKey() string {
	same := *g
	same.ID, same.Created = "", time.Time{}
	same.Operations = slices.Sorted(slices.Values(g.Operations))
	b, err := json.Marshal(&same) // maps are written in order of their keys
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(b)
	return store.ID(g.Key, hex.EncodeToString(sum[:]))
}

// RevokeGrant deletes a grant: the key's administrators' way.
func (s *Service) RevokeGrant(ctx context.Context, c *redoubt.Call, in *kmsapi.RevokeGrantInput) (*kmsapi.RevokeGrantOutput, error) {
	tx := store.From(ctx)
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	g, err := s.grant(tx, k, value(in.GrantId))
	if err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	return nil, s.removeGrant(tx, k, g)
}

// RetireGrant deletes a grant: the way of those who no longer need it.
func (s *Service) RetireGrant(ctx context.Context, c *redoubt.Call, in *kmsapi.RetireGrantInput) (*kmsapi.RetireGrantOutput, error) {
	tx := store.From(ctx)
	n, id, err := s.retired(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if n.missing != nil {
		return nil, n.missing
	}
	g, err := s.grant(tx, n.key, id)
	if err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	return nil, s.removeGrant(tx, n.key, g)
}

// retired answers the key and the grant id that a RetireGrant means.
func (s *Service) retired(ctx context.Context, c *redoubt.Call, in *kmsapi.RetireGrantInput) (named, string, error) {
	if in.GrantToken != nil {
		t, err := s.openToken(c, *in.GrantToken)
		if err != nil {
			return named{}, "", err
		}
		n, err := s.resolve(ctx, c, keyARN(c.Partition, t.Region, t.Account, t.Key), byID)
		return n, t.Grant, err
	}
	n, err := s.resolve(ctx, c, value(in.KeyId), byID)
	return n, value(in.GrantId), err
}

// checkRetireShape refuses requests that name no grant.
func checkRetireShape(in *kmsapi.RetireGrantInput) error {
	if in.GrantToken == nil && (in.KeyId == nil || in.GrantId == nil) {
		return redoubt.ErrValidation.New("You must specify either a grant token, or both a key ID and a grant ID.")
	}
	if in.GrantToken != nil && (in.KeyId != nil || in.GrantId != nil) {
		return redoubt.ErrValidation.New("You cannot specify both a grant token and a key ID or grant ID.")
	}
	return nil
}

// grant answers the key's grant of that id.
func (s *Service) grant(tx *store.Tx, k *Key, id string) (*Grant, error) {
	if len(id) != 64 || !isHex(id) {
		return nil, kmsapi.ErrInvalidGrantIdException.New("Invalid grant ID '%s'", id)
	}
	g, err := grants.In(k.Account, k.Region).Get(tx, store.ID(k.ID, id))
	if isNotFound(err) {
		return nil, kmsapi.ErrNotFoundException.New("Grant ID %s not found", id)
	}
	return g, err
}
