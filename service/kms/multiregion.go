package kms

import (
	"context"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// family ties the keys of a multi-Region key together. They share their id,
// spec, usage, origin, material and rotation; everything else is each one's own.
type family struct {
	Primary  string   // region
	Replicas []string // regions, oldest first
}

var families = store.AccountTable[family]("kms.family")

// ReplicateKey makes a replica of a primary key in another region. It comes
// into being as Creating; a background job ends that.
func (s *Service) ReplicateKey(ctx context.Context, c *redoubt.Call, in *kmsapi.ReplicateKeyInput) (*kmsapi.ReplicateKeyOutput, error) {
	tx := store.From(ctx)
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	region := value(in.ReplicaRegion)
	if err := s.primaryOnly(tx, k); err != nil || !k.MultiRegion {
		return nil, firstError(err, notPrimary(k))
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	f, err := families.In(k.Account).Get(tx, k.ID)
	if err != nil {
		return nil, err
	}
	if redoubt.Partition(region) != c.Partition {
		return nil, kmsapi.ErrUnsupportedOperationException.New("The replica Region %s is in another partition.", region)
	}
	r, err := s.newReplica(ctx, c, k, region, in)
	if err != nil {
		return nil, err
	}
	if region == f.Primary || slices.Contains(f.Replicas, region) {
		return nil, kmsapi.ErrAlreadyExistsException.New("%s already exists.", r.ARN)
	}
	if err := s.countKey(tx, r, +1); err != nil {
		return nil, err
	}
	if _, err := families.In(k.Account).Edit(tx, k.ID, func(f *family) error {
		f.Replicas = append(f.Replicas, region)
		return nil
	}); err != nil {
		return nil, err
	}
	if p := k.pending(); p != nil && p.State == kmsapi.KeyMaterialStatePendingRotation {
		// The new replica lacks it.
		if _, err := s.edit(ctx, k, func(_ *store.Tx, k *Key) error {
			k.pending().State = kmsapi.KeyMaterialStatePendingMultiRegionImportAndRotation
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if err := put(tx, r); err != nil {
		return nil, err
	}
	if err := s.plan(tx, r, settling, s.clock.Now()); err != nil {
		return nil, err
	}
	m, err := s.metadata(tx, r)
	if err != nil {
		return nil, err
	}
	text, err := s.shownPolicy(tx, r.Policy)
	out := &kmsapi.ReplicateKeyOutput{ReplicaKeyMetadata: m, ReplicaPolicy: &text}
	if len(r.Tags) > 0 {
		out.ReplicaTags = apiTags(r.Tags)
	}
	return out, err
}

// newReplica answers the record of a replica of k.
func (s *Service) newReplica(ctx context.Context, c *redoubt.Call, k *Key, region string, in *kmsapi.ReplicateKeyInput) (r *Key, err error) {
	r = &Key{
		ID:          k.ID,
		ARN:         keyARN(c.Partition, region, k.Account, k.ID),
		Account:     k.Account,
		Region:      region,
		Created:     s.clock.Now(),
		Description: value(in.Description),
		Spec:        k.Spec,
		Usage:       k.Usage,
		Origin:      k.Origin,
		Manager:     k.Manager,
		State:       Creating,
		Resume:      Enabled,
		MultiRegion: true,
		Rotation:    Rotation{Automatic: k.Rotation.Automatic, Days: k.Rotation.Days, Next: k.Rotation.Next},
	}
	if r.Tags, err = newTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if r.Policy, err = s.newPolicy(ctx, c, r, in.Policy, value(in.BypassPolicyLockoutSafetyCheck)); err != nil {
		return nil, err
	}
	if r.imported() {
		r.Resume = PendingImport
	}
	return r, s.copyMaterials(k, r)
}

// copyMaterials gives a replica what it lacks of its primary's materials, and
// the states of all.
func (s *Service) copyMaterials(from, to *Key) error {
	for i := range from.Materials {
		src := &from.Materials[i]
		if dst := to.find(src.ID); dst != nil {
			dst.State, dst.Rotated, dst.By = src.State, src.Rotated, src.By
			continue
		}
		rec := Material{ID: src.ID, State: src.State, Rotated: src.Rotated, By: src.By}
		if to.imported() {
			// Each region imports for itself; the record says what is missing.
			to.Materials = append(to.Materials, rec)
			continue
		}
		m, err := s.unseal(from, src)
		if err != nil {
			return err
		}
		err = s.seal(to, &rec, m)
		m.Wipe()
		if err != nil {
			return err
		}
		to.Materials = append(to.Materials, rec)
	}
	return nil
}

// shareRotation brings a primary's rotation settings and materials to its
// replicas.
func (s *Service) shareRotation(tx *store.Tx, k *Key) error {
	return eachReplica(tx, k, func(r *Key) error {
		r.Rotation.Automatic, r.Rotation.Days, r.Rotation.Next = k.Rotation.Automatic, k.Rotation.Days, k.Rotation.Next
		if err := s.copyMaterials(k, r); err != nil {
			return err
		}
		if r.State == Enabled && !r.complete() {
			r.State = PendingImport // what became current is not imported here
		}
		return nil
	})
}

// eachReplica changes every replica of a primary key; for other keys there is
// none.
func eachReplica(tx *store.Tx, k *Key, f func(r *Key) error) error {
	if !k.MultiRegion {
		return nil
	}
	fam, err := families.In(k.Account).Get(tx, k.ID)
	if err != nil {
		return err
	}
	if fam.Primary != k.Region {
		return nil
	}
	for _, region := range fam.Replicas {
		if _, err := keys.In(k.Account, region).Edit(tx, k.ID, f); err != nil {
			return err
		}
	}
	return nil
}

// UpdatePrimaryRegion makes a replica the primary. Both keys are Updating until
// a background job ends that.
func (s *Service) UpdatePrimaryRegion(ctx context.Context, c *redoubt.Call, in *kmsapi.UpdatePrimaryRegionInput) (*kmsapi.UpdatePrimaryRegionOutput, error) {
	tx := store.From(ctx)
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	if err := s.primaryOnly(tx, k); err != nil || !k.MultiRegion {
		return nil, firstError(err, notPrimary(k))
	}
	if err := s.allows(ctx, k, c.Operation); err != nil {
		return nil, err
	}
	region := value(in.PrimaryRegion)
	if region == k.Region {
		return nil, kmsapi.ErrUnsupportedOperationException.New("%s is already the primary key.", k.ARN)
	}
	r, err := load(tx, k.Account, region, k.ID)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, noSuchKey(keyARN(c.Partition, region, k.Account, k.ID))
	}
	if err := s.allows(ctx, r, c.Operation); err != nil {
		return nil, err
	}
	if _, err := families.In(k.Account).Edit(tx, k.ID, func(f *family) error {
		// The new primary's place among the replicas goes to the old one.
		f.Replicas[slices.Index(f.Replicas, region)] = f.Primary
		f.Primary = region
		return nil
	}); err != nil {
		return nil, err
	}
	if err := s.unplan(tx, k, rotation); err != nil {
		return nil, err
	}
	if k.Rotation.Automatic {
		if err := s.plan(tx, r, rotation, k.Rotation.Next); err != nil {
			return nil, err
		}
	}
	demanded := k.Rotation.Demanded
	for _, each := range []*Key{k, r} {
		if _, err := s.edit(ctx, each, func(tx *store.Tx, k *Key) error {
			k.Resume, k.State = k.State, Updating
			k.Rotation.Demanded = demanded
			return s.plan(tx, k, settling, s.clock.Now())
		}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// settle is the job that ends Creating and Updating.
func (s *Service) settle(_ *store.Tx, k *Key) error {
	if k.State == Creating || k.State == Updating {
		k.State, k.Resume = k.Resume, ""
	}
	return nil
}

// primaryOnly refuses replicas; keys of a single region pass.
func (s *Service) primaryOnly(tx *store.Tx, k *Key) error {
	replica, err := isReplica(tx, k)
	if err == nil && replica {
		err = notPrimary(k)
	}
	return err
}

func notPrimary(k *Key) error {
	return kmsapi.ErrUnsupportedOperationException.New("%s is not a multi-region primary key.", k.ARN)
}

func isReplica(tx *store.Tx, k *Key) (bool, error) {
	if !k.MultiRegion {
		return false, nil
	}
	f, err := families.In(k.Account).Get(tx, k.ID)
	if err != nil {
		return false, err
	}
	return f.Primary != k.Region, nil
}

// describeFamily words MultiRegionConfiguration; ReplicaKeys is there even when
// empty.
func describeFamily(tx *store.Tx, k *Key) (*kmsapi.MultiRegionConfiguration, error) {
	f, err := families.In(k.Account).Get(tx, k.ID)
	if err != nil {
		return nil, err
	}
	place := func(region string) kmsapi.MultiRegionKey {
		return kmsapi.MultiRegionKey{Arn: new(keyARN(redoubt.Partition(region), region, k.Account, k.ID)), Region: &region}
	}
	out := &kmsapi.MultiRegionConfiguration{
		MultiRegionKeyType: new(familyPlace(f, k)),
		PrimaryKey:         new(place(f.Primary)),
		ReplicaKeys:        make([]kmsapi.MultiRegionKey, 0, len(f.Replicas)),
	}
	for _, r := range f.Replicas {
		out.ReplicaKeys = append(out.ReplicaKeys, place(r))
	}
	return out, nil
}

func familyPlace(f *family, k *Key) string {
	if f.Primary == k.Region {
		return kmsapi.MultiRegionKeyTypePrimary
	}
	return kmsapi.MultiRegionKeyTypeReplica
}

// familyConditions sets kms:MultiRegionKeyType.
func familyConditions(tx *store.Tx, k *Key, m conditions) error {
	f, err := families.In(k.Account).Get(tx, k.ID)
	if err != nil {
		return err
	}
	m["kms:MultiRegionKeyType"] = []string{familyPlace(f, k)}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
