package kms

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Grants lie under their key; the other tables find them. Every call on a key
// with grants asks whether the caller has one, so that most must learn cheaply
// that there is none: grantees says how many grants a principal has on a key,
// which the store remembers even when it is absent.
var (
	grants      = store.RegionalTable[Grant]("kms.grant")           // key id, grant id
	grantCounts = store.RegionalTable[grantCount]("kms.grantcount") // key id
	grantees    = store.RegionalTable[grantCount]("kms.grantee")    // key id, grantee
	granteeOf   = store.RegionalTable[grantRef]("kms.granteeof")    // key id, grantee, grant id
	grantNames  = store.RegionalTable[grantRef]("kms.grantname")    // key id, digest of name and parameters
	retirable   = store.RegionalTable[grantRef]("kms.retirable")    // retiring principal, account, key id, grant id
)

type grantCount struct{ N int }

// grantRef leads to a grant; Account and Key where the table spans several.
type grantRef struct {
	Account string `json:",omitempty"`
	Key     string `json:",omitempty"`
	Grant   string
}

func grantPrefix(key string) string { return store.ID(key) + "\x00" }

// retiringScope is the account under which retirable grants are listed: the
// retiring principal's.
func retiringScope(principal string, service bool) string {
	if service {
		return "service"
	}
	if a, err := redoubt.ParseARN(principal); err == nil {
		return a.Account
	}
	return ""
}

// indexGrant writes a grant and what finds it.
func (s *Service) indexGrant(tx *store.Tx, k *Key, g *Grant) error {
	a, r := k.Account, k.Region
	if err := grants.In(a, r).Put(tx, store.ID(k.ID, g.ID), g); err != nil {
		return err
	}
	if err := countGrantee(tx, k, g, +1); err != nil {
		return err
	}
	if err := granteeOf.In(a, r).Put(tx, store.ID(k.ID, g.Grantee, g.ID), &grantRef{Grant: g.ID}); err != nil {
		return err
	}
	if g.Name != "" {
		if err := grantNames.In(a, r).Put(tx, g.nameKey(), &grantRef{Grant: g.ID}); err != nil {
			return err
		}
	}
	if g.Retiring == "" {
		return nil
	}
	return retirable.In(retiringScope(g.Retiring, g.RetiringService), r).
		Put(tx, store.ID(g.Retiring, a, k.ID, g.ID), &grantRef{a, k.ID, g.ID})
}

// removeGrant undoes indexGrant and counts the grant out.
func (s *Service) removeGrant(tx *store.Tx, k *Key, g *Grant) error {
	a, r := k.Account, k.Region
	if err := s.countGrant(tx, k, -1); err != nil {
		return err
	}
	if err := countGrantee(tx, k, g, -1); err != nil {
		return err
	}
	if err := granteeOf.In(a, r).Delete(tx, store.ID(k.ID, g.Grantee, g.ID)); err != nil {
		return err
	}
	if g.Name != "" {
		if err := grantNames.In(a, r).Delete(tx, g.nameKey()); err != nil {
			return err
		}
	}
	if g.Retiring != "" {
		if err := retirable.In(retiringScope(g.Retiring, g.RetiringService), r).
			Delete(tx, store.ID(g.Retiring, a, k.ID, g.ID)); err != nil {
			return err
		}
	}
	return grants.In(a, r).Delete(tx, store.ID(k.ID, g.ID))
}

// countGrant counts a key's grants, and notes on the key whether there are any:
// most calls are on keys that have none.
func (s *Service) countGrant(tx *store.Tx, k *Key, by int) error {
	rows := grantCounts.In(k.Account, k.Region)
	n := grantCount{}
	if old, err := rows.Get(tx, k.ID); err == nil {
		n = *old
	} else if !isNotFound(err) {
		return err
	}
	if by > 0 && n.N >= s.quotas.GrantsPerKey {
		return kmsapi.ErrLimitExceededException.New("The quota of %d grants for the KMS key %s is exceeded.", s.quotas.GrantsPerKey, k.ARN)
	}
	n.N += by
	if err := rows.Put(tx, k.ID, &n); err != nil || k.Granted == (n.N > 0) {
		return err
	}
	_, err := keys.In(k.Account, k.Region).Edit(tx, k.ID, func(k *Key) error {
		k.Granted = n.N > 0
		return nil
	})
	return err
}

