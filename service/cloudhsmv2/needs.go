package cloudhsmv2

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/engine/hsm"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// onAll is the right to an action that knows no resource.
func onAll[I any](action string) op.Needs[I] {
	return func(context.Context, *redoubt.Call, *I) ([]redoubt.Need, error) {
		return []redoubt.Need{{Action: action, Resource: "*"}}, nil
	}
}

// onCluster is the right to an action on the cluster that a request names.
func onCluster[I any](s *Service, action string, id func(*I) *string) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		n, err := s.need(ctx, c, action, value(id(in)))
		return []redoubt.Need{n}, err
	}
}

// need words the right to an action on a cluster, whether it exists or not.
func (s *Service) need(ctx context.Context, c *redoubt.Call, action, id string) (redoubt.Need, error) {
	n := redoubt.Need{Action: action, Resource: "arn:" + c.Partition + ":cloudhsm:" + c.Region + ":" + c.Account + ":cluster/" + id}
	v, err := s.hsm.Find(store.From(ctx), c.Account, c.Region, id)
	if errors.Is(err, hsm.ErrNoCluster) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	n.Tags = make(map[string]string, len(v.Tags))
	for _, t := range v.Tags {
		n.Tags[t.Key] = t.Value
	}
	return n, nil
}

func (s *Service) createNeeds(_ context.Context, _ *redoubt.Call, in *cloudhsmv2api.CreateClusterInput) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "cloudhsm:CreateCluster", Resource: "*", Conditions: tagConditions(in.TagList)}}, nil
}

func (s *Service) tagNeeds(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.TagResourceInput) ([]redoubt.Need, error) {
	n, err := s.need(ctx, c, "cloudhsm:TagResource", value(in.ResourceId))
	n.Conditions = tagConditions(in.TagList)
	return []redoubt.Need{n}, err
}

func (s *Service) untagNeeds(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.UntagResourceInput) ([]redoubt.Need, error) {
	n, err := s.need(ctx, c, "cloudhsm:UntagResource", value(in.ResourceId))
	n.Conditions = map[string][]string{"aws:TagKeys": in.TagKeyList}
	return []redoubt.Need{n}, err
}

func tagConditions(tags []cloudhsmv2api.Tag) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string][]string{}
	for _, t := range tags {
		m["aws:RequestTag/"+value(t.Key)] = []string{value(t.Value)}
		m["aws:TagKeys"] = append(m["aws:TagKeys"], value(t.Key))
	}
	return m
}
