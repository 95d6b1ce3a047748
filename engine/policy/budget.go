package policy

// budget is how many steps an evaluation may take: comparisons of a character,
// or what takes as long. Key policies of 32 KiB and calls of a megabyte are
// both within what their owners may send, and a pattern of the one against a
// value of the other takes the product of their lengths: minutes. An evaluation
// that runs out is refused, whatever it had found by then, since what it did not
// come to might have denied. Policies of the largest size against requests of the
// usual stay below by orders of magnitude.
const budget = 1 << 24

// lookupCost is how many comparisons of a character a look at one entry of a map is
// worth.
const lookupCost = 16

// spend takes steps off the budget, and answers whether some are left. A nil
// request has no bounds.
func (r *Request) spend(steps int) bool {
	if r == nil {
		return true
	}
	r.spent += steps
	return r.spent <= budget
}

// Spent answers how many steps the last evaluation of the request took.
func (r *Request) Spent() int { return r.spent }

// Exhausted tells whether the last evaluation of the request ran out of budget.
func (r *Request) Exhausted() bool { return r.spent > budget }
