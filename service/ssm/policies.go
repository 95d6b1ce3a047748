package ssm

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Parameter policies. Source: PutParameter, Policies; Systems Manager User Guide,
// "Assigning parameter policies".

const (
	expiration = "Expiration"
	expiring   = "ExpirationNotification"
	unchanged  = "NoChangeNotification"

	maxPolicies = 10
)

// Policy is one policy of a parameter.
type Policy struct {
	Type string
	Text string
	Due  time.Time     // when it acts
	Wait time.Duration // of NoChangeNotification: from the last change
	Done bool
}

// policyJob acts when the first of a parameter's policies is due. It looks at the
// parameter again, so that one that is late, or runs twice, does no harm.
const policyJob = "ssm.policy"

func jobID(account, region string, at place) string { return store.ID(account, region, string(at)) }

// newPolicies reads the JSON array that a request brings.
func newPolicies(text string, now time.Time) ([]Policy, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, invalid("Invalid policies input: %s.", text)
	}
	if len(raw) > maxPolicies {
		return nil, ssmapi.ErrPoliciesLimitExceededException.New("Number of policies attached to a parameter cannot exceed %d", maxPolicies)
	}
	var list []Policy
	var end *Policy
	before := map[int]time.Duration{} // of notifications of the expiration
	for _, r := range raw {
		if string(bytes.Join(bytes.Fields(r), nil)) == "{}" {
			continue // how policies are taken away
		}
		p, lead, err := newPolicy(r, now)
		if err != nil {
			return nil, err
		}
		switch p.Type {
		case expiration:
			if end != nil {
				return nil, ssmapi.ErrIncompatiblePolicyException.New("There can be only one expiration policy")
			}
			end = &p
		case expiring:
			before[len(list)] = lead
		}
		list = append(list, p)
	}
	if len(before) > 0 && end == nil {
		return nil, ssmapi.ErrIncompatiblePolicyException.New("Expiration notification policies are missing expiration policy")
	}
	for i, lead := range before {
		list[i].Due = end.Due.Add(-lead)
	}
	return list, nil
}

// newPolicy reads one policy. lead is how long before the expiration it acts.
func newPolicy(raw json.RawMessage, now time.Time) (p Policy, lead time.Duration, err error) {
	var doc struct {
		Type, Version string
		Attributes    *struct{ Timestamp, Before, After, Unit *attribute }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return p, 0, invalid("Invalid policies input: %s.", raw)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return p, 0, invalid("Invalid policies input: %s.", raw)
	}
	p = Policy{Type: doc.Type, Text: compact.String()}
	a := doc.Attributes
	switch {
	case doc.Type != expiration && doc.Type != expiring && doc.Type != unchanged:
		return p, 0, ssmapi.ErrInvalidPolicyTypeException.New("Policy type %s is not supported.", doc.Type)
	case doc.Version != "1.0":
		return p, 0, badAttribute("Unsupported policy version.")
	case a == nil:
		return p, 0, missing("Attributes")
	}
	switch doc.Type {
	case expiration:
		if a.Timestamp == nil {
			return p, 0, badAttribute("A valid Expiration policy must have an attribute of Timestamp.")
		}
		if p.Due, err = instant(string(*a.Timestamp)); err != nil {
			return p, 0, badAttribute("Invalid timestamp format")
		}
		if !p.Due.After(now) {
			return p, 0, badAttribute("The Timestamp of an Expiration policy must be in the future.")
		}
	case expiring:
		lead, err = duration("Before", a.Before, a.Unit)
	case unchanged:
		p.Wait, err = duration("After", a.After, a.Unit)
		p.Due = now.Add(p.Wait)
	}
	return p, lead, err
}

// attribute is a policy's attribute: a text, or a number that stands for one.
type attribute string

func (a *attribute) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*a = attribute(text)
		return nil
	}
	var n json.Number
	err := json.Unmarshal(raw, &n)
	*a = attribute(n)
	return err
}

func badAttribute(format string, args ...any) error {
	return ssmapi.ErrInvalidPolicyAttributeException.New(format, args...)
}

func missing(name string) error {
	return badAttribute("Mandatory policy attribute %s is missing.", name)
}

// instant reads ISO_INSTANT and ISO_OFFSET_DATE_TIME.
func instant(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999Z07:00:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, strconv.ErrSyntax
}

// duration reads a count, called name, of units.
func duration(name string, count, unit *attribute) (time.Duration, error) {
	switch {
	case count == nil:
		return 0, missing(name)
	case unit == nil:
		return 0, missing("Unit")
	}
	n, err := strconv.ParseUint(string(*count), 10, 16)
	if err != nil || n == 0 {
		return 0, badAttribute("Attribute %s must be a positive integer.", name)
	}
	switch strings.ToLower(string(*unit)) {
	case "hours":
		return time.Duration(n) * time.Hour, nil
	case "days":
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return 0, badAttribute("Supported time units: DAYS HOURS")
}

// rearmed are the policies of a parameter that has changed: those that wait for a
// change wait anew.
func rearmed(old []Policy, now time.Time) []Policy {
	list := slices.Clone(old)
	for i := range list {
		if list[i].Type == unchanged {
			list[i].Due, list[i].Done = now.Add(list[i].Wait), false
		}
	}
	return list
}

// plan sets the time of the first policy that has not acted, or takes the plan
// back.
func (s *Service) plan(tx *store.Tx, account, region string, at place, v *Version) error {
	var first time.Time
	for _, p := range v.Policies {
		if !p.Done && (first.IsZero() || p.Due.Before(first)) {
			first = p.Due
		}
	}
	id := jobID(account, region, at)
	if first.IsZero() {
		return s.schedule.Cancel(tx, policyJob, id)
	}
	return s.schedule.At(tx, policyJob, id, first)
}

// enforce lets the policies of a parameter act whose time has come.
func (s *Service) enforce(ctx context.Context, id string) error {
	tx, part := store.From(ctx), store.Parts(id)
	account, region, at := part[0], part[1], place(part[2])
	p, err := load(tx, account, region, at)
	if err != nil || p == nil {
		return err
	}
	now := s.clock.Now()
	next := new(*p)
	next.Current.Policies = slices.Clone(p.Current.Policies)
	gone := false
	for i := range next.Current.Policies {
		pol := &next.Current.Policies[i]
		if pol.Done || pol.Due.After(now) {
			continue
		}
		pol.Done = true
		if err := s.tell(tx, account, region, at, p, pol); err != nil {
			return err
		}
		gone = gone || pol.Type == expiration
	}
	if gone {
		return s.remove(tx, account, region, at, p)
	}
	if err := s.plan(tx, account, region, at, &next.Current); err != nil {
		return err
	}
	return parameters.In(account, region).Put(tx, at.id(), next)
}
