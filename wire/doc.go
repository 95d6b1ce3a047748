// Package wire is the server side of AWS's wire protocols: a request becomes
// an operation and a Go value, a Go value or an error becomes a response. The
// codecs in the sub-packages (awsjson, query, ec2query, restjson, restxml,
// cbor) know no service; everything that differs between services comes from
// the tables in op/schema.
//
// # Life of a request
//
//  1. The front door fills a Request and asks wire/detect which service it is
//     for and in which protocol, and sets Path to what detect answers: S3's
//     host-style addressing becomes a path there.
//  2. Codec.Match finds the operation.
//  3. Codec.Decode fills the operation's input; wire/validate holds it against
//     the model's constraints.
//  4. Codec.Encode or Codec.EncodeError makes the Response.
//
// Internally all codecs share one walker (wire/internal/walk) over schema and
// reflect: field i of a Go struct is member i of its shape, so generated types
// carry no methods. A protocol supplies a Source (a cursor over its input) and
// a Sink (a writer of its output).
//
// # Invariants
//
//   - Whatever the bytes, a decoder answers a value or a *redoubt.Error with a
//     4xx status; it never panics, and what it allocates is bounded by the size
//     of the input (Limits).
//   - Unknown members are ignored, an explicit null is absence, and names that
//     appear twice are refused: two readers of one request must not see
//     different things.
//   - Nothing of a request is kept alive by a decoded value: strings and blobs
//     are copies.
//   - A REST body sets only members that belong into the body, never what path,
//     query or headers say.
//   - No value that is written into a header can end it.
//
// # Non-goals
//
// Signatures (sigv4), authorization, HTTP itself (front), semantic checks (the
// services), and event streams as operation output, which need a connection
// that stays open: their operations answer a Response.Stream of their own.
package wire
