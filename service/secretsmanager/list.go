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
		Tags: sec.apiTags(), SecretVersionsToStages: sec.stagesByVersion(),
	}
	if sec.Primary != "" || len(sec.Replicas) > 0 {
		e.PrimaryRegion = new(sec.primaryRegion())
	}
	if r := sec.Rotation; r != nil {
		e.RotationEnabled, e.RotationLambdaARN, e.RotationRules = &r.Enabled, r.function(), r.shown()
		e.OwningService = present(sec.owner())
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
		if !slices.ContainsFunc(f.Values, func(v string) bool {
			rest, not := strings.CutPrefix(v, "!")
			return fits(sec, *f.Key, rest) != not
		}) {
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
		return wordsBegin(v, sec.Description)
	case api.FilterNameStringTypeTagKey:
		return slices.ContainsFunc(sec.Tags, func(t Tag) bool { return strings.HasPrefix(t.Key, v) })
	case api.FilterNameStringTypeTagValue:
		return slices.ContainsFunc(sec.Tags, func(t Tag) bool { return strings.HasPrefix(t.Value, v) })
	case api.FilterNameStringTypePrimaryRegion:
		return (sec.Primary != "" || len(sec.Replicas) > 0) && strings.HasPrefix(sec.primaryRegion(), v)
	case api.FilterNameStringTypeAll:
		attributes := []string{sec.Name, sec.Description, sec.primaryRegion()}
		for _, t := range sec.Tags {
			attributes = append(attributes, t.Key, t.Value)
		}
		return wordsBegin(v, attributes...)
	}
	return sec.owner() != "" && strings.HasPrefix(sec.owner(), v) // owning-service
}

// wordsBegin reports whether every word of v begins a word of the texts, whatever
// the case. What has no words begins nothing.
func wordsBegin(v string, texts ...string) bool {
	var have []string
	for _, t := range texts {
		have = append(have, words(t)...)
	}
	asked := words(v)
	for _, w := range asked {
		if !slices.ContainsFunc(have, func(x string) bool { return strings.HasPrefix(x, w) }) {
			return false
		}
	}
	return len(asked) > 0
}

// words are the words of a text in lower case. They end at what is neither letter
// nor digit, and before a capital: "prod/AppBeta" has three, and of capitals in a
// row the last belongs to what follows, "COMPANYthings" is "COMPAN" and "Ythings".
func words(s string) []string {
	var list []string
	text, begin := []rune(s), -1
	end := func(i int) {
		if begin >= 0 {
			list = append(list, strings.ToLower(string(text[begin:i])))
		}
		begin = -1
	}
	for i, r := range text {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(text[i-1]) || i+1 < len(text) && unicode.IsLower(text[i+1])):
			end(i)
		}
		if begin < 0 {
			begin = i
		}
	}
	end(len(text))
	return list
}
