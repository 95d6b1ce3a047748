package wire

import (
	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Codec speaks one protocol for any service. It is safe for concurrent use;
// what it derives from a service's tables it builds once, on first use.
type Codec interface {
	// Match finds the operation that a request asks for. The error is a
	// *redoubt.Error to be answered with EncodeError and a nil operation.
	Match(svc *schema.Service, r *Request) (*schema.Operation, error)

	// Decode fills in, a pointer to the operation's zero input, from the
	// request. The error is a *redoubt.Error with a 4xx status. It checks form,
	// not constraints: see wire/validate.
	Decode(svc *schema.Service, op *schema.Operation, r *Request, in any) error

	// Encode makes the response for out, a pointer to the operation's output.
	// An error is a fault of the server: out does not fit the model.
	Encode(svc *schema.Service, op *schema.Operation, out any, requestID string) (*Response, error)

	// EncodeError makes the response for a refusal. op is nil when no operation
	// was found.
	EncodeError(svc *schema.Service, op *schema.Operation, e *redoubt.Error, requestID string) *Response
}
