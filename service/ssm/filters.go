package ssm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/api/ssmapi"
)

// condition is one filter: a key, how its values are compared, and they.
type condition struct {
	key    string // "Name", "tag:x"
	option string
	values []string
}

// filter is what a list is narrowed by.
type filter struct {
	conditions []condition
	label      string // of GetParametersByPath: the version that has it
	spans      []span
	text       string // what tokens are bound to
}

// Source: documentation of ParameterStringFilter; the texts are AWS's.
const (
	equals     = "Equals"
	beginsWith = "BeginsWith"
	contains   = "Contains"
	oneLevel   = "OneLevel"
	recursive  = "Recursive"
)

var (
	tierNames = []string{standard, advanced, intelligent}
	typeNames = []string{ssmapi.ParameterTypeString, ssmapi.ParameterTypeStringList, ssmapi.ParameterTypeSecureString}
)

func pathFilters(list []ssmapi.ParameterStringFilter) (*filter, error) {
	f := &filter{}
	for i := range list {
		key := value(list[i].Key)
		if key != "Type" && key != "KeyId" && key != "Label" {
			return nil, ssmapi.ErrInvalidFilterKey.New("The following filter key is not valid: %s. Valid filter keys include: [Type, KeyId].", key)
		}
		c, err := newCondition(list, i)
		if err != nil {
			return nil, err
		}
		if key != "Label" {
			f.conditions = append(f.conditions, c)
			continue
		}
		if c.option != equals {
			return nil, badOption(c.option, "[Equals]")
		}
		if len(c.values) != 1 {
			return nil, ssmapi.ErrInvalidFilterValue.New("Only one label can be specified in a filter.")
		}
		f.label = c.values[0]
	}
	f.text = fmt.Sprintf("%q%q", f.conditions, f.label)
	return f, nil
}

func describeFilters(in *ssmapi.DescribeParametersInput) (*filter, error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, invalid("You can use either Filters or ParameterFilters in a single request.")
	}
	f := &filter{}
	for i := range in.ParameterFilters {
		if value(in.ParameterFilters[i].Key) == "Label" {
			return nil, ssmapi.ErrInvalidFilterKey.New("The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, KeyId, Tier].")
		}
		c, err := newCondition(in.ParameterFilters, i)
		if err != nil {
			return nil, err
		}
		f.conditions = append(f.conditions, c)
	}
	for _, old := range in.Filters {
		f.conditions = append(f.conditions, condition{value(old.Key), beginsWith, old.Values})
	}
	f.text = fmt.Sprintf("%q", f.conditions)
	f.spans = f.where()
	return f, nil
}

// newCondition reads the filter at i.
func newCondition(list []ssmapi.ParameterStringFilter, i int) (condition, error) {
	in := &list[i]
	c := condition{value(in.Key), value(in.Option), in.Values}
	if slices.ContainsFunc(list[:i], func(o ssmapi.ParameterStringFilter) bool { return value(o.Key) == c.key }) {
		return c, ssmapi.ErrInvalidFilterKey.New("The following filter is duplicated in the request: %s. A request can contain only one occurrence of a specific filter.", c.key)
	}
	if len(c.values) == 0 && !strings.HasPrefix(c.key, "tag:") {
		return c, ssmapi.ErrInvalidFilterValue.New("The following filter values are missing : null for filter key %s", c.key)
	}
	if c.key == "Path" {
		return c, c.checkPath()
	}
	switch {
	case c.option == "":
		c.option = equals
	case c.option == equals, c.option == beginsWith, c.option == contains && c.key == "Name":
	default:
		return c, badOption(c.option, "[BeginsWith, Equals]")
	}
	switch {
	case c.option != equals:
	case c.key == "Tier":
		return c, among(c.values, tierNames)
	case c.key == "Type":
		return c, among(c.values, typeNames)
	}
	return c, nil
}

