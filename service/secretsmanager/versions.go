package secretsmanager

import (
	"context"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/store"
)

func wipe(v content) { harden.Wipe(v.text) }

// PutSecretValue adds a version.
func (s *Service) PutSecretValue(ctx context.Context, c *redoubt.Call, in *api.PutSecretValueInput) (*api.PutSecretValueOutput, error) {
	if err := needToken(api.ErrInvalidRequestException, in.ClientRequestToken); err != nil {
		return nil, err
	}
	val, has, err := newContent(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if !has {
		return nil, api.ErrInvalidRequestException.New("You must provide either SecretString or SecretBinary.")
	}
	token := *in.ClientRequestToken
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		if err := s.checkRotationToken(sec, in.RotationToken); err != nil {
			return err
		}
		old, err := sec.version(tx, token)
		if err != nil && !isAbsent(err) {
			return err
		}
		if err == nil && old.Sealed != nil {
			if err := s.sameValue(ctx, c, sec, old, val); err != nil {
				return err
			}
			return errSame
		}
		was := sec.Stages[current]
		if err := s.addVersion(ctx, c, sec, token, val, in.VersionStages); err != nil {
			return err
		}
		if sec.Stages[current] == was {
			return nil
		}
		return s.rotatedByHand(tx, sec)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutSecretValueOutput{ARN: &sec.ARN, Name: &sec.Name, VersionId: &token, VersionStages: sec.labels(token)}, nil
}

// sameValue is nil if a version holds this value.
func (s *Service) sameValue(ctx context.Context, c *redoubt.Call, sec *Secret, v *Version, val content) error {
	old, err := s.open(ctx, c, sec, v)
	if err != nil {
		return err
	}
	defer wipe(old)
	if !old.equal(val) {
		return errTokenTaken(v.ID, sec.ARN)
	}
	return nil
}

// addVersion puts a value under a version id that has none, and gives it labels:
// AWSCURRENT unless others are named, and in any case if it is the first value.
func (s *Service) addVersion(ctx context.Context, c *redoubt.Call, sec *Secret, id string, val content, stages []string) error {
	tx := store.From(ctx)
	v := &Version{ID: id, Created: s.clock.Now()}
	placeholder, err := sec.version(tx, id)
	switch {
	case err == nil:
		v.Created = placeholder.Created
	case !isAbsent(err):
		return err
	case sec.Versions >= maxVersions:
		return api.ErrLimitExceededException.New("You can't create more versions of the secret: %d versions were created within the last 24 hours.", sec.Versions)
	default:
		if err := s.countVersion(tx, sec); err != nil {
			return err
		}
	}
	if err := s.seal(ctx, c, sec, v, val); err != nil {
		return err
	}
	if err := sec.putVersion(tx, v); err != nil {
		return err
	}
	if len(stages) == 0 {
		stages = []string{current}
	}
	if sec.Stages[current] == "" && !slices.Contains(stages, current) {
		stages = append(slices.Clip(stages), current)
	}
	moved := false
	for _, stage := range stages {
		moved = moved || stage == current
		sec.label(stage, id)
	}
	if len(sec.Stages) > maxLabels {
		return api.ErrLimitExceededException.New("You can't attach more than %d staging labels to the versions of a secret.", maxLabels)
	}
	if moved {
		return s.dropPlaceholder(tx, sec, id)
	}
	return nil
}

// countVersion notes one more version, and plans to look at those that are too
// many once they may go.
func (s *Service) countVersion(tx *store.Tx, sec *Secret) error {
	now := s.clock.Now()
	if sec.Versions++; sec.Versions <= keptVersions || sec.Sweep.After(now) {
		return nil
	}
	sec.Sweep = now.Add(day)
	return s.schedule.At(tx, jobSweep, sec.ARN, sec.Sweep)
}

// label moves a staging label. AWSCURRENT leaves AWSPREVIOUS behind, and takes
// from there the AWSPENDING that a rotation left.
func (s *Secret) label(stage, id string) {
	if s.Stages == nil {
		s.Stages = map[string]string{}
	}
	if was := s.Stages[current]; stage == current && was != "" && was != id {
		s.Stages[previous] = was
		if s.Stages[pending] == was {
			delete(s.Stages, pending)
		}
	}
	s.Stages[stage] = id
}

// dropPlaceholder takes away the empty version of a rotation that a value was
// written past: the function did not use it, and will not. A placeholder that
// stayed would keep every later rotation from starting.
func (s *Service) dropPlaceholder(tx *store.Tx, sec *Secret, written string) error {
	id := sec.Stages[pending]
	if id == "" || id == written {
		return nil
	}
	v, err := sec.version(tx, id)
	if err != nil || v.Sealed != nil {
		return err
	}
	return s.dropVersion(tx, sec, id)
}

// dropVersion deletes a version and its labels.
func (s *Service) dropVersion(tx *store.Tx, sec *Secret, id string) error {
	for stage, v := range sec.Stages {
		if v == id {
			delete(sec.Stages, stage)
		}
	}
	sec.Versions--
	for _, r := range sec.Replicas {
		replica := &Secret{ARN: inRegion(sec.ARN, r.Region), Name: sec.Name, Account: sec.Account, Region: r.Region}
		if err := replica.versions().Delete(tx, replica.versionKey(id)); err != nil {
			return err
		}
	}
	return sec.versions().Delete(tx, sec.versionKey(id))
}

// UpdateSecretVersionStage moves a label from one version to another, adds it, or
// takes it away.
func (s *Service) UpdateSecretVersionStage(ctx context.Context, c *redoubt.Call, in *api.UpdateSecretVersionStageInput) (*api.UpdateSecretVersionStageOutput, error) {
	stage, from, to := *in.VersionStage, value(in.RemoveFromVersionId), value(in.MoveToVersionId)
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		if from == "" && to == "" {
			return api.ErrInvalidParameterException.New("You must provide either RemoveFromVersionId or MoveToVersionId.")
		}
		for _, id := range []string{from, to} {
			if id == "" {
				continue
			}
			if ok, err := sec.versions().Has(tx, sec.versionKey(id)); err != nil || !ok {
				if err == nil {
					err = errNoVersion(id)
				}
				return err
			}
		}
		at := sec.Stages[stage]
		switch {
		case to == "" && stage == current:
			return api.ErrInvalidParameterException.New("You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
		case from != "" && at != from:
			return api.ErrInvalidParameterException.New("You can't remove staging label %s from version %s because the label isn't attached to it.", stage, from)
		case at != "" && at != to && from == "":
			return api.ErrInvalidParameterException.New("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, at)
		case to == "":
			delete(sec.Stages, stage)
			return nil
		}
		if stage == current {
			v, err := sec.version(tx, to)
			if err != nil {
				return err
			}
			if v.Sealed == nil {
				return api.ErrInvalidRequestException.New("You can't move staging label AWSCURRENT to version %s because the version has no value.", to)
			}
		}
		sec.label(stage, to)
		if len(sec.Stages) > maxLabels {
			return api.ErrLimitExceededException.New("You can't attach more than %d staging labels to the versions of a secret.", maxLabels)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSecretVersionStageOutput{ARN: &sec.ARN, Name: &sec.Name}, nil
}

// ListSecretVersionIds lists the versions, the newest first.
func (s *Service) ListSecretVersionIds(ctx context.Context, c *redoubt.Call, in *api.ListSecretVersionIdsInput) (*api.ListSecretVersionIdsOutput, error) {
	sec, err := find(ctx, c, *in.SecretId)
	if err != nil {
		return nil, err
	}
	after, err := s.resume(c, in.NextToken, sec.ARN)
	if err != nil {
		return nil, err
	}
	var list []*Version
	err = sec.everyVersion(store.From(ctx), func(v *Version) error {
		if value(in.IncludeDeprecated) || len(sec.labels(v.ID)) > 0 {
			list = append(list, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b *Version) int { return strings.Compare(b.place(), a.place()) })
	out := &api.ListSecretVersionIdsOutput{ARN: &sec.ARN, Name: &sec.Name, Versions: []api.SecretVersionsListEntry{}}
	limit := 100
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	for i, v := range list {
		if after != "" && v.place() >= after {
			continue
		}
		e := api.SecretVersionsListEntry{
			VersionId: &v.ID, VersionStages: sec.labels(v.ID), CreatedDate: &v.Created, LastAccessedDate: present(v.Accessed),
		}
		if v.Sealed != nil {
			e.KmsKeyIds = []string{"DefaultEncryptionKey"}
			if v.Key != "" {
				e.KmsKeyIds[0] = v.Key
			}
		}
		if out.Versions = append(out.Versions, e); len(out.Versions) == limit && i < len(list)-1 {
			out.NextToken, err = s.leave(c, v.place(), sec.ARN)
			break
		}
	}
	return out, err
}

// place orders versions by the time when they were made.
func (v *Version) place() string { return timePlace(v.Created, v.ID) }

// jobSweep deletes versions that nobody can name by a label any more.
const jobSweep = "secretsmanager.sweep"

// sweep keeps the hundred newest versions, those with a label, and those younger
// than a day.
func (s *Service) sweep(ctx context.Context, arn string) error {
	sec, err := byARN(ctx, arn)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.clock.Now()
	tx := store.From(ctx)
	var old []*Version
	var next time.Time
	err = sec.everyVersion(tx, func(v *Version) error {
		if len(sec.labels(v.ID)) > 0 {
			return nil
		}
		if young := v.Created.Add(day); !young.After(now) {
			old = append(old, v)
		} else if next.IsZero() || young.Before(next) {
			next = young
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(old, func(a, b *Version) int { return a.Created.Compare(b.Created) })
	_, err = sec.rows().Edit(tx, store.ID(sec.Name), func(sec *Secret) error {
		for _, v := range old {
			if sec.Versions <= keptVersions {
				break
			}
			if err := s.dropVersion(tx, sec, v.ID); err != nil {
				return err
			}
		}
		if sec.Sweep = next; sec.Versions <= keptVersions || next.IsZero() {
			sec.Sweep = time.Time{}
			return nil
		}
		return s.schedule.At(tx, jobSweep, sec.ARN, next)
	})
	return err
}
