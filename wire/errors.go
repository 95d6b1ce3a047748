package wire

import (
	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// Refusals that the protocols themselves make, as AWS names them.
const (
	ErrSerialization    redoubt.ErrorKind = "SerializationException"
	ErrUnknownOperation redoubt.ErrorKind = "UnknownOperationException"
	ErrTooLarge         redoubt.ErrorKind = "RequestEntityTooLarge"
	ErrMalformedQuery   redoubt.ErrorKind = "MalformedQueryString"
	ErrMalformedInput   redoubt.ErrorKind = "MalformedInput"
	ErrMalformedXML     redoubt.ErrorKind = "MalformedXML"
	ErrInvalidAction    redoubt.ErrorKind = "InvalidAction"
	ErrMissingAction    redoubt.ErrorKind = "MissingAction"
	ErrEncoding         redoubt.ErrorKind = "UnsupportedContentEncoding"
)

// Status is the HTTP status of e: its own, else the model's, else 400, or 500
// for a fault. shape is the modelled exception, or nil.
func Status(e *redoubt.Error, shape *schema.Shape) int {
	switch {
	case e.Status != 0:
		return e.Status
	case shape != nil && shape.Status != 0:
		return shape.Status
	case e.Fault || shape != nil && shape.Has(schema.Fault):
		return 500
	case e.Code == string(redoubt.ErrInternal):
		return 500
	case e.Code == string(redoubt.ErrNotImplemented):
		return 501
	case e.Code == string(ErrTooLarge):
		return 413
	}
	return 400
}

// IsFault reports whether the answer's status blames the server.
func IsFault(status int) bool { return status >= 500 }

// TooLarge is the refusal of a body beyond limit bytes.
func TooLarge() *redoubt.Error {
	e := ErrTooLarge.New("Request body is too large.")
	e.Status = 413
	return e
}
