package cloudtrail

import (
	"slices"

	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
)

// mostValues is the quota of values in all conditions of a trail's advanced
// selectors.
const mostValues = 500

// advancedFields are the fields that advanced selectors know, by category.
// Source: AdvancedFieldSelector, Field.
var advancedFields = map[string][]string{
	"Management":      {"eventCategory", "eventName", "eventSource", "eventType", "readOnly", "sessionCredentialFromConsole", "userIdentity.arn"},
	"Data":            {"eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN", "resources.type", "sessionCredentialFromConsole", "userIdentity.arn"},
	"NetworkActivity": {"errorCode", "eventCategory", "eventName", "eventSource", "userIdentity.arn", "vpcEndpointId"},
}

// equalsOnly are the fields that take no operator but Equals.
var equalsOnly = []string{"eventCategory", "readOnly", "resources.type"}

// checkAdvanced holds advanced selectors against CloudTrail's grammar.
func checkAdvanced(in []api.AdvancedEventSelector) error {
	values := 0
	for _, sel := range in {
		category, kind := "", 0
		seen := map[string]bool{}
		for _, f := range sel.FieldSelectors {
			name := value(f.Field)
			if seen[name] {
				return badSelectors("Field %s appears more than once in an advanced event selector.", name)
			}
			seen[name] = true
			n := 0
			others := false
			for i, list := range [][]string{f.Equals, f.StartsWith, f.EndsWith, f.NotEquals, f.NotStartsWith, f.NotEndsWith} {
				n += len(list)
				others = others || i > 0 && len(list) > 0
			}
			if n == 0 {
				return badSelectors("Field %s has no operator.", name)
			}
			values += n
			if slices.Contains(equalsOnly, name) && others {
				return badSelectors("Field %s can only be used with Equals.", name)
			}
			switch name {
			case "eventCategory":
				if len(f.Equals) != 1 {
					return badSelectors("eventCategory must equal exactly one value.")
				}
				category = f.Equals[0]
			case "resources.type":
				if kind = len(f.Equals); kind != 1 {
					return badSelectors("resources.type must equal exactly one value.")
				}
			case "readOnly":
				for _, v := range f.Equals {
					if v != "true" && v != "false" {
						return badSelectors("readOnly must be true or false.")
					}
				}
			}
		}
		fields, ok := advancedFields[category]
		if !ok {
			return badSelectors("An advanced event selector must select an eventCategory of Management, Data or NetworkActivity.")
		}
		for name := range seen {
			if !slices.Contains(fields, name) {
				return badSelectors("Field %s cannot be used with the eventCategory %s.", name, category)
			}
		}
		if category == "Data" && kind == 0 {
			return badSelectors("An advanced event selector of data events must select a resources.type.")
		}
		if category == "NetworkActivity" && !seen["eventSource"] {
			return badSelectors("An advanced event selector of network activity events must select an eventSource.")
		}
	}
	if values > mostValues {
		return badSelectors("Advanced event selectors can have up to %d values in all.", mostValues)
	}
	return nil
}
