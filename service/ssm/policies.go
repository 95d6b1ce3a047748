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
		return nil, ssmapi.ErrPoliciesLimitExceededException.New("You specified more than the maximum number of allowed policies for the parameter. The maximum is %d.", maxPolicies)
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
				return nil, ssmapi.ErrIncompatiblePolicyException.New("There is a conflict in the policies specified for this parameter. You can't, for example, specify two Expiration policies for a parameter. Review your policies, and try again.")
			}
			end = &p
		case expiring:
			before[len(list)] = lead
		}
		list = append(list, p)
	}
	if len(before) > 0 && end == nil {
		return nil, ssmapi.ErrIncompatiblePolicyException.New("An ExpirationNotification policy needs an Expiration policy for the same parameter.")
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
		Attributes    struct{ Timestamp, Before, After, Unit string }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return p, 0, invalid("Invalid policies input: %s.", raw)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return p, 0, invalid("Invalid policies input: %s.", raw)
	}
	p = Policy{Type: doc.Type, Text: compact.String()}
	bad := func(what string) error {
		return ssmapi.ErrInvalidPolicyAttributeException.New("The %s of the %s policy is not valid.", what, doc.Type)
	}
	a := &doc.Attributes
	switch doc.Type {
	case expiration:
		if p.Due, err = instant(a.Timestamp); err != nil || !p.Due.After(now) {
			return p, 0, bad("Timestamp")
		}
	case expiring:
		if lead, err = duration(a.Before, a.Unit); err != nil {
			return p, 0, bad("Before or Unit")
		}
	case unchanged:
		if p.Wait, err = duration(a.After, a.Unit); err != nil {
			return p, 0, bad("After or Unit")
		}
		p.Due = now.Add(p.Wait)
	default:
		return p, 0, ssmapi.ErrInvalidPolicyTypeException.New("The policy type isn't supported. Parameter Store supports the following policy types: Expiration, ExpirationNotification, and NoChangeNotification.")
	}
	if doc.Version != "1.0" {
		return p, 0, bad("Version")
	}
	return p, lead, nil
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

func duration(count, unit string) (time.Duration, error) {
	n, err := strconv.ParseUint(count, 10, 16)
	if err != nil || n == 0 {
		return 0, strconv.ErrSyntax
	}
	switch unit {
	case "Hours":
		return time.Duration(n) * time.Hour, nil
	case "Days":
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return 0, strconv.ErrSyntax
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
