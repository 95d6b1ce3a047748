package front

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/wire"
)

// exchange is one request on its way through the steps.
type exchange struct {
	http      *http.Request
	wire      wire.Request
	start     time.Time
	requestID string

	svc      *schema.Service
	protocol schema.Protocol
	codec    wire.Codec
	op       *schema.Operation // nil: unknown
	row      *op.Operation     // nil: not implemented
	// routeErr is why no operation was found. It is answered only after the
	// signature held: strangers learn nothing about what there is.
	routeErr error

	host, scope string           // regions that the host and the signature's scope name
	sig         *sigv4.Signature // nil: not signed
	devRoot     bool             // dev mode let an unknown key in
	call        *redoubt.Call
	in          any
	needs       []redoubt.Need
	out         any
	err         error          // why the call failed, if it did
	refusal     *redoubt.Error // err as the client sees it
	status      int
	// recorded: the events are in the transaction that committed.
	recorded bool

	nested []*nested // calls that services made on the way, in this attempt
}

// nested is a call from one service to another.
type nested struct {
	as    op.As
	call  *redoubt.Call
	row   *op.Operation
	in    any
	out   any
	needs []redoubt.Need
	err   error
}

// newID makes a request or event id: a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	s[8] = '-'
	hex.Encode(s[9:13], b[4:6])
	s[13] = '-'
	hex.Encode(s[14:18], b[6:8])
	s[18] = '-'
	hex.Encode(s[19:23], b[8:10])
	s[23] = '-'
	hex.Encode(s[24:], b[10:])
	return string(s[:])
}
