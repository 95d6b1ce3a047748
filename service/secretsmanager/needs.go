package secretsmanager

import (
	"context"
	"errors"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// conditions are condition keys of a request beyond the global ones. Source:
// Service Authorization Reference, "AWS Secrets Manager".
type conditions map[string][]string

func (m conditions) text(key string, v *string) {
	if v != nil {
		m["secretsmanager:"+key] = []string{*v}
	}
}

func (m conditions) flag(key string, v *bool) {
	if v != nil {
		m["secretsmanager:"+key] = []string{strconv.FormatBool(*v)}
	}
}

func (m conditions) tags(tags []api.Tag) {
	keys := make([]string, len(tags))
	for i, t := range tags {
		keys[i] = value(t.Key)
		m["aws:RequestTag/"+keys[i]] = []string{value(t.Value)}
	}
	if len(keys) > 0 {
		m["aws:TagKeys"] = keys
	}
}

func (m conditions) key(c *redoubt.Call, id *string) {
	if m.text("KmsKeyId", id); id != nil {
		m["secretsmanager:KmsKeyArn"] = []string{*id}
		if _, err := redoubt.ParseARN(*id); err != nil {
			a := redoubt.ARN{Partition: c.Partition, Service: "kms", Region: c.Region, Account: c.Account, Resource: *id}
			m["secretsmanager:KmsKeyArn"] = []string{a.String()}
		}
	}
}

func (m conditions) replicas(list []api.ReplicaRegionType, force *bool) {
	for _, r := range list {
		m["secretsmanager:AddReplicaRegions"] = append(m["secretsmanager:AddReplicaRegions"], value(r.Region))
	}
	m.flag("ForceOverwriteReplicaSecret", force)
}

// onSecret states the operation's right on the secret that it names; more adds
// condition keys of the operation's own.
func onSecret[I any](s *Service, id func(*I) *string, more ...func(*redoubt.Call, *I, conditions)) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		n, _, err := s.need(ctx, c, "secretsmanager:"+c.Operation, value(id(in)), func(m conditions) {
			for _, f := range more {
				f(c, in, m)
			}
		})
		return []redoubt.Need{n}, err
	}
}

// onAll states the operation's right on no particular resource.
func onAll[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "secretsmanager:" + c.Operation, Resource: "*"}}, nil
}

// need is a right on the secret that id names, or on what would be its ARN.
// Refusals name it as the caller did, so that they do not tell whether it exists.
func (s *Service) need(ctx context.Context, c *redoubt.Call, action, id string, more func(conditions)) (redoubt.Need, *Secret, error) {
	n := redoubt.Need{Action: action, Label: "resource: " + id}
	if err := checkID(id); err != nil {
		return n, nil, err
	}
	sec, err := find(ctx, c, id)
	switch {
	case errors.Is(err, api.ErrResourceNotFoundException):
		n.Resource, n.Account = absentARN(c, id)
		sec = nil
	case err != nil:
		return n, nil, err
	default:
		n.Resource, n.Account = sec.ARN, sec.Account
		if len(sec.Tags) > 0 {
			n.Tags = sec.tagMap()
		}
		if sec.Policy != nil {
			if n.Policy, err = s.ids.Current(store.From(ctx), sec.Policy, policy.ResourceBased); err != nil {
				return n, nil, err
			}
		}
	}
	n.More = func() map[string][]string {
		m := conditions{}
		if sec != nil {
			m.text("SecretId", &sec.ARN)
			m.text("SecretPrimaryRegion", new(sec.primaryRegion()))
			if sec.Rotation != nil {
				m.text("resource/AllowRotationLambdaArn", &sec.Rotation.Function)
			}
			for _, t := range sec.Tags {
				m.text("ResourceTag/"+t.Key, &t.Value)
			}
		} else {
			m.text("SecretId", &n.Resource)
		}
		if more != nil {
			more(m)
		}
		return m
	}
	return n, sec, nil
}

func (s *Secret) primaryRegion() string {
	if s.Primary != "" {
		return s.Primary
	}
	return s.Region
}

