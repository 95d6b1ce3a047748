package cloudtrail

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/store"
)

// facts are what selectors look at of an event.
type facts struct {
	data              bool
	source, name      string
	readOnly          bool
	resources         []trail.Resource
	eventType, caller func() string
}

// factsOf are those of an event in the log.
func factsOf(r *trail.Record) facts {
	var parsed *struct {
		EventType    string               `json:"eventType"`
		UserIdentity struct{ ARN string } `json:"userIdentity"`
	}
	parse := func() {
		if parsed == nil && json.Unmarshal(r.JSON, &parsed) != nil {
			parsed = nil
		}
	}
	return facts{
		data: r.Data, source: r.EventSource, name: r.EventName, readOnly: r.ReadOnly, resources: r.Resources,
		eventType: func() string {
			if parse(); parsed == nil {
				return ""
			}
			return parsed.EventType
		},
		caller: func() string {
			if parse(); parsed == nil {
				return ""
			}
			return parsed.UserIdentity.ARN
		},
	}
}

// wanted reports whether any trail of the account selects a data event that is
// about to be recorded. What CloudTrail itself does is left out: a trail whose own
// bucket it watches would deliver for ever.
func (s *Service) wanted(e *trail.Event) bool {
	if e.Identity.InvokedBy == principal {
		return false
	}
	f := facts{
		data: e.Data, source: e.Source, name: e.Name, readOnly: e.ReadOnly, resources: e.Resources,
		eventType: func() string {
			if e.Type == "" {
				return "AwsApiCall"
			}
			return e.Type
		},
		caller: func() string { return e.Identity.ARN },
	}
	for row, err := range trails.All().Scan(s.db.Begin(), store.Query{Prefix: e.Account + "/"}) {
		if err != nil {
			return true // rather one too many than one too few
		}
		if t := row.Value; t.Logging && (t.MultiRegion || t.Home == e.Region) && t.selects(f) {
			return true
		}
	}
	return false
}

// globals are the services whose events all lie in us-east-1.
var globals = []string{"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com", "organizations.amazonaws.com"}

// selects reports whether the trail delivers an event.
func (t *Trail) selects(f facts) bool {
	if !t.Global && slices.Contains(globals, f.source) {
		return false
	}
	if len(t.AdvancedSelector) > 0 {
		return slices.ContainsFunc(t.AdvancedSelector, func(a api.AdvancedEventSelector) bool { return advancedSelects(&a, f) })
	}
	if len(t.EventSelectors) == 0 {
		return !f.data
	}
	return slices.ContainsFunc(t.EventSelectors, func(e api.EventSelector) bool { return basicSelects(&e, f) })
}

func basicSelects(e *api.EventSelector, f facts) bool {
	switch value(e.ReadWriteType) {
	case api.ReadWriteTypeReadOnly:
		if !f.readOnly {
			return false
		}
	case api.ReadWriteTypeWriteOnly:
		if f.readOnly {
			return false
		}
	}
	if !f.data {
		return (e.IncludeManagementEvents == nil || *e.IncludeManagementEvents) && !slices.Contains(e.ExcludeManagementEventSources, f.source)
	}
	for _, d := range e.DataResources {
		for _, r := range f.resources {
			if r.Type == value(d.Type) && slices.ContainsFunc(d.Values, func(v string) bool { return strings.HasPrefix(r.ARN, v) || strings.HasPrefix(r.ARN+"/", v) }) {
				return true
			}
		}
	}
	return false
}

func advancedSelects(a *api.AdvancedEventSelector, f facts) bool {
	for i := range a.FieldSelectors {
		s := &a.FieldSelectors[i]
		var values []string
		switch value(s.Field) {
		case "eventCategory":
			values = []string{"Management"}
			if f.data {
				values[0] = "Data"
			}
		case "eventSource":
			values = []string{f.source}
		case "eventName":
			values = []string{f.name}
		case "eventType":
			values = []string{f.eventType()}
		case "readOnly":
			values = []string{strconv.FormatBool(f.readOnly)}
		case "userIdentity.arn":
			values = []string{f.caller()}
		case "sessionCredentialFromConsole":
			values = []string{"false"}
		case "resources.type":
			for _, r := range f.resources {
				values = append(values, r.Type)
			}
		case "resources.ARN":
			for _, r := range f.resources {
				values = append(values, r.ARN)
			}
		}
		if !fieldSelects(s, values) {
			return false
		}
	}
	return true
}

// fieldSelects: any of the operators that ask for something, all of those that
// exclude something.
func fieldSelects(s *api.AdvancedFieldSelector, values []string) bool {
	any := func(list []string, match func(v, x string) bool) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			return slices.ContainsFunc(list, func(x string) bool { return match(v, x) })
		})
	}
	equal := func(v, x string) bool { return v == x }
	if any(s.NotEquals, equal) || any(s.NotStartsWith, strings.HasPrefix) || any(s.NotEndsWith, strings.HasSuffix) {
		return false
	}
	if len(s.Equals)+len(s.StartsWith)+len(s.EndsWith) == 0 {
		return true
	}
	return any(s.Equals, equal) || any(s.StartsWith, strings.HasPrefix) || any(s.EndsWith, strings.HasSuffix)
}
