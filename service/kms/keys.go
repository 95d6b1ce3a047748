package kms

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Key is a KMS key in one region. A multi-Region key is one Key per region with
// the same ID, tied together by a family record.
type Key struct {
	ID          string
	ARN         string
	Account     string
	Region      string
	Created     time.Time
	Description string `json:",omitempty"`
	Spec        material.Spec
	Usage       material.Usage
	Origin      string
	// Manager is CUSTOMER or AWS; Service is, for AWS, the endpoint name of the
	// service whose key this is ("s3").
	Manager string
	Service string `json:",omitempty"`
	// State is the state of the key itself. That its custom key store is
	// disconnected does not change it: see Service.state.
	State State
	// Resume is the state to which a transient state ends.
	Resume State  `json:",omitempty"`
	Policy string // as stored: see policies.go
	Tags   []Tag  `json:",omitempty"`
	// Aliases are the names of the aliases that point here, oldest first. They
	// stand here too because kms:ResourceAliases is a condition of every call.
	Aliases     []string   `json:",omitempty"`
	MultiRegion bool       `json:",omitempty"`
	Granted     bool       `json:",omitempty"` // there are grants
	PublicKey   []byte     `json:",omitempty"` // SubjectPublicKeyInfo, DER
	Materials   []Material `json:",omitempty"` // oldest first
	Rotation    Rotation
	Deletion    *Deletion `json:",omitempty"`
	// KeyStore is the id of the custom key store that holds the key, and Backing
	// the key's name there: a token's object id or an XksKeyId.
	KeyStore string `json:",omitempty"`
	Backing  string `json:",omitempty"`

	fixed atomic.Pointer[fixed] // derived once per record, see conditions.go
}

// Deletion is a scheduled deletion.
type Deletion struct {
	Date   time.Time // zero while replicas keep a primary from being deleted
	Window int32     // days
}

// Tag is a key's tag; order is the order in which they were first set.
type Tag struct{ Key, Value string }

var keys = store.RegionalTable[Key]("kms.key")

// DescribeKey answers a key's metadata, in every state.
func (s *Service) DescribeKey(ctx context.Context, c *redoubt.Call, in *kmsapi.DescribeKeyInput) (*kmsapi.DescribeKeyOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byAlias)
	if err != nil {
		return nil, err
	}
	m, err := s.metadata(store.From(ctx), k)
	return &kmsapi.DescribeKeyOutput{KeyMetadata: m}, err
}

// ListKeys lists the account's keys in the region, AWS managed ones included.
func (s *Service) ListKeys(ctx context.Context, c *redoubt.Call, in *kmsapi.ListKeysInput) (*kmsapi.ListKeysOutput, error) {
	p, err := s.page(c, in.Limit, in.Marker, keyPages)
	if err != nil {
		return nil, err
	}
	out := &kmsapi.ListKeysOutput{Keys: []kmsapi.KeyListEntry{}}
	for row, err := range keys.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{After: p.after}) {
		if err != nil {
			return nil, err
		}
		if len(out.Keys) == p.limit {
			p.more(out.Keys[p.limit-1].KeyId)
			break
		}
		out.Keys = append(out.Keys, kmsapi.KeyListEntry{KeyId: &row.Value.ID, KeyArn: &row.Value.ARN})
	}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

// EnableKey makes a disabled key usable again. Rotations that fell due
// meanwhile are made up for at once.
func (s *Service) EnableKey(ctx context.Context, c *redoubt.Call, in *kmsapi.EnableKeyInput) (*kmsapi.EnableKeyOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(tx *store.Tx, k *Key) error {
		if k.State != Enabled {
			k.State = Enabled
			return s.rotateIfOverdue(tx, k)
		}
		return nil
	})
	return nil, err
}

// DisableKey makes a key unusable until it is enabled.
func (s *Service) DisableKey(ctx context.Context, c *redoubt.Call, in *kmsapi.DisableKeyInput) (*kmsapi.DisableKeyOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(_ *store.Tx, k *Key) error {
		k.State = Disabled
		return nil
	})
	return nil, err
}

