package secretsmanager

import (
	"context"
	"errors"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Limits. Source: Secrets Manager User Guide, "Secrets Manager quotas".
const (
	maxTags   = 50
	maxLabels = 20 // over all versions of a secret
	maxPolicy = 20480
	// keptVersions is how many versions stay when none is younger than a day, and
	// maxVersions where a secret takes no more of them: it is still deleted in one
	// transaction.
	keptVersions = 100
	maxVersions  = 900
)

const day = 24 * time.Hour

// jobDelete ends the recovery window of a secret.
const jobDelete = "secretsmanager.delete"

// CreateSecret makes a secret, mostly with a first version.
func (s *Service) CreateSecret(ctx context.Context, c *redoubt.Call, in *api.CreateSecretInput) (*api.CreateSecretOutput, error) {
	if err := needToken(api.ErrInvalidRequestException, in.ClientRequestToken); err != nil {
		return nil, err
	}
	if err := checkName(*in.Name); err != nil {
		return nil, err
	}
	if value(in.Type) != "" {
		return nil, errExternal()
	}
	val, has, err := newContent(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if err := checkTags(nil, in.Tags); err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	old, err := secrets.In(c.Account, c.Region).Get(tx, store.ID(*in.Name))
	if err == nil {
		return s.createAgain(ctx, c, old, *in.ClientRequestToken, val, has)
	}
	if !isAbsent(err) {
		return nil, err
	}
	now := s.clock.Now()
	sec := &Secret{
		ARN: c.ARN("secret:" + *in.Name + newSuffix()), Name: *in.Name, Account: c.Account, Region: c.Region,
		Description: value(in.Description), Key: storedKey(c, value(in.KmsKeyId)), Created: now, Changed: now,
		Tags: withTags(nil, in.Tags), Tagged: len(in.Tags) > 0,
	}
	if err := s.tryKey(ctx, c, sec); err != nil {
		return nil, err
	}
	out := &api.CreateSecretOutput{ARN: &sec.ARN, Name: &sec.Name}
	if has {
		if err := s.addVersion(ctx, c, sec, *in.ClientRequestToken, val, nil); err != nil {
			return nil, err
		}
		out.VersionId = in.ClientRequestToken
	}
	if len(in.AddReplicaRegions) > 0 {
		if err := s.addReplicas(ctx, c, sec, in.AddReplicaRegions, value(in.ForceOverwriteReplicaSecret)); err != nil {
			return nil, err
		}
		if out.ReplicationStatus, err = replicationStatus(tx, sec); err != nil {
			return nil, err
		}
	}
	return out, sec.put(tx)
}

// createAgain is CreateSecret for a name that is taken: the same request once more
// has the same answer.
func (s *Service) createAgain(ctx context.Context, c *redoubt.Call, sec *Secret, token string, val content, has bool) (*api.CreateSecretOutput, error) {
	if !sec.Deleted.IsZero() {
		return nil, api.ErrInvalidRequestException.New("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if has {
		v, err := sec.version(store.From(ctx), token)
		if err == nil {
			if err := s.sameValue(ctx, c, sec, v, val); err != nil {
				return nil, err
			}
			return &api.CreateSecretOutput{ARN: &sec.ARN, Name: &sec.Name, VersionId: &v.ID}, nil
		}
		if !isAbsent(err) {
			return nil, err
		}
	}
	return nil, api.ErrResourceExistsException.New("The operation failed because the secret %s already exists.", sec.Name)
}

// errExternal refuses secrets that a partner holds: there is no partner to ask.
func errExternal() error {
	return api.ErrInvalidParameterException.New("Managed external secrets are not available here: no partner's secret type is supported.")
}

// errSame ends a change that changes nothing.
var errSame = errors.New("secretsmanager: nothing changes")

// live answers a secret that is not about to be deleted.
func live(ctx context.Context, c *redoubt.Call, id *string) (*Secret, error) {
	sec, err := find(ctx, c, value(id))
	if err == nil && !sec.Deleted.IsZero() {
		return nil, errDeleted()
	}
	return sec, err
}

// change edits a primary secret that is not about to be deleted, and its replicas
// with it.
func (s *Service) change(ctx context.Context, c *redoubt.Call, id *string, f func(tx *store.Tx, sec *Secret) error) (*Secret, error) {
	sec, err := live(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if sec.Primary != "" {
		return nil, errReplica()
	}
	return s.edit(ctx, c, sec, f)
}

// edit changes a secret's record and brings its replicas in line. c is nil when
// nobody calls.
func (s *Service) edit(ctx context.Context, c *redoubt.Call, sec *Secret, f func(tx *store.Tx, sec *Secret) error) (*Secret, error) {
	tx := store.From(ctx)
	next, err := sec.rows().Edit(tx, store.ID(sec.Name), func(next *Secret) error {
		if err := f(tx, next); err != nil {
			return err
		}
		if c != nil {
			next.Changed = s.clock.Now()
		}
		return s.syncReplicas(ctx, c, next)
	})
	if errors.Is(err, errSame) {
		return sec, nil
	}
	return next, err
}

// UpdateSecret changes what is known of a secret, its key, and its value.
func (s *Service) UpdateSecret(ctx context.Context, c *redoubt.Call, in *api.UpdateSecretInput) (*api.UpdateSecretOutput, error) {
	if err := needToken(api.ErrInvalidRequestException, in.ClientRequestToken); err != nil {
		return nil, err
	}
	if value(in.Type) != "" {
		return nil, errExternal()
	}
	val, has, err := newContent(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	var made *string
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		if in.Description != nil {
			sec.Description = *in.Description
		}
		if in.KmsKeyId != nil {
			if err := s.rekey(ctx, c, tx, sec, storedKey(c, *in.KmsKeyId)); err != nil {
				return err
			}
		}
		if !has {
			return nil
		}
		made = in.ClientRequestToken
		if old, err := sec.version(tx, *made); err == nil && old.Sealed != nil {
			return s.sameValue(ctx, c, sec, old, val) // the same request once more
		} else if err != nil && !isAbsent(err) {
			return err
		}
		if err := s.addVersion(ctx, c, sec, *made, val, nil); err != nil {
			return err
		}
		return s.rotatedByHand(tx, sec)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSecretOutput{ARN: &sec.ARN, Name: &sec.Name, VersionId: made}, nil
}

// rekey gives a secret another key. Versions with a label of the rotation are
// encrypted anew, as far as the caller may read them and write them.
func (s *Service) rekey(ctx context.Context, c *redoubt.Call, tx *store.Tx, sec *Secret, key string) error {
	if key == "" && c.Account != sec.Account {
		return errForeignDefault()
	}
	sec.Key = key
	if err := s.tryKey(ctx, c, sec); err != nil {
		return err
	}
	done := map[string]bool{}
	for _, stage := range []string{current, pending, previous} {
		id := sec.Stages[stage]
		if id == "" || done[id] {
			continue
		}
		done[id] = true
		old, err := sec.version(tx, id)
		if err != nil || old.Sealed == nil {
			if err != nil && !isAbsent(err) {
				return err
			}
			continue
		}
		val, err := s.open(ctx, c, sec, old)
		var refusal *redoubt.Error
		if errors.As(err, &refusal) {
			continue // stays under the old key
		}
		if err != nil {
			return err
		}
		v := *old
		err = s.seal(ctx, c, sec, &v, val)
		wipe(val)
		if errors.As(err, &refusal) {
			continue
		}
		if err == nil {
			err = sec.putVersion(tx, &v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DescribeSecret tells everything but the values; of a secret that is about to be
// deleted too.
func (s *Service) DescribeSecret(ctx context.Context, c *redoubt.Call, in *api.DescribeSecretInput) (*api.DescribeSecretOutput, error) {
	sec, err := find(ctx, c, *in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeSecretOutput{
		ARN: &sec.ARN, Name: &sec.Name, Description: present(sec.Description), KmsKeyId: present(sec.Key),
		CreatedDate: &sec.Created, LastChangedDate: &sec.Changed, LastAccessedDate: present(sec.Accessed), DeletedDate: present(sec.Deleted),
		Tags: sec.apiTags(), VersionIdsToStages: sec.stagesByVersion(),
	}
	if r := sec.Rotation; r != nil {
		out.RotationEnabled, out.RotationLambdaARN, out.RotationRules = &r.Enabled, r.function(), r.shown()
		out.OwningService = present(sec.owner())
		if r.Enabled {
			out.LastRotatedDate, out.NextRotationDate = present(r.Last), present(r.Next)
		}
	}
	if sec.Primary != "" || len(sec.Replicas) > 0 {
		out.PrimaryRegion = new(sec.primaryRegion())
		out.ReplicationStatus, err = replicationStatus(store.From(ctx), sec)
	}
	return out, err
}

// DeleteSecret plans the end of a secret, or ends it at once.
func (s *Service) DeleteSecret(ctx context.Context, c *redoubt.Call, in *api.DeleteSecretInput) (*api.DeleteSecretOutput, error) {
	force, window := value(in.ForceDeleteWithoutRecovery), int64(30)
	if in.RecoveryWindowInDays != nil {
		if window = *in.RecoveryWindowInDays; window < 7 || window > 30 {
			return nil, api.ErrInvalidParameterException.New("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
		}
		if force {
			return nil, api.ErrInvalidParameterException.New("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}
	}
	now := s.clock.Now()
	sec, err := find(ctx, c, *in.SecretId)
	if errors.Is(err, api.ErrResourceNotFoundException) && force {
		// Deleting what is not there by force is no error.
		arn, _ := absentARN(c, *in.SecretId)
		r, _ := parse(c, *in.SecretId)
		return &api.DeleteSecretOutput{ARN: new(strings.TrimSuffix(arn, "-??????")), Name: &r.name, DeletionDate: &now}, nil
	}
	if err != nil {
		return nil, err
	}
	if sec.Primary != "" {
		return nil, errReplica()
	}
	if len(sec.Replicas) > 0 {
		var regions []string
		for _, r := range sec.Replicas {
			regions = append(regions, r.Region)
		}
		return nil, api.ErrInvalidParameterException.New("You can't delete secret %s that still has replica regions [%s].", sec.ARN, strings.Join(regions, ", "))
	}
	tx := store.From(ctx)
	if force {
		return &api.DeleteSecretOutput{ARN: &sec.ARN, Name: &sec.Name, DeletionDate: &now}, s.remove(tx, sec)
	}
	if !sec.Deleted.IsZero() {
		return nil, errDeleted()
	}
	at := now.Add(time.Duration(window) * day)
	sec, err = s.edit(ctx, c, sec, func(tx *store.Tx, sec *Secret) error {
		sec.Deleted = at
		if err := s.stopClock(tx, sec); err != nil {
			return err
		}
		return s.schedule.At(tx, jobDelete, sec.ARN, at)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteSecretOutput{ARN: &sec.ARN, Name: &sec.Name, DeletionDate: &at}, nil
}

// RestoreSecret takes the plan back. One that was not to be deleted stays as it is.
func (s *Service) RestoreSecret(ctx context.Context, c *redoubt.Call, in *api.RestoreSecretInput) (*api.RestoreSecretOutput, error) {
	sec, err := find(ctx, c, *in.SecretId)
	if err == nil && !sec.Deleted.IsZero() {
		sec, err = s.edit(ctx, c, sec, func(tx *store.Tx, sec *Secret) error {
			sec.Deleted = time.Time{}
			if err := s.schedule.Cancel(tx, jobDelete, sec.ARN); err != nil {
				return err
			}
			return s.startClock(tx, sec)
		})
	}
	if err != nil {
		return nil, err
	}
	return &api.RestoreSecretOutput{ARN: &sec.ARN, Name: &sec.Name}, nil
}

// expire is the job that deletes a secret whose window has passed.
func (s *Service) expire(ctx context.Context, arn string) error {
	sec, err := byARN(ctx, arn)
	if isAbsent(err) || err == nil && (sec.Deleted.IsZero() || sec.Deleted.After(s.clock.Now())) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.remove(store.From(ctx), sec)
}

// byARN answers the secret of a job, or store.ErrNotFound.
func byARN(ctx context.Context, arn string) (*Secret, error) {
	a, err := redoubt.ParseARN(arn)
	if err != nil || len(a.Resource) <= len("secret:")+suffixSize {
		return nil, store.ErrNotFound
	}
	name := a.Resource[len("secret:") : len(a.Resource)-suffixSize]
	sec, err := secrets.In(a.Account, a.Region).Get(store.From(ctx), store.ID(name))
	if err == nil && sec.ARN != arn {
		return nil, store.ErrNotFound
	}
	return sec, err
}

// remove deletes a secret with its versions and plans.
func (s *Service) remove(tx *store.Tx, sec *Secret) error {
	err := sec.everyVersion(tx, func(v *Version) error {
		return sec.versions().Delete(tx, sec.versionKey(v.ID))
	})
	if err != nil {
		return err
	}
	for _, kind := range []string{jobDelete, jobSweep, jobDue, jobRun} {
		if err := s.schedule.Cancel(tx, kind, sec.ARN); err != nil {
			return err
		}
	}
	if err := logs.In(sec.Account, sec.Region).Delete(tx, sec.resource()); err != nil {
		return err
	}
	return sec.rows().Delete(tx, store.ID(sec.Name))
}
