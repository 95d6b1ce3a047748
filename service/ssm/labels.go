package ssm

import (
	"context"
	"maps"
	"regexp"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Source: LabelParameterVersion.
const maxLabels = 10

var labelForm = regexp.MustCompile(`^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$`)

func isLabel(s string) bool {
	return labelForm.MatchString(s) && !hasPrefixFold(s, "aws") && !hasPrefixFold(s, "ssm")
}

// LabelParameterVersion attaches labels to a version, or moves them there. Labels
// of the wrong form are listed and left out.
func (s *Service) LabelParameterVersion(ctx context.Context, c *redoubt.Call, in *ssmapi.LabelParameterVersionInput) (*ssmapi.LabelParameterVersionOutput, error) {
	tx := store.From(ctx)
	n, p, number, err := labelled(tx, c, in.Name, in.ParameterVersion)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.LabelParameterVersionOutput{InvalidLabels: []string{}, ParameterVersion: &number}
	next := new(*p)
	next.Labels = maps.Clone(p.Labels)
	if next.Labels == nil {
		next.Labels = map[string]int64{}
	}
	for _, l := range in.Labels {
		if isLabel(l) {
			next.Labels[l] = number
		} else {
			out.InvalidLabels = append(out.InvalidLabels, l)
		}
	}
	if len(next.labels(number)) > maxLabels {
		return nil, ssmapi.ErrParameterVersionLabelLimitExceeded.New("An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can have maximum %d labels.Move one or more labels to another version and try again.", maxLabels)
	}
	return out, parameters.In(c.Account, c.Region).Put(tx, n.place.id(), next)
}

// UnlabelParameterVersion takes labels away from a version; those that are not its
// own are listed.
func (s *Service) UnlabelParameterVersion(ctx context.Context, c *redoubt.Call, in *ssmapi.UnlabelParameterVersionInput) (*ssmapi.UnlabelParameterVersionOutput, error) {
	tx := store.From(ctx)
	n, p, number, err := labelled(tx, c, in.Name, in.ParameterVersion)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.UnlabelParameterVersionOutput{RemovedLabels: []string{}, InvalidLabels: []string{}}
	next := new(*p)
	next.Labels = maps.Clone(p.Labels)
	for _, l := range slices.Compact(slices.Sorted(slices.Values(in.Labels))) {
		if next.Labels[l] == number {
			delete(next.Labels, l)
			out.RemovedLabels = append(out.RemovedLabels, l)
		} else {
			out.InvalidLabels = append(out.InvalidLabels, l)
		}
	}
	return out, parameters.In(c.Account, c.Region).Put(tx, n.place.id(), next)
}

// labelled finds the parameter and the number of the version that a request is
// about; without one, the newest.
func labelled(tx *store.Tx, c *redoubt.Call, name *string, asked *int64) (n named, p *Parameter, number int64, err error) {
	if n, err = readPlain(c, value(name)); err != nil {
		return n, nil, 0, err
	}
	if p, err = find(tx, c, &n); err != nil {
		return n, nil, 0, err
	}
	number = p.Current.Number
	if asked != nil {
		number = *asked
	}
	if number < p.Oldest || number > p.Current.Number {
		return n, nil, 0, ssmapi.ErrParameterVersionNotFound.New("Systems Manager could not find version %d of %s. Verify the version and try again.", number, n.name)
	}
	return n, p, number, nil
}
