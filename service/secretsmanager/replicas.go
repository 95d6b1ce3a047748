package secretsmanager

import (
	"context"
	"maps"
	"regexp"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/store"
)

// A replica is a secret of its own record in another Region, with the primary's
// name, random end, labels, tags and policy, and with its values encrypted anew
// under a key of that Region. All of it is done within the call that changes the
// primary, with the caller's rights on both keys: no identity outlives its request.
// What fails in one Region is told by the replica's status, and tried again by the
// next change or by ReplicateSecretToRegions.

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d{1,2}$`)

// ReplicateSecretToRegions makes replicas, or tries failed ones again.
func (s *Service) ReplicateSecretToRegions(ctx context.Context, c *redoubt.Call, in *api.ReplicateSecretToRegionsInput) (*api.ReplicateSecretToRegionsOutput, error) {
	sec, err := s.change(ctx, c, in.SecretId, func(_ *store.Tx, sec *Secret) error {
		return s.addReplicas(ctx, c, sec, in.AddReplicaRegions, value(in.ForceOverwriteReplicaSecret))
	})
	if err != nil {
		return nil, err
	}
	status, err := replicationStatus(store.From(ctx), sec)
	return &api.ReplicateSecretToRegionsOutput{ARN: &sec.ARN, ReplicationStatus: status}, err
}

// addReplicas adds Regions to a secret's record, and fills them.
func (s *Service) addReplicas(ctx context.Context, c *redoubt.Call, sec *Secret, list []api.ReplicaRegionType, overwrite bool) error {
	tx := store.From(ctx)
	for i, add := range list {
		region := value(add.Region)
		switch {
		case !regionForm.MatchString(region) || redoubt.Partition(region) != c.Partition, region == sec.Region:
			return api.ErrInvalidParameterException.New("Invalid replica region.")
		case slices.ContainsFunc(list[:i], func(r api.ReplicaRegionType) bool { return value(r.Region) == region }):
			return api.ErrInvalidParameterException.New("Duplicate replica regions are not allowed.")
		}
		at := slices.IndexFunc(sec.Replicas, func(r Replica) bool { return r.Region == region })
		if at >= 0 && sec.Replicas[at].Status == api.StatusTypeInSync {
			continue
		}
		if at < 0 {
			at = len(sec.Replicas)
			sec.Replicas = append(sec.Replicas, Replica{Region: region})
		}
		r := &sec.Replicas[at]
		*r = Replica{Region: region, Key: value(add.KmsKeyId)}
		if r.Key == defaultKey {
			r.Key = ""
		}
		old, err := secrets.In(sec.Account, region).Get(tx, store.ID(sec.Name))
		switch {
		case isAbsent(err) || err == nil && replicates(old, sec):
		case err != nil:
			return err
		case !overwrite || len(old.Replicas) > 0:
			r.Status = api.StatusTypeFailed
			r.Message = "Replication failed: Secret name " + sec.Name + " already exists in region " + region + "."
			continue
		default:
			if err := s.remove(tx, old); err != nil {
				return err
			}
		}
		if err := s.syncReplica(ctx, c, sec, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) syncReplicas(ctx context.Context, c *redoubt.Call, sec *Secret) error {
	for i := range sec.Replicas {
		if err := s.syncReplica(ctx, c, sec, &sec.Replicas[i]); err != nil {
			return err
		}
	}
	return nil
}

// inRegion is the ARN that a secret has as a replica.
func inRegion(arn, region string) string {
	a, err := redoubt.ParseARN(arn)
	if err != nil {
		return arn
	}
	a.Region = region
	return a.String()
}

// replicates reports whether a secret is a replica of sec. One that was promoted
// keeps its ARN, and is none any more.
func replicates(replica, sec *Secret) bool {
	return replica.Primary == sec.Region && replica.ARN == inRegion(sec.ARN, replica.Region)
}

// syncReplica brings one replica in line with its primary, or notes why not.
func (s *Service) syncReplica(ctx context.Context, c *redoubt.Call, sec *Secret, r *Replica) error {
	tx := store.From(ctx)
	arn := inRegion(sec.ARN, r.Region)
	old, err := secrets.In(sec.Account, r.Region).Get(tx, store.ID(sec.Name))
	switch {
	case isAbsent(err):
		old = &Secret{ARN: arn, Created: s.clock.Now()}
	case err != nil:
		return err
	case !replicates(old, sec):
		return nil // another secret has the name; the status says so already
	}
	next := &Secret{
		ARN: arn, Name: sec.Name, Account: sec.Account, Region: r.Region, Primary: sec.Region, Key: r.Key,
		Created: old.Created, Accessed: old.Accessed, Changed: sec.Changed,
		Description: sec.Description, Tags: sec.Tags, Tagged: sec.Tagged, Policy: sec.Policy, Stages: maps.Clone(sec.Stages), Versions: sec.Versions,
		Deleted: sec.Deleted,
	}
	if err := s.copyVersions(ctx, c, sec, next); err != nil {
		refusal, ok := isRefusal(err)
		if !ok {
			return err
		}
		r.Status, r.Message = api.StatusTypeFailed, "Replication failed: "+refusal.Error()
		return nil
	}
	r.Status, r.Message = api.StatusTypeInSync, "Replication succeeded"
	return next.put(tx)
}

// errNobody: there is a value to encrypt, and nobody with rights on keys calls.
func errNobody() error {
	return redoubt.ErrAccessDenied.New("Access to KMS is not allowed")
}

// copyVersions encrypts the labelled versions that a replica lacks.
func (s *Service) copyVersions(ctx context.Context, c *redoubt.Call, from, to *Secret) error {
	tx := store.From(ctx)
	for _, id := range slices.Sorted(maps.Values(from.Stages)) {
		v, err := from.version(tx, id)
		if err != nil {
			return err
		}
		have, err := to.version(tx, id)
		if err != nil && !isAbsent(err) {
			return err
		}
		if err == nil && (have.Sealed != nil) == (v.Sealed != nil) {
			continue
		}
		copied := &Version{ID: v.ID, Created: v.Created}
		if v.Sealed != nil {
			if c == nil {
				return errNobody()
			}
			val, err := s.open(ctx, c, from, v)
			if err != nil {
				return err
			}
			err = s.seal(ctx, c, to, copied, val)
			wipe(val)
			if err != nil {
				return err
			}
		}
		if err := to.putVersion(tx, copied); err != nil {
			return err
		}
	}
	return nil
}

// RemoveRegionsFromReplication deletes replicas.
func (s *Service) RemoveRegionsFromReplication(ctx context.Context, c *redoubt.Call, in *api.RemoveRegionsFromReplicationInput) (*api.RemoveRegionsFromReplicationOutput, error) {
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		for _, region := range in.RemoveReplicaRegions {
			at := slices.IndexFunc(sec.Replicas, func(r Replica) bool { return r.Region == region })
			if at < 0 {
				return api.ErrInvalidParameterException.New("The secret has no replica in region %s.", region)
			}
			sec.Replicas = slices.Delete(sec.Replicas, at, at+1)
			replica, err := secrets.In(sec.Account, region).Get(tx, store.ID(sec.Name))
			if isAbsent(err) || err == nil && !replicates(replica, sec) {
				continue // never made
			}
			if err != nil {
				return err
			}
			if err := s.remove(tx, replica); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	status, err := replicationStatus(store.From(ctx), sec)
	return &api.RemoveRegionsFromReplicationOutput{ARN: &sec.ARN, ReplicationStatus: status}, err
}

// StopReplicationToReplica makes a replica a secret of its own.
func (s *Service) StopReplicationToReplica(ctx context.Context, c *redoubt.Call, in *api.StopReplicationToReplicaInput) (*api.StopReplicationToReplicaOutput, error) {
	sec, err := live(ctx, c, in.SecretId)
	if err != nil {
		return nil, err
	}
	if sec.Primary == "" {
		return nil, api.ErrInvalidRequestException.New("Operation not permitted on a primary secret. Call must be made in replica secret's region.")
	}
	tx := store.From(ctx)
	_, err = secrets.In(sec.Account, sec.Primary).Edit(tx, store.ID(sec.Name), func(primary *Secret) error {
		if primary.ARN != inRegion(sec.ARN, sec.Primary) {
			return errSame
		}
		primary.Replicas = slices.DeleteFunc(primary.Replicas, func(r Replica) bool { return r.Region == sec.Region })
		return nil
	})
	if err != nil && err != errSame && !isAbsent(err) {
		return nil, err
	}
	_, err = sec.rows().Edit(tx, store.ID(sec.Name), func(sec *Secret) error {
		sec.Primary, sec.Changed = "", s.clock.Now()
		// Of unlabelled versions a replica has its own share only.
		sec.Versions = 0
		return sec.everyVersion(tx, func(*Version) error {
			sec.Versions++
			return nil
		})
	})
	return &api.StopReplicationToReplicaOutput{ARN: &sec.ARN}, err
}

// replicationStatus tells of every replica; nil for a secret that has none.
func replicationStatus(tx *store.Tx, sec *Secret) ([]api.ReplicationStatusType, error) {
	var list []api.ReplicationStatusType
	for _, r := range sec.Replicas {
		key := r.Key
		if key == "" {
			key = defaultKey
		}
		e := api.ReplicationStatusType{Region: new(r.Region), KmsKeyId: &key, Status: new(r.Status), StatusMessage: present(r.Message)}
		replica, err := secrets.In(sec.Account, r.Region).Get(tx, store.ID(sec.Name))
		if err != nil && !isAbsent(err) {
			return nil, err
		}
		if err == nil && replicates(replica, sec) {
			e.LastAccessedDate = present(replica.Accessed)
		}
		list = append(list, e)
	}
	return list, nil
}