// createNeeds: the secret is not there yet, so that IAM alone decides.
func (s *Service) createNeeds(_ context.Context, c *redoubt.Call, in *api.CreateSecretInput) ([]redoubt.Need, error) {
	name := value(in.Name)
	m := conditions{}
	m.text("Name", &name)
	m.text("Description", in.Description)
	m.text("Type", in.Type)
	m.key(c, in.KmsKeyId)
	m.tags(in.Tags)
	m.replicas(in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
	n := redoubt.Need{Action: "secretsmanager:CreateSecret", Resource: c.ARN("secret:" + name + "-??????"), Label: "resource: " + name, Conditions: m}
	needs := []redoubt.Need{n}
	if len(in.Tags) > 0 {
		n.Action = "secretsmanager:TagResource"
		needs = append(needs, n)
	}
	if len(in.AddReplicaRegions) > 0 {
		n.Action = "secretsmanager:ReplicateSecretToRegions"
		needs = append(needs, n)
	}
	return needs, nil
}

func getValueKeys(_ *redoubt.Call, in *api.GetSecretValueInput, m conditions) {
	m.text("VersionId", in.VersionId)
	if m.text("VersionStage", in.VersionStage); in.VersionStage == nil && in.VersionId == nil {
		m.text("VersionStage", new(current))
	}
}

func deleteKeys(_ *redoubt.Call, in *api.DeleteSecretInput, m conditions) {
	m.flag("ForceDeleteWithoutRecovery", in.ForceDeleteWithoutRecovery)
	if in.RecoveryWindowInDays != nil {
		m.text("RecoveryWindowInDays", new(strconv.FormatInt(*in.RecoveryWindowInDays, 10)))
	}
}

func updateKeys(c *redoubt.Call, in *api.UpdateSecretInput, m conditions) {
	m.text("Description", in.Description)
	m.text("Type", in.Type)
	m.key(c, in.KmsKeyId)
}

func rotateKeys(_ *redoubt.Call, in *api.RotateSecretInput, m conditions) {
	m.text("RotationLambdaARN", in.RotationLambdaARN)
	m.text("ExternalSecretRotationRoleArn", in.ExternalSecretRotationRoleArn)
	m.flag("ModifyRotationRules", new(in.RotationRules != nil))
	m.flag("RotateImmediately", new(in.RotateImmediately == nil || *in.RotateImmediately))
}

// retagNeeds: besides the right to change the tags as the secret is, the same
// right with the tags as they would be. Whoever would shut themselves out by new
// tags is refused.
// Source: model, documentation of TagResource and UntagResource.
func (s *Service) retagNeeds(ctx context.Context, c *redoubt.Call, id string, keys conditions, change func([]Tag) []Tag) ([]redoubt.Need, error) {
	n, sec, err := s.need(ctx, c, "secretsmanager:"+c.Operation, id, nil)
	if err != nil {
		return nil, err
	}
	n.Conditions = keys
	if sec == nil {
		return []redoubt.Need{n}, nil
	}
	after := n
	next := &Secret{ARN: sec.ARN, Region: sec.Region, Primary: sec.Primary, Rotation: sec.Rotation, Tags: change(sec.Tags)}
	after.Tags = next.tagMap()
	after.More = func() map[string][]string {
		m := conditions{}
		for k, v := range n.More() {
			m[k] = v
		}
		for _, t := range sec.Tags {
			delete(m, "secretsmanager:ResourceTag/"+t.Key)
		}
		for _, t := range next.Tags {
			m.text("ResourceTag/"+t.Key, &t.Value)
		}
		return m
	}
	return []redoubt.Need{n, after}, nil
}

func (s *Service) tagNeeds(ctx context.Context, c *redoubt.Call, in *api.TagResourceInput) ([]redoubt.Need, error) {
	m := conditions{}
	m.tags(in.Tags)
	return s.retagNeeds(ctx, c, value(in.SecretId), m, func(old []Tag) []Tag { return withTags(old, in.Tags) })
}

func (s *Service) untagNeeds(ctx context.Context, c *redoubt.Call, in *api.UntagResourceInput) ([]redoubt.Need, error) {
	m := conditions{"aws:TagKeys": in.TagKeys}
	return s.retagNeeds(ctx, c, value(in.SecretId), m, func(old []Tag) []Tag { return withoutTags(old, in.TagKeys) })
}

// batchNeeds: a right on the operation, one to list if secrets are looked for,
// and one on every secret, each for itself.
func (s *Service) batchNeeds(ctx context.Context, c *redoubt.Call, in *api.BatchGetSecretValueInput) ([]redoubt.Need, error) {
	needs := []redoubt.Need{{Action: "secretsmanager:BatchGetSecretValue", Resource: "*"}}
	ids := in.SecretIdList
	if len(in.Filters) > 0 {
		needs = append(needs, redoubt.Need{Action: "secretsmanager:ListSecrets", Resource: "*"})
	}
	if err := checkBatch(in); err != nil {
		return needs, nil // the method says so, to those who may
	}
	if len(in.Filters) > 0 {
		list, _, err := s.batchPage(ctx, c, in)
		if err != nil {
			var refusal *redoubt.Error
			if errors.As(err, &refusal) {
				return needs, nil
			}
			return nil, err
		}
		for _, sec := range list {
			ids = append(ids, sec.ARN)
		}
	}
	for _, id := range ids {
		n, _, err := s.need(ctx, c, "secretsmanager:GetSecretValue", id, func(m conditions) { m.text("VersionStage", new(current)) })
		if err != nil {
			return nil, err
		}
		n.Item = id
		needs = append(needs, n)
	}
	return needs, nil
}

// validateNeeds: policies are tried on a secret, or on none in particular.
func (s *Service) validateNeeds(ctx context.Context, c *redoubt.Call, in *api.ValidateResourcePolicyInput) ([]redoubt.Need, error) {
	needs := []redoubt.Need{{Action: "secretsmanager:ValidateResourcePolicy", Resource: "*"}, {Action: "secretsmanager:PutResourcePolicy", Resource: "*"}}
	if in.SecretId == nil {
		return needs, nil
	}
	for i, action := range []string{"secretsmanager:ValidateResourcePolicy", "secretsmanager:PutResourcePolicy"} {
		n, _, err := s.need(ctx, c, action, *in.SecretId, nil)
		if err != nil {
			return nil, err
		}
		needs[i] = n
	}
	return needs, nil
}
