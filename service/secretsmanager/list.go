package secretsmanager

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/store"
)

// order is how a list is sorted.
type order struct {
	by   string
	desc bool
}

// place is where a secret stands in the order. The name makes it one place.
func (o order) place(sec *Secret) string {
	switch o.by {
	case api.SortByTypeName:
		return sec.Name
	case api.SortByTypeLastAccessedDate:
		return timePlace(sec.Accessed, sec.Name)
	case api.SortByTypeLastChangedDate:
		return timePlace(sec.Changed, sec.Name)
	}
	return timePlace(sec.Created, sec.Name)
}

func (o order) compare(a, b string) int {
	if o.desc {
		a, b = b, a
	}
	return strings.Compare(a, b)
}

// ListSecrets lists what is known of the account's secrets in the Region.
func (s *Service) ListSecrets(ctx context.Context, c *redoubt.Call, in *api.ListSecretsInput) (*api.ListSecretsOutput, error) {
	if err := checkFilters(in.Filters); err != nil {
		return nil, err
	}
	limit := 100
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	o := order{by: value(in.SortBy), desc: value(in.SortOrder) == api.SortOrderTypeDesc}
	list, next, err := s.page(ctx, c, in.Filters, o, value(in.IncludePlannedDeletion), limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListSecretsOutput{SecretList: make([]api.SecretListEntry, len(list)), NextToken: next}
	for i, sec := range list {
		out.SecretList[i] = entry(sec)
	}
	return out, nil
}

func entry(sec *Secret) api.SecretListEntry {
	e := api.SecretListEntry{
		ARN: &sec.ARN, Name: &sec.Name, Description: present(sec.Description), KmsKeyId: present(sec.Key),
		CreatedDate: &sec.Created, LastChangedDate: &sec.Changed, LastAccessedDate: present(sec.Accessed), DeletedDate: present(sec.Deleted),
		Tags: apiTags(sec.Tags), SecretVersionsToStages: sec.stagesByVersion(),
	}
	if sec.Primary != "" || len(sec.Replicas) > 0 {
		e.PrimaryRegion = new(sec.primaryRegion())
	}
	if r := sec.Rotation; r != nil {
		e.RotationEnabled, e.RotationLambdaARN, e.RotationRules = &r.Enabled, present(r.Function), r.shown()
		e.LastRotatedDate = present(r.Last)
		if r.Enabled {
			e.NextRotationDate = present(r.Next)
		}
	}
	return e
}

// page answers the secrets behind the token's place, at most limit, and the token
// for those behind them.
func (s *Service) page(ctx context.Context, c *redoubt.Call, filters []api.Filter, o order, deleted bool, limit int, token *string) ([]*Secret, *string, error) {
	text, err := json.Marshal(filters)
	if err != nil {
		return nil, nil, err
	}
	question := []string{string(text), o.by}
	if o.desc {
		question = append(question, "desc")
	}
	if deleted {
		question = append(question, "deleted")
	}
	after, err := s.resume(c, token, question...)
	if err != nil {
		return nil, nil, err
	}
	var list []*Secret
	for row, err := range secrets.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{}) {
		if err != nil {
			return nil, nil, err
		}
		sec := row.Value
		if !deleted && !sec.Deleted.IsZero() || after != "" && o.compare(o.place(sec), after) <= 0 || !matches(sec, filters) {
			continue
		}
		list = append(list, sec)
	}
	slices.SortFunc(list, func(a, b *Secret) int { return o.compare(o.place(a), o.place(b)) })
	if len(list) <= limit {
		return list, nil, nil
	}
	list = list[:limit]
	next, err := s.leave(c, o.place(list[limit-1]), question...)
	return list, next, err
}

// checkFilters refuses filters without a key or values.
func checkFilters(filters []api.Filter) error {
	for _, f := range filters {
		if f.Key == nil {
			return api.ErrInvalidParameterException.New("Invalid filter key")
		}
		if len(f.Values) == 0 {
			return api.ErrInvalidParameterException.New("Invalid filter values for key: %s", *f.Key)
		}
	}
	return nil
}

// matches reports whether a secret passes all filters. Values of one filter are
// alternatives; an exclamation mark before one means its opposite.
func matches(sec *Secret, filters []api.Filter) bool {
	for _, f := range filters {
		some, others := false, false
		for _, v := range f.Values {
			if rest, not := strings.CutPrefix(v, "!"); not {
				if fits(sec, *f.Key, rest) {
					return false
				}
				continue
			}
			others = true
			some = some || fits(sec, *f.Key, v)
		}
		if others && !some {
			return false
		}
	}
	return true
}

// fits holds one value of a filter against a secret.
// Source: model, documentation of Filter.
func fits(sec *Secret, key, v string) bool {
	switch key {
	case api.FilterNameStringTypeName:
		return strings.HasPrefix(sec.Name, v)
	case api.FilterNameStringTypeDescription:
		return hasPrefixFold(sec.Description, v)
	case api.FilterNameStringTypeTagKey:
		return slices.ContainsFunc(sec.Tags, func(t Tag) bool { return strings.HasPrefix(t.Key, v) })
	case api.FilterNameStringTypeTagValue:
		return slices.ContainsFunc(sec.Tags, func(t Tag) bool { return strings.HasPrefix(t.Value, v) })
	case api.FilterNameStringTypePrimaryRegion:
		return (sec.Primary != "" || len(sec.Replicas) > 0) && strings.HasPrefix(sec.primaryRegion(), v)
	case api.FilterNameStringTypeAll:
		return fitsAll(sec, v)
	}
	return false // owning-service: no other service owns a secret here
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// fitsAll looks for every word of v in all attributes.
func fitsAll(sec *Secret, v string) bool {
	attributes := []string{sec.Name, sec.Description, sec.primaryRegion()}
	for _, t := range sec.Tags {
		attributes = append(attributes, t.Key, t.Value)
	}
	var all []string
	for _, a := range attributes {
		all = append(all, words(a)...)
	}
	for _, w := range words(v) {
		if !slices.ContainsFunc(all, func(have string) bool { return strings.HasPrefix(have, w) }) {
			return false
		}
	}
	return true
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
