package ssm

import (
	"context"
	"regexp"
	"strings"
	"sync"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// PutParameter makes a parameter, or a new version of one.
func (s *Service) PutParameter(ctx context.Context, c *redoubt.Call, in *ssmapi.PutParameterInput) (*ssmapi.PutParameterOutput, error) {
	tx := store.From(ctx)
	n, err := readNew(c, value(in.Name))
	if err != nil {
		return nil, err
	}
	if err := checkPut(in); err != nil {
		return nil, err
	}
	old, err := load(tx, c.Account, c.Region, n.place)
	if err != nil {
		return nil, err
	}
	if old != nil && !value(in.Overwrite) {
		return nil, ssmapi.ErrParameterAlreadyExists.New("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	p := &Parameter{Name: n.name, Oldest: 1}
	if old != nil {
		p = new(*old)
	} else if p.Tags, err = newTags(nil, in.Tags); err != nil {
		return nil, err
	}
	v, err := s.newVersion(tx, c, in, &n, old)
	if err != nil {
		return nil, err
	}
	if err := s.conceal(ctx, c, n.place, v, *in.Value); err != nil {
		return nil, err
	}
	from, planned := "", false
	if old != nil {
		from, planned = old.Current.Tier, len(old.Current.Policies) > 0
		if err := s.archive(tx, c.Account, c.Region, n.place, p); err != nil {
			return nil, err
		}
	}
	p.Current = *v
	if err := s.count(tx, c.Account, c.Region, from, v.Tier); err != nil {
		return nil, err
	}
	if planned || len(v.Policies) > 0 {
		if err := s.plan(tx, c.Account, c.Region, n.place, v); err != nil {
			return nil, err
		}
	}
	if err := parameters.In(c.Account, c.Region).Put(tx, n.place.id(), p); err != nil {
		return nil, err
	}
	return &ssmapi.PutParameterOutput{Version: &v.Number, Tier: &v.Tier}, nil
}

// maxValue is what a value may have at the very most, long before its tier is asked.
const maxValue = 32768

// checkPut checks what needs no look at the parameter.
func checkPut(in *ssmapi.PutParameterInput) error {
	const wrong = "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length "
	switch text := value(in.Value); {
	case text == "":
		return invalid(wrong + "greater than or equal to 1")
	case len(text) > maxValue:
		return invalid(wrong+"less than or equal to %d", maxValue)
	case nested.MatchString(text):
		return invalid(`Parameter value can't nest another parameter. Do not use "{{}}" in the value.`)
	case len(text) > maxAdvanced && value(in.Tier) != standard && in.Tier != nil:
		return tooLong()
	case value(in.Overwrite) && len(in.Tags) > 0:
		return invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	return nil
}

// nested is a reference to a parameter, which values must not hold.
var nested = regexp.MustCompile(`\{\{.*\}\}`)

// newVersion answers the version that a valid request describes, without its
// value. What the request leaves out stays as it was, but for the key.
func (s *Service) newVersion(tx *store.Tx, c *redoubt.Call, in *ssmapi.PutParameterInput, n *named, old *Parameter) (*Version, error) {
	now := s.clock.Now()
	v := &Version{Number: 1, Type: value(in.Type), DataType: "text", Modified: now, User: c.Principal.ARN}
	if old != nil {
		was := &old.Current
		v.Number, v.DataType, v.Description, v.Pattern = was.Number+1, was.DataType, was.Description, was.Pattern
		v.Policies = rearmed(was.Policies, now)
		switch {
		case in.Type == nil:
			v.Type = was.Type
		case v.Type != was.Type && !n.place.flat():
			return nil, ssmapi.ErrHierarchyTypeMismatchException.New("Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.")
		}
	} else if in.Type == nil {
		return nil, invalid("A parameter type is required when you create a parameter.")
	}
	if in.Description != nil {
		v.Description = *in.Description
	}
	if in.AllowedPattern != nil {
		v.Pattern = *in.AllowedPattern
	}
	if in.DataType != nil {
		v.DataType = *in.DataType
	}
	var err error
	if in.Policies != nil {
		if v.Policies, err = newPolicies(*in.Policies, now); err != nil {
			return nil, err
		}
	}
	if err := s.checkPattern(v.Pattern, v.Type, *in.Value); err != nil {
		return nil, err
	}
	if err := checkType(v, in.KeyId, *in.Value); err != nil {
		return nil, err
	}
	if v.Tier, err = s.tier(tx, c, in, v.Policies, old); err != nil {
		return nil, err
	}
	if v.Type == ssmapi.ParameterTypeSecureString {
		if v.KeyID = defaultKey; in.KeyId != nil {
			v.KeyID = *in.KeyId
		}
	}
	return v, nil
}

// imageID is the form of an AMI's id.
var imageID = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)

// dataTypes are the data types, and the type that goes with each.
var dataTypes = map[string]string{
	"text": "", "aws:ec2:image": ssmapi.ParameterTypeString, "aws:ssm:integration": ssmapi.ParameterTypeSecureString,
}

func checkType(v *Version, key *string, text string) error {
	kind, ok := dataTypes[v.DataType]
	switch {
	case !ok:
		return invalid("The following data type is not supported: %s (Data type names are all lowercase.)", v.DataType)
	case kind != "" && v.Type != kind:
		return invalid("The %s data type is not supported for the following input type: %s", v.DataType, v.Type)
	case v.DataType == "aws:ec2:image" && !imageID.MatchString(text):
		return invalid("The parameter value is not the ID of an Amazon Machine Image, such as ami-12345abcdeEXAMPLE.")
	case key != nil && v.Type != ssmapi.ParameterTypeSecureString:
		return invalid("KeyId is required for SecureString type parameter only.")
	}
	return nil
}

// patterns are compiled allowed patterns: the same ones come again and again.
type patterns struct {
	mu   sync.Mutex
	have map[string]*regexp.Regexp
}

const maxPatterns = 256

// checkPattern holds a value against an allowed pattern, each item of a list by itself.
func (s *Service) checkPattern(pattern, kind, text string) error {
	if pattern == "" {
		return nil
	}
	re, err := s.patterns.compile(pattern)
	if err != nil {
		return ssmapi.ErrInvalidAllowedPatternException.New("The following regular expression is not valid: %s.", pattern)
	}
	items := []string{text}
	if kind == ssmapi.ParameterTypeStringList {
		items = strings.Split(text, ",")
	}
	for _, item := range items {
		if !re.MatchString(item) {
			return ssmapi.ErrParameterPatternMismatchException.New("Parameter value, cannot be validated against allowedPattern: %s", pattern)
		}
	}
	return nil
}

func (p *patterns) compile(pattern string) (*regexp.Regexp, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if re := p.have[pattern]; re != nil {
		return re, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	if p.have == nil || len(p.have) >= maxPatterns {
		p.have = map[string]*regexp.Regexp{}
	}
	p.have[pattern] = re
	return re, nil
}
