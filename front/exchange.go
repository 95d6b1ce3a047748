package front

import (
	"net/http"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/store"
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
	site     *op.Site          // that is visited; nil: a call of an API
	// routeErr is why no operation was found. It is answered only after the
	// signature held: strangers learn nothing about what there is.
	routeErr error

	form        *form            // an HTML form that puts an object; nil for all else
	host, scope string           // regions that the host and the signature's scope name
	region      string           // the one addressed
	sig         *sigv4.Signature // nil: not signed
	tx          *store.Tx        // in which the caller was identified; nil: there is none
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
