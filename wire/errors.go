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

// TooLarge is the refusal of a body beyond limit bytes.
func TooLarge() *redoubt.Error {
	e := ErrTooLarge.New("Request body is too large.")
	e.Status = 413
	return e
}

// QueryError sets the header by which services that once spoke the query
// protocol (awsQueryCompatible) still tell their old error code.
func QueryError(svc *schema.Service, r *Response, shape *schema.Shape, status int) {
	if !svc.QueryCompatible || shape == nil || shape.Code == "" {
		return
	}
	r.Header["X-Amzn-Query-Error"] = []string{shape.Code + ";" + Party(shape, status)}
}

// Party says whose fault an error is, as the query protocols write it.
func Party(shape *schema.Shape, status int) string {
	if status >= 500 && (shape == nil || !shape.Has(schema.Sender)) {
		return "Receiver"
	}
	return "Sender"
}
