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
		category, err := categoryOf(sel.FieldSelectors)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, f := range sel.FieldSelectors {
			name := value(f.Field)
			switch {
			case seen[name]:
				return badSelectors("A duplicate event selector was found for at least one field. Only one selector is allowed per field.")
			case !slices.Contains(advancedFields[category], name):
				return badSelectors("The following field is not allowed when the eventCategory field value equals %s: %s.", category, name)
			}
			seen[name] = true
			n, others := 0, false
			for i, list := range [][]string{f.Equals, f.StartsWith, f.EndsWith, f.NotEquals, f.NotStartsWith, f.NotEndsWith} {
				n += len(list)
				others = others || i > 0 && len(list) > 0
			}
			switch {
			case n == 0:
				return badSelectors("Field %s has no operator.", name)
			case others && slices.Contains(equalsOnly, name):
				return badSelectors("Only the following operators are valid with the %s field: [Equals].", name)
			case !validValues(name, f.Equals):
				return badSelectors("The %s field value is not valid.", name)
			}
			values += n
		}
		if need := map[string]string{"Data": "resources.type", "NetworkActivity": "eventSource"}[category]; need != "" && !seen[need] {
			return badSelectors("The following selectors are required when the eventCategory field value equals %s: [%s].", category, need)
		}
	}
	if values > mostValues {
		return badSelectors("There are too many filters applied. The maximum allowed number of filters is %d.", mostValues)
	}
	return nil
}

// categoryOf finds the one category that a selector selects from.
func categoryOf(fields []api.AdvancedFieldSelector) (string, error) {
	i := slices.IndexFunc(fields, func(f api.AdvancedFieldSelector) bool { return value(f.Field) == "eventCategory" })
	if i < 0 {
		return "", badSelectors("The following fields are required: [eventCategory].")
	}
	f := fields[i]
	if len(f.Equals) == 0 && len(f.StartsWith)+len(f.EndsWith)+len(f.NotEquals)+len(f.NotStartsWith)+len(f.NotEndsWith) > 0 {
		return "", badSelectors("Only the following operators are valid with the eventCategory field: [Equals].")
	}
	if len(f.Equals) != 1 || advancedFields[f.Equals[0]] == nil {
		return "", badSelectors("The eventCategory field value is not valid.")
	}
	return f.Equals[0], nil
}

// validValues reports whether a field may equal the values.
func validValues(name string, equals []string) bool {
	known := map[string][]string{"readOnly": {"true", "false"}, "errorCode": {"VpceAccessDenied"}}[name]
	for _, v := range equals {
		if known != nil && !slices.Contains(known, v) {
			return false
		}
	}
	return name != "resources.type" || len(equals) == 1
}
