package ssm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// GetParametersByPath answers the parameters below a path: those right below, or
// all.
func (s *Service) GetParametersByPath(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParametersByPathInput) (*ssmapi.GetParametersByPathOutput, error) {
	at, err := readPath(value(in.Path))
	if err != nil {
		return nil, err
	}
	f, err := pathFilters(in.ParameterFilters)
	if err != nil {
		return nil, err
	}
	spans := below(at, value(in.Recursive))
	pg, err := s.page(c, in.MaxResults, in.NextToken, pathPage, string(at), fmt.Sprint(value(in.Recursive)), f.text)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.GetParametersByPathOutput{Parameters: []ssmapi.Parameter{}}
	tx := store.From(ctx)
	out.NextToken, err = s.walk(tx, c, pg, spans, func(at place, p *Parameter) (bool, error) {
		v, err := version(tx, c.Account, c.Region, at, p, f.version(p))
		if err != nil || v == nil || !f.fits(at, p, v) {
			return false, err
		}
		shown, err := s.shown(ctx, c, c.Account, at, p, v, value(in.WithDecryption))
		if err == nil {
			out.Parameters = append(out.Parameters, *shown)
		}
		return true, err
	})
	return out, err
}

// DescribeParameters lists the account's parameters without their values.
func (s *Service) DescribeParameters(ctx context.Context, c *redoubt.Call, in *ssmapi.DescribeParametersInput) (*ssmapi.DescribeParametersOutput, error) {
	f, err := describeFilters(in)
	if err != nil {
		return nil, err
	}
	pg, err := s.page(c, in.MaxResults, in.NextToken, describePage, fmt.Sprint(value(in.Shared)), f.text)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.DescribeParametersOutput{Parameters: []ssmapi.ParameterMetadata{}}
	if value(in.Shared) {
		// What PutResourcePolicy shares is listed once Resource Access Manager has
		// made a resource share of it, and not before.
		return out, nil
	}
	out.NextToken, err = s.walk(store.From(ctx), c, pg, f.spans, func(at place, p *Parameter) (bool, error) {
		if !f.fits(at, p, &p.Current) {
			return false, nil
		}
		out.Parameters = append(out.Parameters, metadata(c, at, p))
		return true, nil
	})
	return out, err
}

// span is a part of the table of parameters: one record, or all whose ids begin
// with a prefix.
type span struct {
	prefix string
	one    bool
}

// below are the spans of the parameters below a path. The children of a path share
// one prefix, all that is deeper another one.
func below(at place, recursive bool) []span {
	switch {
	case !recursive:
		return []span{{prefix: string(at) + "\x00"}}
	case at == "":
		return []span{{}}
	}
	return []span{{prefix: string(at) + "\x00"}, {prefix: string(at) + "/"}}
}

// beginning are the spans of the parameters whose places begin with a text.
func beginning(text string) []span {
	i := strings.LastIndexByte(text, '/')
	// Those that lie where the text's own last part does, and those whose parent
	// begins with the text.
	spans := []span{{prefix: text[:max(i, 0)] + "\x00" + text[i+1:]}}
	if text == "" {
		return []span{{}}
	}
	return append(spans, span{prefix: text})
}

// tidy puts spans into the order of the table, without those that others cover.
func tidy(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		if n := strings.Compare(a.prefix, b.prefix); n != 0 {
			return n
		}
		if a.one == b.one {
			return 0
		}
		if b.one {
			return -1
		}
		return 1
	})
	var out []span
	for _, sp := range spans {
		if n := len(out); n > 0 && (sp == out[n-1] || !out[n-1].one && strings.HasPrefix(sp.prefix, out[n-1].prefix)) {
			continue
		}
		out = append(out, sp)
	}
	return out
}

// walk visits the parameters of some spans, in order, until the page is full or
// has looked at enough, and answers the token to go on with. visit says whether
// the parameter is on the page.
func (s *Service) walk(tx *store.Tx, c *redoubt.Call, pg *page, spans []span, visit func(place, *Parameter) (bool, error)) (*string, error) {
	rows := parameters.In(c.Account, c.Region)
	found, looked, last := 0, 0, ""
	for _, sp := range spans {
		if sp.one {
			if sp.prefix <= pg.after {
				continue
			}
			if found == pg.limit || looked == looks {
				return pg.token(last)
			}
			p, err := rows.Get(tx, sp.prefix)
			if isNotFound(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			looked, last = looked+1, sp.prefix
			ok, err := visit(placeOf(sp.prefix), p)
			if err != nil {
				return nil, err
			}
			if ok {
				found++
			}
			continue
		}
		if pg.after > sp.prefix && !strings.HasPrefix(pg.after, sp.prefix) {
			continue // done on an earlier page
		}
		q := store.Query{Prefix: sp.prefix}
		if strings.HasPrefix(pg.after, sp.prefix) {
			q.After = pg.after
		}
		for row, err := range rows.Scan(tx, q) {
			if err != nil {
				return nil, err
			}
			if found == pg.limit || looked == looks {
				return pg.token(last)
			}
			looked, last = looked+1, row.ID
			ok, err := visit(placeOf(row.ID), row.Value)
			if err != nil {
				return nil, err
			}
			if ok {
				found++
			}
		}
	}
	return nil, nil
}

// placeOf undoes place.id.
func placeOf(id string) place {
	parent, leaf, _ := strings.Cut(id, "\x00")
	if parent == "" {
		return place(leaf)
	}
	return place(parent + "/" + leaf)
}
