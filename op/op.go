// Package op says what an operation is: a generated descriptor, the method that
// does the work, the needs that must be allowed first, and the members of
// request and answer that may be recorded. A service is a list of such rows;
// the front door runs them and nothing else.
package op

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Desc is a generated operation descriptor. The type parameters tie it to the
// Go types of its input and output, so that a row with the wrong method does
// not compile.
type Desc[I, O any] struct {
	Service *schema.Service
	Name    string
}

// Needs states the rights that a call takes, given its decoded input. It may
// read the resource (from store.From(ctx), like the method) to learn its policy,
// owner and tags. What does not exist is stated by its would-be ARN without a
// policy, so that a caller without rights cannot tell it from what does; the
// method then answers that it is missing. An error refuses the call at once: use
// it only for what AWS refuses before authorization.
type Needs[I any] func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error)

// Method does the work of an operation.
type Method[I, O any] func(ctx context.Context, c *redoubt.Call, in *I) (*O, error)

// Access says what a caller must show.
type Access uint8

const (
	// Authorized: signed, and every need allowed. The default.
	Authorized Access = iota
	// NoPermission: signed, but no right is needed (GetCallerIdentity).
	NoPermission
	// NoAuth: not signed; the request carries its own proof
	// (AssumeRoleWithWebIdentity).
	NoAuth
)

// Operation is a row: a descriptor bound to its method and needs.
type Operation struct {
	Service *schema.Service
	Schema  *schema.Operation
	Access  Access
	// Request and Response are the members that the audit log may hold, by
	// member name ("KeyId", or "Tags.Key" for members of nested structures; a
	// name of a structure or list records all of it that is not sensitive).
	// What is not listed is never recorded.
	Request, Response []string
	// ReadOnly is what the audit event says: the access level of the action,
	// unless the row says otherwise.
	ReadOnly bool
	// Effects: the method runs in no transaction; see Outside.
	Effects bool
	// IsData: the audit event is a data event; see Data.
	IsData bool
	// MaxBody is how large a request may be, in bytes, where that is more than
	// other operations take; 0: no more.
	MaxBody int
	// TooLarge is what a larger one is told; nil: the protocol's words.
	TooLarge error
	// request and response are Request and Response made ready for use.
	request, response allowed

	newInput func() any
	needs    func(ctx context.Context, c *redoubt.Call, in any) ([]redoubt.Need, error)
	call     func(ctx context.Context, c *redoubt.Call, in any) (any, error)
}

// Row binds an operation that needs permissions.
func Row[I, O any](d Desc[I, O], m Method[I, O], n Needs[I]) Operation {
	o := bind(d, m)
	o.needs = func(ctx context.Context, c *redoubt.Call, in any) ([]redoubt.Need, error) {
		return n(ctx, c, in.(*I))
	}
	return o
}

// RowNoPermission binds an operation that every authenticated caller may use.
func RowNoPermission[I, O any](d Desc[I, O], m Method[I, O]) Operation {
	o := bind(d, m)
	o.Access = NoPermission
	return o
}

// RowNoAuth binds an operation that is not signed.
func RowNoAuth[I, O any](d Desc[I, O], m Method[I, O]) Operation {
	o := bind(d, m)
	o.Access = NoAuth
	return o
}

func bind[I, O any](d Desc[I, O], m Method[I, O]) Operation {
	s := d.Service.Find(d.Name)
	if s == nil {
		panic("op: " + d.Service.Name + " has no operation " + d.Name)
	}
	return Operation{
		Service:  d.Service,
		Schema:   s,
		ReadOnly: s.ReadOnly,
		newInput: func() any { return new(I) },
		call: func(ctx context.Context, c *redoubt.Call, in any) (any, error) {
			out, err := m(ctx, c, in.(*I))
			if err != nil {
				return nil, err // not out: a typed nil in an any is not nil
			}
			if out == nil {
				out = new(O)
			}
			return out, nil
		},
	}
}

// Records names the members of the request that the audit log may hold.
func (o Operation) Records(members ...string) Operation {
	o.Request = append(o.Request[:len(o.Request):len(o.Request)], members...)
	o.request = allowed(nil).allow(o.Service, o.Schema.Input, o.Request...)
	return o
}

// Answers names the members of the answer that the audit log may hold.
func (o Operation) Answers(members ...string) Operation {
	o.Response = append(o.Response[:len(o.Response):len(o.Response)], members...)
	o.response = allowed(nil).allow(o.Service, o.Schema.Output, o.Response...)
	return o
}

// Reads makes the audit event say that the call changes nothing, where AWS does
// so although the action's access level is Write: KMS's use of keys.
func (o Operation) Reads() Operation {
	o.ReadOnly = true
	return o
}

// Outside makes the method run in no transaction, and once: for what cannot be run
// again, such as a body that streams by or a function that is invoked. Its needs
// are stated, decided and that reading committed first; the method then opens
// transactions of its own (store.DB.Run), short ones, and looks again at what must
// still hold in them. A service may call such an operation from within a
// transaction only if it reads.
func (o Operation) Outside() Operation {
	o.Effects = true
	return o
}

// Data makes the operation's events data events, which are kept only where a trail
// selects them and are no part of the event history.
func (o Operation) Data() Operation {
	o.IsData = true
	return o
}

// Body lets requests be as large as n bytes.
func (o Operation) Body(n int) Operation {
	o.MaxBody = n
	return o
}

// Otherwise is what requests are told that are larger than Body lets them be.
func (o Operation) Otherwise(refusal error) Operation {
	o.TooLarge = refusal
	return o
}

// Streams reports whether the request's body is handed to the method as it comes
// (a redoubt.Stream) instead of being read first.
func (o *Operation) Streams() bool {
	if o.Schema.Input == schema.None {
		return false
	}
	in := o.Service.At(o.Schema.Input)
	return in.Payload >= 0 && in.Members[in.Payload].Has(schema.Streaming)
}

// NewInput answers a pointer to a zero input.
func (o *Operation) NewInput() any { return o.newInput() }

// Needs answers the rights that the call takes; in is the decoded input.
func (o *Operation) Needs(ctx context.Context, c *redoubt.Call, in any) ([]redoubt.Need, error) {
	if o.needs == nil {
		return nil, nil
	}
	return o.needs(ctx, c, in)
}

// Call runs the method; in is the decoded input.
func (o *Operation) Call(ctx context.Context, c *redoubt.Call, in any) (any, error) {
	return o.call(ctx, c, in)
}

// Service is a room as the front door sees it: a model and its rows.
// Operations of the model without a row are answered "not implemented".
type Service struct {
	Model      *schema.Service
	Operations []Operation
	Site       *Site // nil: there is none
	// Sharer, if there is one, says which other sites' pages may use the service.
	Sharer Sharer
}
