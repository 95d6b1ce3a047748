package ssm

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// GetParameter answers one parameter, or a secret of Secrets Manager.
func (s *Service) GetParameter(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParameterInput) (*ssmapi.GetParameterOutput, error) {
	n, err := read(c, value(in.Name))
	if err != nil {
		return nil, err
	}
	out, err := s.get(ctx, c, &n, value(in.WithDecryption))
	if err != nil {
		return nil, err
	}
	return &ssmapi.GetParameterOutput{Parameter: out}, nil
}

// GetParameters answers up to ten parameters in order of name. What does not
// exist is listed.
func (s *Service) GetParameters(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParametersInput) (*ssmapi.GetParametersOutput, error) {
	out := &ssmapi.GetParametersOutput{Parameters: []ssmapi.Parameter{}, InvalidParameters: []string{}}
	seen := map[string]bool{}
	for _, name := range in.Names {
		n, err := read(c, name)
		if err != nil {
			return nil, err
		}
		if seen[n.asked] {
			continue
		}
		seen[n.asked] = true
		p, err := s.get(ctx, c, &n, value(in.WithDecryption))
		switch {
		case isMissing(err):
			out.InvalidParameters = append(out.InvalidParameters, n.asked)
		case err != nil:
			return nil, err
		default:
			out.Parameters = append(out.Parameters, *p)
		}
	}
	slices.SortStableFunc(out.Parameters, func(a, b ssmapi.Parameter) int { return strings.Compare(*a.Name, *b.Name) })
	return out, nil
}

func isMissing(err error) bool {
	e, ok := err.(*redoubt.Error)
	return ok && (e.Is(ssmapi.ErrParameterNotFound) || e.Is(ssmapi.ErrParameterVersionNotFound))
}

// get answers what a request names.
func (s *Service) get(ctx context.Context, c *redoubt.Call, n *named, decrypt bool) (*ssmapi.Parameter, error) {
	if n.secret != "" {
		return s.secret(ctx, c, n, decrypt)
	}
	tx := store.From(ctx)
	p, err := find(tx, c, n)
	if err != nil {
		return nil, err
	}
	v, err := pick(tx, c.Region, n, p)
	if err != nil {
		return nil, err
	}
	out, err := s.shown(ctx, c, n.account, n.place, p, v, decrypt)
	if err != nil {
		return nil, err
	}
	if !n.byARN {
		out.Name = &n.name
	}
	if n.picked {
		out.Selector = new(":" + n.selector)
	}
	return out, nil
}

// shown words a version of a parameter as all reads but the history answer it.
func (s *Service) shown(ctx context.Context, c *redoubt.Call, account string, at place, p *Parameter, v *Version, decrypt bool) (*ssmapi.Parameter, error) {
	text, err := s.reveal(ctx, c, account, at, v, decrypt)
	if err != nil {
		return nil, err
	}
	return &ssmapi.Parameter{
		Name: &p.Name, Type: &v.Type, Value: text, Version: &v.Number, LastModifiedDate: &v.Modified,
		ARN: new(at.arn(c.Partition, c.Region, account)), DataType: &v.DataType,
	}, nil
}

// GetParameterHistory answers the versions that are kept, oldest first.
func (s *Service) GetParameterHistory(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParameterHistoryInput) (*ssmapi.GetParameterHistoryOutput, error) {
	tx := store.From(ctx)
	n, err := readWhole(c, value(in.Name))
	if err != nil {
		return nil, err
	}
	p, err := find(tx, c, &n)
	if err != nil {
		return nil, err
	}
	pg, err := s.page(c, in.MaxResults, in.NextToken, historyPage, n.account, string(n.place))
	if err != nil {
		return nil, err
	}
	next := max(p.Oldest, pg.number()+1)
	out := &ssmapi.GetParameterHistoryOutput{Parameters: []ssmapi.ParameterHistory{}}
	for ; next <= p.Current.Number && len(out.Parameters) < pg.limit; next++ {
		v, err := version(tx, n.account, c.Region, n.place, p, next)
		if err != nil {
			return nil, err
		}
		text, err := s.reveal(ctx, c, n.account, n.place, v, value(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, ssmapi.ParameterHistory{
			Name: &p.Name, Type: &v.Type, KeyId: present(v.KeyID), LastModifiedDate: &v.Modified, LastModifiedUser: &v.User,
			Description: present(v.Description), Value: text, AllowedPattern: present(v.Pattern), Version: &v.Number,
			Labels: p.labels(v.Number), Tier: &v.Tier, Policies: inline(v.Policies), DataType: &v.DataType,
		})
	}
	if next <= p.Current.Number {
		out.NextToken, err = pg.numbered(next - 1)
	}
	return out, err
}

// DeleteParameter forgets a parameter and its history.
func (s *Service) DeleteParameter(ctx context.Context, c *redoubt.Call, in *ssmapi.DeleteParameterInput) (*ssmapi.DeleteParameterOutput, error) {
	n, err := readPlain(c, value(in.Name))
	if err != nil {
		return nil, err
	}
	return nil, s.delete(ctx, c, &n)
}

// DeleteParameters forgets up to ten parameters; what does not exist is listed.
func (s *Service) DeleteParameters(ctx context.Context, c *redoubt.Call, in *ssmapi.DeleteParametersInput) (*ssmapi.DeleteParametersOutput, error) {
	out := &ssmapi.DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	seen := map[place]bool{}
	for _, name := range in.Names {
		n, err := readPlain(c, name)
		if err != nil {
			return nil, err
		}
		if seen[n.place] {
			continue
		}
		seen[n.place] = true
		switch err := s.delete(ctx, c, &n); {
		case isMissing(err):
			out.InvalidParameters = append(out.InvalidParameters, n.asked)
		case err != nil:
			return nil, err
		default:
			out.DeletedParameters = append(out.DeletedParameters, n.asked)
		}
	}
	return out, nil
}

func (s *Service) delete(ctx context.Context, c *redoubt.Call, n *named) error {
	tx := store.From(ctx)
	p, err := find(tx, c, n)
	if err != nil {
		return err
	}
	return s.remove(tx, c.Account, c.Region, n.place, p)
}