func countGrantee(tx *store.Tx, k *Key, g *Grant, by int) error {
	rows, id := grantees.In(k.Account, k.Region), store.ID(k.ID, g.Grantee)
	n := grantCount{}
	if old, err := rows.Get(tx, id); err == nil {
		n = *old
	} else if !isNotFound(err) {
		return err
	}
	if n.N += by; n.N <= 0 {
		return rows.Delete(tx, id)
	}
	return rows.Put(tx, id, &n)
}

// granted answers the id of a grant on k that lets the caller do the operation,
// or "". A grant for a role holds for its sessions.
func (s *Service) granted(ctx context.Context, c *redoubt.Call, k *Key, operation string, r right) (string, error) {
	tx := store.From(ctx)
	p := &c.Principal
	names := [2]string{p.ARN}
	if p.Kind == redoubt.Role {
		names[1] = p.Issuer
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		id := store.ID(k.ID, name)
		if n, err := grantees.In(k.Account, k.Region).Get(tx, id); isNotFound(err) || err == nil && n.N == 0 {
			continue
		} else if err != nil {
			return "", err
		}
		for row, err := range granteeOf.In(k.Account, k.Region).Scan(tx, store.Query{Prefix: id + "\x00"}) {
			if err != nil {
				return "", err
			}
			g, err := grants.In(k.Account, k.Region).Get(tx, store.ID(k.ID, row.Value.Grant))
			if err != nil {
				return "", err
			}
			if g.serves(c) && g.gives(c, operation, r) {
				return g.ID, nil
			}
		}
	}
	return "", nil
}

// serves tells whether the caller is the grantee.
func (g *Grant) serves(c *redoubt.Call) bool {
	return isPrincipal(c, g.Grantee, g.GranteeID, g.GranteeService)
}

// retiredBy tells whether the grant itself lets the caller retire it: its
// retiring principal, or the grantee where the operation is listed. No
// constraint applies.
func (g *Grant) retiredBy(c *redoubt.Call) bool {
	return g.Retiring != "" && isPrincipal(c, g.Retiring, g.RetiringID, g.RetiringService) ||
		g.serves(c) && slices.Contains(g.Operations, kmsapi.GrantOperationRetireGrant)
}

// isPrincipal tells whether the caller is the principal of that ARN and, where it
// has one, unique id: whoever was made later under the same name is not.
func isPrincipal(c *redoubt.Call, arn, id string, service bool) bool {
	p := &c.Principal
	switch {
	case service || !strings.HasPrefix(arn, "arn:"):
		return p.Kind == redoubt.Service && p.ARN == arn
	case p.Kind == redoubt.Service || p.Kind == redoubt.Anonymous:
		return false
	case p.ARN == arn:
		return id == "" || p.ID == id || strings.HasPrefix(p.ID, id+":")
	case p.Kind == redoubt.Role && p.Issuer == arn:
		return id == "" || p.IssuerID == id
	}
	return false
}

// gives tells whether the grant allows this use.
func (g *Grant) gives(c *redoubt.Call, operation string, r right) bool {
	if !slices.Contains(g.Operations, operation) {
		return false
	}
	if r.grants != nil && !r.grants(g) {
		return false
	}
	switch operation {
	case kmsapi.GrantOperationCreateGrant, kmsapi.GrantOperationDescribeKey:
		// Encryption context constraints bind the grants that are made, not the
		// making of them; see narrower.
		return g.SourceARN == "" || g.SourceARN == c.Via.SourceARN
	}
	if g.SourceARN != "" && g.SourceARN != c.Via.SourceARN {
		return false
	}
	if g.Equals != nil && (len(g.Equals) != len(r.context) || !holds(g.Equals, r.context)) {
		return false
	}
	return g.Subset == nil || holds(g.Subset, r.context)
}

// holds tells whether every pair of the constraint is in the context: keys
// without regard to case, values with.
func holds(constraint, context map[string]string) bool {
	for k, v := range constraint {
		got, ok := context[k]
		if !ok {
			for ck, cv := range context {
				if strings.EqualFold(ck, k) {
					got, ok = cv, true
					break
				}
			}
		}
		if !ok || got != v {
			return false
		}
	}
	return true
}

