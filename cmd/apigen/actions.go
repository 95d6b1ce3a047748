package main

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// authorization is authorization/<prefix>.json.
type authorization struct {
	Prefix  string `json:"prefix"`
	Actions map[string]struct {
		Level      string   `json:"level"`
		Resources  []string `json:"resources"`
		Conditions []string `json:"conditions"`
	} `json:"actions"`
	Resources map[string]struct {
		ARN        string   `json:"arn"`
		Conditions []string `json:"conditions"`
	} `json:"resources"`
	Conditions map[string]string `json:"conditions"`
}

// readAuthorization reads the actions of a prefix; a prefix without a file has
// none.
func readAuthorization(dir, prefix string) (*authorization, error) {
	a := new(authorization)
	err := read(filepath.Join(dir, prefix+".json"), a)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	return a, err
}

// authorize fills the service's actions, resource types and condition keys, and
// each operation's action.
func authorize(s *schema.Service, a *authorization, ops map[string]modelOperation) {
	for _, name := range slices.Sorted(maps.Keys(a.Actions)) {
		x := a.Actions[name]
		s.Actions = append(s.Actions, schema.Action{Name: name, Level: x.Level, Resources: x.Resources, Conditions: x.Conditions})
	}
	for _, name := range slices.Sorted(maps.Keys(a.Resources)) {
		x := a.Resources[name]
		s.Resources = append(s.Resources, schema.ResourceType{Name: name, ARN: x.ARN, Conditions: x.Conditions})
	}
	for _, name := range slices.Sorted(maps.Keys(a.Conditions)) {
		s.ConditionKeys = append(s.ConditionKeys, schema.ConditionKey{Name: name, Type: a.Conditions[name]})
	}
	for i := range s.Operations {
		o := &s.Operations[i]
		o.Action = action(s, a, o)
		prefix, name, _ := strings.Cut(o.Action, ":")
		if x, ok := a.Actions[name]; ok && prefix == s.IAMPrefix {
			o.ReadOnly = x.Level == "List" || x.Level == "Read"
		} else {
			o.ReadOnly = ops[o.Name].ReadOnly || readsByName(o.Name)
		}
	}
}

// action answers the IAM action of an operation: the documented one, else the
// one that bears its name, else, in API Gateway, the one of its HTTP method.
// What is left is newer than the list of actions, and AWS names new actions
// like their operations.
func action(s *schema.Service, a *authorization, o *schema.Operation) string {
	if name := documentedAction[s.Name][o.Name]; name != "" {
		return name
	}
	if _, ok := a.Actions[o.Name]; !ok && s.IAMPrefix == "apigateway" {
		return "apigateway:" + o.Method
	}
	return s.IAMPrefix + ":" + o.Name
}

// readsByName guesses from an operation's name that it changes nothing.
func readsByName(op string) bool {
	for _, p := range []string{"Get", "List", "Describe", "BatchGet", "Lookup", "Search", "Head", "Select", "Check", "Test", "Preview", "Simulate"} {
		if strings.HasPrefix(op, p) {
			return true
		}
	}
	return false
}