// UpdateKeyDescription replaces a key's description.
func (s *Service) UpdateKeyDescription(ctx context.Context, c *redoubt.Call, in *kmsapi.UpdateKeyDescriptionInput) (*kmsapi.UpdateKeyDescriptionOutput, error) {
	_, err := s.change(ctx, c, in.KeyId, func(_ *store.Tx, k *Key) error {
		k.Description = value(in.Description)
		return nil
	})
	return nil, err
}

// change finds the key that a management call names, holds its state against
// the matrix, and writes what f makes of it. It answers the new record.
func (s *Service) change(ctx context.Context, c *redoubt.Call, id *string, f func(*store.Tx, *Key) error) (*Key, error) {
	k, err := s.key(ctx, c, id, byID)
	if err != nil {
		return nil, err
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	if err := customerManaged(k); err != nil {
		return nil, err
	}
	return s.edit(ctx, k, f)
}

// edit writes what f makes of a copy of k.
func (s *Service) edit(ctx context.Context, k *Key, f func(*store.Tx, *Key) error) (*Key, error) {
	tx := store.From(ctx)
	return keys.In(k.Account, k.Region).Edit(tx, k.ID, func(k *Key) error { return f(tx, k) })
}

// customerManaged refuses management of AWS managed keys. Their key policy
// already denies it to everyone; this holds should that ever change.
func customerManaged(k *Key) error {
	if k.Manager == kmsapi.KeyManagerTypeAws {
		return redoubt.ErrAccessDenied.New("%s is an AWS managed key.", k.ARN)
	}
	return nil
}

func put(tx *store.Tx, k *Key) error {
	return keys.In(k.Account, k.Region).Put(tx, k.ID, k)
}

// load answers the key, or nil when there is none.
func load(tx *store.Tx, account, region, id string) (*Key, error) {
	k, err := keys.In(account, region).Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return k, err
}

// metadata words a key as DescribeKey answers it: what does not apply is
// absent.
func (s *Service) metadata(tx *store.Tx, k *Key) (*kmsapi.KeyMetadata, error) {
	state, err := s.state(tx, k)
	if err != nil {
		return nil, err
	}
	alg := k.Spec.Algorithms(k.Usage)
	m := &kmsapi.KeyMetadata{
		AWSAccountId:           &k.Account,
		KeyId:                  &k.ID,
		Arn:                    &k.ARN,
		CreationDate:           &k.Created,
		Enabled:                new(state == Enabled),
		Description:            &k.Description,
		KeyUsage:               new(string(k.Usage)),
		KeyState:               new(string(state)),
		Origin:                 &k.Origin,
		KeyManager:             &k.Manager,
		KeySpec:                new(string(k.Spec)),
		CustomerMasterKeySpec:  new(string(k.Spec)),
		EncryptionAlgorithms:   alg.Encryption,
		SigningAlgorithms:      alg.Signing,
		MacAlgorithms:          alg.MAC,
		KeyAgreementAlgorithms: alg.Agreement,
		MultiRegion:            &k.MultiRegion,
	}
	if id := k.shownMaterial(); id != "" {
		m.CurrentKeyMaterialId = &id
	}
	if model, until := k.expiration(); model != "" {
		m.ExpirationModel = &model
		m.ValidTo = until
	}
	if d := k.Deletion; d != nil {
		if d.Date.IsZero() {
			m.PendingDeletionWindowInDays = &d.Window
		} else {
			m.DeletionDate = &d.Date
		}
	}
	if k.KeyStore != "" {
		if err := describeStore(tx, k, m); err != nil {
			return nil, err
		}
	}
	if k.MultiRegion {
		m.MultiRegionConfiguration, err = describeFamily(tx, k)
	}
	return m, err
}

func keyARN(partition, region, account, id string) string {
	return "arn:" + partition + ":kms:" + region + ":" + account + ":key/" + id
}

// value answers what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func firstSet[T any](ps ...*T) *T {
	i := slices.IndexFunc(ps, func(p *T) bool { return p != nil })
	if i < 0 {
		return nil
	}
	return ps[i]
}