// narrower tells whether child gives no more than the grant that lets its
// maker make it: no other operations, and constraints as strict or stricter.
func (g *Grant) narrower(child *Grant) bool {
	for _, o := range child.Operations {
		if !slices.Contains(g.Operations, o) {
			return false
		}
	}
	if g.SourceARN != "" && child.SourceARN != g.SourceARN {
		return false
	}
	if g.Equals != nil && (len(child.Equals) != len(g.Equals) || !holds(g.Equals, child.Equals)) {
		return false
	}
	return g.Subset == nil || holds(g.Subset, child.Subset) || child.Equals != nil && holds(g.Subset, child.Equals)
}

// grantOperations are the rights that any grant on a key can give, by IAM
// action. RetireGrant is missing: it is about one grant, see retireNeeds.
var grantOperations = map[string]string{
	"kms:Decrypt":                             kmsapi.GrantOperationDecrypt,
	"kms:Encrypt":                             kmsapi.GrantOperationEncrypt,
	"kms:GenerateDataKey":                     kmsapi.GrantOperationGenerateDataKey,
	"kms:GenerateDataKeyWithoutPlaintext":     kmsapi.GrantOperationGenerateDataKeyWithoutPlaintext,
	"kms:GenerateDataKeyPair":                 kmsapi.GrantOperationGenerateDataKeyPair,
	"kms:GenerateDataKeyPairWithoutPlaintext": kmsapi.GrantOperationGenerateDataKeyPairWithoutPlaintext,
	"kms:ReEncryptFrom":                       kmsapi.GrantOperationReEncryptFrom,
	"kms:ReEncryptTo":                         kmsapi.GrantOperationReEncryptTo,
	"kms:Sign":                                kmsapi.GrantOperationSign,
	"kms:Verify":                              kmsapi.GrantOperationVerify,
	"kms:GetPublicKey":                        kmsapi.GrantOperationGetPublicKey,
	"kms:GenerateMac":                         kmsapi.GrantOperationGenerateMac,
	"kms:VerifyMac":                           kmsapi.GrantOperationVerifyMac,
	"kms:DeriveSharedSecret":                  kmsapi.GrantOperationDeriveSharedSecret,
	"kms:CreateGrant":                         kmsapi.GrantOperationCreateGrant,
	"kms:DescribeKey":                         kmsapi.GrantOperationDescribeKey,
}

// grantable tells whether a grant on k can list the operation.
func grantable(k *Key, operation string) bool {
	switch operation {
	case kmsapi.GrantOperationCreateGrant, kmsapi.GrantOperationRetireGrant, kmsapi.GrantOperationDescribeKey:
		return true
	case kmsapi.GrantOperationGetPublicKey:
		return k.Spec.Asymmetric()
	case kmsapi.GrantOperationEncrypt, kmsapi.GrantOperationDecrypt, kmsapi.GrantOperationReEncryptFrom, kmsapi.GrantOperationReEncryptTo:
		return k.Usage == material.EncryptDecrypt
	case kmsapi.GrantOperationSign, kmsapi.GrantOperationVerify:
		return k.Usage == material.SignVerify
	case kmsapi.GrantOperationGenerateMac, kmsapi.GrantOperationVerifyMac:
		return k.Usage == material.GenerateVerifyMAC
	case kmsapi.GrantOperationDeriveSharedSecret:
		return k.Usage == material.KeyAgreement
	}
	return k.Spec == material.Symmetric // data keys
}

// principalID checks a principal that a grant names and answers its unique id,
// if it has one.
func (s *Service) principalID(tx *store.Tx, arn string, service bool) (string, error) {
	if arn == "" || service {
		return "", nil
	}
	a, err := redoubt.ParseARN(arn)
	if err != nil || a.Service != "iam" && a.Service != "sts" || !isAccount(a.Account) {
		return "", invalidPrincipalARN(arn)
	}
	if s.principals == nil {
		return "", nil
	}
	id, ok, err := s.principals.PrincipalID(tx, arn)
	if err == nil && !ok {
		err = invalidPrincipalARN(arn)
	}
	return id, err
}

func invalidPrincipalARN(arn string) error {
	return kmsapi.ErrInvalidArnException.New("ARN does not refer to a valid principal: %s", arn)
}
