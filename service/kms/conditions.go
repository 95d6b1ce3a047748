package kms

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// conditions are the condition keys of a request beyond those that the policy
// engine knows itself (kms:CallerAccount and kms:ViaService are its own).
//
// Source: KMS Developer Guide, "AWS KMS condition keys"; Service Authorization
// Reference, "Actions, resources, and condition keys for AWS KMS".
type conditions map[string][]string

func (m conditions) set(name string, v *string) {
	if v != nil {
		m[name] = []string{*v}
	}
}

func (m conditions) flag(name string, v bool) { m[name] = []string{strconv.FormatBool(v)} }

func (m conditions) number(name string, v int32) { m[name] = []string{strconv.Itoa(int(v))} }

// encryptionContext sets kms:EncryptionContext:key for every pair, and
// kms:EncryptionContextKeys.
func (m conditions) encryptionContext(context map[string]string) {
	if len(context) == 0 {
		return
	}
	names := make([]string, 0, len(context))
	for k, v := range context {
		m["kms:EncryptionContext:"+k] = []string{v}
		names = append(names, k)
	}
	slices.Sort(names)
	m["kms:EncryptionContextKeys"] = names
}

// tags sets aws:RequestTag/key and aws:TagKeys.
func (m conditions) tags(tags []kmsapi.Tag) {
	if len(tags) == 0 {
		return
	}
	names := make([]string, 0, len(tags))
	for _, t := range tags {
		m["aws:RequestTag/"+value(t.TagKey)] = []string{value(t.TagValue)}
		names = append(names, value(t.TagKey))
	}
	m["aws:TagKeys"] = names
}

// fixed is what every need on a key carries. It is derived once per version of
// the record, which is shared by all calls, and never changed.
type fixed struct {
	*shape
	tags map[string]string
}

// shape is the part of fixed that keys without aliases share with all their
// like: a hundred thousand keys have a handful of shapes.
type shape struct {
	conditions conditions
	// symmetric adds kms:EncryptionAlgorithm as almost every use of a key has it,
	// so that those uses share one map.
	symmetric conditions
}

// likeness is what makes keys alike.
type likeness struct {
	origin string
	spec   material.Spec
	usage  material.Usage
	multi  bool
}

func (s *Service) derived(k *Key) *fixed {
	if f := k.fixed.Load(); f != nil {
		return f
	}
	f := &fixed{shape: s.shape(k)}
	if len(k.Tags) > 0 {
		f.tags = make(map[string]string, len(k.Tags))
		for _, t := range k.Tags {
			f.tags[t.Key] = t.Value
		}
	}
	k.fixed.Store(f)
	return f
}

func (s *Service) shape(k *Key) *shape {
	like := likeness{k.Origin, k.Spec, k.Usage, k.MultiRegion}
	if len(k.Aliases) == 0 {
		if sh, ok := s.shapes.Load(like); ok {
			return sh.(*shape)
		}
	}
	sh := &shape{conditions: conditions{
		"kms:KeyOrigin":              {k.Origin},
		"kms:KeySpec":                {string(k.Spec)},
		"kms:KeyUsage":               {string(k.Usage)},
		"kms:CustomerMasterKeySpec":  {string(k.Spec)},
		"kms:CustomerMasterKeyUsage": {string(k.Usage)},
	}}
	sh.conditions.flag("kms:MultiRegion", k.MultiRegion)
	if len(k.Aliases) > 0 {
		sh.conditions["kms:ResourceAliases"] = k.Aliases
	}
	sh.symmetric = maps.Clone(sh.conditions)
	sh.symmetric["kms:EncryptionAlgorithm"] = []string{material.SymmetricDefault}
	if len(k.Aliases) == 0 {
		s.shapes.Store(like, sh)
	}
	return sh
}

// right is one right that a call takes on a key.
type right struct {
	action  string // "kms:Encrypt"
	key     named
	context map[string]string
	tokens  []string
	with    conditions // the operation's own condition keys; may be nil
	// algorithm is kms:EncryptionAlgorithm; empty where there is none.
	algorithm string
	// reach: principals of other accounts may have it too.
	reach bool
	// refusal replaces AWS's usual wording.
	refusal string
	// grants says whether a grant can give this right, given the grant; nil
	// means that listing the operation is enough.
	grants func(*Grant) bool
}

// need words a right for the front door.
func (s *Service) need(ctx context.Context, c *redoubt.Call, r right) (redoubt.Need, error) {
	n := redoubt.Need{Action: r.action, Resource: r.key.arn, Account: r.key.owner, Refusal: r.refusal}
	k := r.key.key
	if k == nil {
		n.Conditions = r.conditions(nil)
		return n, nil
	}
	f := s.derived(k)
	n.Tags = f.tags
	n.Strict = true
	if r.reach || c.Account == k.Account {
		n.Policy = k.Policy
	}
	switch {
	case k.MultiRegion:
		n.Conditions = r.conditions(f.conditions)
		if err := familyConditions(store.From(ctx), k, n.Conditions); err != nil {
			return n, err
		}
	case r.algorithm == material.SymmetricDefault && len(r.context) == 0 && r.with == nil && r.key.alias == "":
		n.Conditions = f.symmetric // shared, like everything of the record
	default:
		of := r // here, so that the other cases need not allocate it
		n.More = func() map[string][]string { return of.conditions(f.conditions) }
	}
	for _, token := range r.tokens {
		// Grants hold at once, so that a token has nothing to speed up; but AWS
		// refuses those that it did not make.
		if _, err := s.openToken(c, token); err != nil {
			return n, err
		}
	}
	operation, ok := grantOperations[r.action]
	if !ok || !k.Granted {
		return n, nil
	}
	var err error
	n.Grant, err = s.granted(ctx, c, k, operation, r)
	return n, err
}

// conditions answers the key's condition keys and the request's own.
func (r *right) conditions(ofKey conditions) conditions {
	m := make(conditions, len(ofKey)+len(r.with)+len(r.context)+3)
	maps.Copy(m, ofKey)
	if r.key.alias != "" {
		m["kms:RequestAlias"] = []string{r.key.alias}
	}
	if r.algorithm != "" {
		m["kms:EncryptionAlgorithm"] = []string{r.algorithm}
	}
	m.encryptionContext(r.context)
	maps.Copy(m, r.with)
	return m
}

// timeCondition words a time as date conditions compare it.
func timeCondition(t *time.Time) *string {
	if t == nil {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05Z"))
}