// checkPath reads the values as paths, without the slash that begins them.
func (c *condition) checkPath() error {
	switch c.option {
	case "":
		c.option = oneLevel
	case oneLevel, recursive:
	default:
		return badOption(c.option, "[Recursive, OneLevel]")
	}
	paths := make([]string, len(c.values))
	for i, v := range c.values {
		if hasPrefixFold(v, "/aws") || hasPrefixFold(v, "/ssm") || hasPrefixFold(v, "aws") || hasPrefixFold(v, "ssm") {
			return invalid(`Filters for common parameters can't be prefixed with "aws" or "ssm" (case-insensitive). When using global parameters, please specify within a global namespace.`)
		}
		at, err := readPath(v)
		if err != nil {
			return err
		}
		paths[i] = string(at)
	}
	c.values = paths
	return nil
}

func badOption(option, valid string) error {
	return ssmapi.ErrInvalidFilterOption.New("The following filter option is not valid: %s. Valid options include: %s.", option, valid)
}

func among(values, valid []string) error {
	for _, v := range values {
		if !slices.Contains(valid, v) {
			return ssmapi.ErrInvalidFilterOption.New("The following filter value is not valid: %s. Valid values include: [%s].", v, strings.Join(valid, ", "))
		}
	}
	return nil
}

// where are the parts of the table in which the filter can match.
func (f *filter) where() []span {
	for _, c := range f.conditions {
		var spans []span
		for _, v := range c.values {
			bare := strings.TrimPrefix(v, "/")
			switch {
			case c.key == "Path":
				spans = append(spans, below(place(v), c.option == recursive)...)
			case c.key == "Name" && c.option == equals:
				spans = append(spans, span{place(bare).id(), true})
			case c.key == "Name" && c.option == beginsWith:
				spans = append(spans, beginning(bare)...)
			}
		}
		if spans != nil {
			return tidy(spans)
		}
	}
	return []span{{}}
}

// version is the version of p that is asked for; 0 when it has none.
func (f *filter) version(p *Parameter) int64 {
	if f.label == "" {
		return p.Current.Number
	}
	return p.Labels[f.label]
}

// fits reports whether a version of a parameter satisfies every condition.
func (f *filter) fits(at place, p *Parameter, v *Version) bool {
	for i := range f.conditions {
		if !f.conditions[i].fits(at, p, v) {
			return false
		}
	}
	return true
}

func (c *condition) fits(at place, p *Parameter, v *Version) bool {
	switch c.key {
	case "Name":
		return slices.ContainsFunc(c.values, func(want string) bool {
			switch c.option {
			case contains:
				return strings.Contains("/"+string(at), want)
			case beginsWith:
				return strings.HasPrefix(string(at), strings.TrimPrefix(want, "/"))
			}
			return string(at) == strings.TrimPrefix(want, "/")
		})
	case "Path":
		return slices.ContainsFunc(c.values, func(path string) bool { return at.below(place(path), c.option == recursive) })
	case "Type":
		return c.matches(v.Type)
	case "KeyId":
		return v.KeyID != "" && c.matches(v.KeyID)
	case "Tier":
		return c.matches(v.Tier)
	case "DataType":
		return c.matches(v.DataType)
	}
	key := strings.TrimPrefix(c.key, "tag:")
	i := slices.IndexFunc(p.Tags, func(t Tag) bool { return t.Key == key })
	return i >= 0 && (len(c.values) == 0 || c.matches(p.Tags[i].Value))
}

func (c *condition) matches(have string) bool {
	return slices.ContainsFunc(c.values, func(want string) bool {
		return have == want || c.option == beginsWith && strings.HasPrefix(have, want)
	})
}

// below reports whether p lies below a path.
func (p place) below(path place, deep bool) bool {
	rest := string(p)
	if path != "" {
		var ok bool
		if rest, ok = strings.CutPrefix(rest, string(path)+"/"); !ok {
			return false
		}
	}
	return deep || !strings.Contains(rest, "/")
}
