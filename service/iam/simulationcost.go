package iam

import (
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/policy"
)

// Actions, resources and statements of a request multiply: what fits into a
// megabyte takes hours to decide and more memory to answer than there is. So a
// page ends behind the action with which it has cost this much (AWS too may
// answer fewer than MaxItems), and an action that costs as much alone is refused.
// The unit is a step of an evaluation; 13,000 plain results fit.
const (
	pageCost   = 1 << 27
	resultCost = 10_000 // to answer for one action on one resource
	matchCost  = 4_000  // to name one matched statement or missing key in it
)

// simulationCost adds up what a page of results costs.
type simulationCost int

// add counts one evaluation, whose statements and keys are looked for among known.
func (c *simulationCost) add(r *policy.Request, d policy.Simulation, known int) error {
	named := len(d.Matched) + len(d.Missing)
	*c += simulationCost(r.Spent() + resultCost + named*(matchCost+known))
	if r.Exhausted() || *c > pageCost {
		return iamapi.ErrInvalidInputException.New("The policies, resources and context of the request are too large to be simulated together.")
	}
	return nil
}
