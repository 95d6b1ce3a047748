package redoubt

import "time"

// Need is one right that a call takes: an action on a resource. An operation
// states all of its needs before it runs; the front door evaluates each and
// runs the method only if all are allowed.
type Need struct {
	Action   string // "kms:Decrypt"
	Resource string // ARN, or "*" where the action has no resource
	// Account owns the resource; empty means the caller's own.
	Account string

	// Policy is the resource-based policy (JSON), if the resource has one.
	Policy string
	// PolicyName is how AWS calls it in messages: "resource-based policy" when
	// empty.
	PolicyName string
	// Label is what refusals call the resource instead of "resource: " and its
	// ARN, where AWS does: "resource: user bob", "this resource".
	Label string
	// Strict: the resource policy must allow, even inside the account (KMS keys,
	// role trust policies). Identity policies then count only as far as the
	// resource policy delegates to the account.
	Strict bool
	// Grant, when set, names something on the resource that allows this caller
	// by itself (a KMS grant). Explicit denies still win.
	Grant string

	// Tags are the resource's (aws:ResourceTag/key).
	Tags map[string]string
	// Conditions are the condition keys of this request beyond the global ones,
	// e.g. "kms:EncryptionContext:app": {"x"}, "aws:RequestTag/k": {"v"},
	// "aws:TagKeys": {...}. Key names are matched without case.
	Conditions map[string][]string
	// More makes further condition keys, where there are many and few policies
	// ask for any. It is called when the first one does, before the method runs.
	More func() map[string][]string

	// MFA is when this very request carried a valid MFA code (AssumeRole with
	// SerialNumber and TokenCode); zero: it carried none, and the session decides.
	MFA time.Time

	// Refusal is the refusal's wording where AWS words it unlike all others; empty:
	// AWS's usual text, which names the statement that decided.
	Refusal string

	// Item names the part of a batch that this need belongs to. A refused need
	// with an Item lands in Call.Denied[Item] instead of refusing the call.
	Item string
}
