package ssm

import (
	"encoding/json"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/store"
)

// action is the detail of an event about a parameter policy. Source: Systems
// Manager User Guide, "Amazon EventBridge event examples for Systems Manager".
type action struct {
	Type    string `json:"policy-type"`
	Name    string `json:"parameter-name"`
	Kind    string `json:"parameter-type"`
	Content string `json:"policy-content"`
	Status  string `json:"action-status"`
	Reason  string `json:"action-reason,omitempty"`
}

// tell puts the event that a policy has acted.
func (s *Service) tell(tx *store.Tx, account, region string, at place, p *Parameter, pol *Policy) error {
	a := action{Type: pol.Type, Name: p.Name, Kind: p.Current.Type, Content: pol.Text, Status: "SUCCESS"}
	if pol.Type == expiration {
		a.Reason = "The parameter has expired and was deleted."
	}
	detail, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return s.events.Put(tx, outbox.Event{
		Source: "aws.ssm", DetailType: "Parameter Store Policy Action", Account: account, Region: region,
		Time: s.clock.Now(), Resources: []string{at.arn(redoubt.Partition(region), region, account)}, Detail: detail,
	})
}

// inline words policies as DescribeParameters answers them.
func inline(list []Policy) []ssmapi.ParameterInlinePolicy {
	out := make([]ssmapi.ParameterInlinePolicy, len(list))
	for i := range list {
		status := "Pending"
		if list[i].Done {
			status = "Finished"
		}
		out[i] = ssmapi.ParameterInlinePolicy{PolicyText: &list[i].Text, PolicyType: &list[i].Type, PolicyStatus: &status}
	}
	return out
}
