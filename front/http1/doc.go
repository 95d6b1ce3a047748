// Package http1 serves HTTP/1.1, and 1.0, with less work a request than net/http
// does, which is half of what a call of a JSON service costs (docs/adr/0003-own-http1-loop.md).
//
// It saves by doing without what such calls do not need: no goroutine watches
// whether the client went away while a call runs, answers are whole before they
// are written, so that each is one write, and deadlines are moved only when they
// come near. Heads that are spelled as AWS's clients spell them are taken apart
// here, all others by the standard library (http.ReadRequest): nothing is read
// differently than net/http would read it.
//
// # Life of a connection
//
// Accepted; for TLS, the handshake. A client that agrees on HTTP/2 is handed to
// whoever serves that. Then, in one goroutine: wait for a head, until it is
// whole; refuse what two readers might read in two ways; have it answered; write
// the answer; drop what is left of the body; again.
//
// # Invariants
//
//   - A request that net/http refuses is refused, in the same words. Beyond that,
//     Content-Length beside Transfer-Encoding is refused, on the head as it came:
//     that is how requests are smuggled past proxies (RFC 9112, section 6.3).
//   - Whatever follows a request whose end is not certain is never read as
//     another one: the connection is closed.
//   - Memory for a connection is bounded by Head and, for bodies, by the handler.
//   - Every wait has an end: for a head, for more of a body, for the next
//     request, for the client to take the answer.
//   - Buffers that outlive a request are wiped: they carried plaintext.
//
// Non-goals: hijacking, trailers, Upgrade, pushing; full duplex.
package http1
