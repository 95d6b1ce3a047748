package front

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
)

// recordIn writes the events of a call that changes something into its own
// transaction, so that neither exists without the other. The event of a call
// that changes nothing is left to recordAfter.
func (d *Door) recordIn(_ context.Context, tx *store.Tx, e *exchange) error {
	if !tx.Wrote() {
		return nil
	}
	for _, n := range e.nested {
		if n.err != nil {
			continue // a refusal within a call that went on; recordAfter has it
		}
		if err := d.commitEvent(tx, event(n.call, n.row.Service, n.row.Schema, n.row, n.in, n.out, n.needs, nil)); err != nil {
			return err
		}
	}
	e.recorded = true
	return d.commitEvent(tx, event(e.call, e.svc, e.op, e.row, e.in, e.out, e.needs, nil))
}

// recordAfter hands the events of a call that changed nothing, refused ones
// included, to the buffered log.
func (d *Door) recordAfter(_ context.Context, e *exchange) error {
	if e.call == nil || e.op == nil {
		return nil // nobody asked for anything that has a name
	}
	if e.call.Account == "" && e.outcome() != nil && !d.strange.admit(now(), d.Log) {
		return nil
	}
	committed := e.recorded && e.err == nil
	var err error
	for _, n := range e.nested {
		if !committed || n.err != nil {
			err = both(err, d.recordEvent(event(n.call, n.row.Service, n.row.Schema, n.row, n.in, n.out, n.needs, n.err)))
		}
	}
	if !committed {
		err = both(err, d.recordEvent(event(e.call, e.svc, e.op, e.row, e.in, e.out, e.needs, e.outcome())))
	}
	if e.err == nil {
		d.Identity.Touch(&e.call.Principal, e.svc.IAMPrefix, e.op.Name, e.call.Region)
	}
	if err == nil {
		return nil
	}
	d.Log.Error("call could not be recorded", "request", e.requestID, "error", err)
	if d.AuditFailOpen {
		return nil
	}
	return unavailable("The call could not be recorded.")
}

// both joins two errors, of which mostly neither is one.
func both(a, b error) error {
	if a == nil {
		return b
	}
	return errors.Join(a, b)
}

// commitEvent writes an event, and its copies for other accounts, with a change.
func (d *Door) commitEvent(tx *store.Tx, ev *trail.Event) error {
	if !d.Trail.Selected(ev) {
		return nil
	}
	copies := shared(ev)
	if err := d.Trail.Commit(tx, ev); err != nil {
		return err
	}
	for _, c := range copies {
		if err := d.Trail.Commit(tx, c); err != nil {
			return err
		}
	}
	return nil
}

// recordEvent hands an event and its copies to the buffered log.
func (d *Door) recordEvent(ev *trail.Event) error {
	if !d.Trail.Selected(ev) {
		return nil
	}
	if ev.Data {
		ev.Logged = d.Clock.Now() // uploads and functions take their time
	}
	copies := shared(ev)
	if err := d.Trail.Record(ev); err != nil {
		return err
	}
	for _, c := range copies {
		if err := d.Trail.Record(c); err != nil {
			return err
		}
	}
	return nil
}

// shared makes the copies of an event for the accounts whose resources a foreign
// caller used: owners see in their own log who uses their keys. Of the caller it
// tells the account and the id, no name. Source: AWS CloudTrail User Guide,
// "sharedEventID".
func shared(ev *trail.Event) []*trail.Event {
	if ev.ErrorCode != "" {
		return nil
	}
	var copies []*trail.Event
	for i := range ev.Resources {
		owner := ev.Resources[i].Account
		if owner == ev.Account || owner == "" || copied(copies, owner) {
			continue
		}
		if ev.SharedID == "" {
			ev.SharedID = trail.NewID()
		}
		c := *ev
		c.Account, c.EventID, c.ResponseElements = owner, "", nil
		if ev.Identity.Type != "AWSService" {
			c.Identity = trail.Identity{Type: "AWSAccount", PrincipalID: ev.Identity.PrincipalID, AccountID: ev.Identity.AccountID}
		}
		copies = append(copies, &c)
	}
	return copies
}

func copied(list []*trail.Event, account string) bool {
	for _, c := range list {
		if c.Account == account {
			return true
		}
	}
	return false
}

// outcome is the refusal, or nil; as an error without the typed nil.
func (e *exchange) outcome() error {
	if e.refusal != nil {
		return e.refusal
	}
	if r, ok := e.out.(*op.Reply); ok && e.err == nil && r.Refusal != nil {
		return r.Refusal
	}
	return e.err
}

// recordNested writes the event of a call that background work made.
func (d *Door) recordNested(_ context.Context, tx *store.Tx, n *nested) error {
	return d.commitEvent(tx, event(n.call, n.row.Service, n.row.Schema, n.row, n.in, n.out, n.needs, nil))
}

// recordLater records a call that background work made and that changed nothing,
// or was refused.
func (d *Door) recordLater(n *nested) {
	if err := d.recordEvent(event(n.call, n.row.Service, n.row.Schema, n.row, n.in, n.out, n.needs, n.err)); err != nil {
		d.Log.Error("call could not be recorded", "request", n.call.RequestID, "error", err)
	}
}

// event makes the CloudTrail record of a call. Of request and answer it holds
// what the operation's row allows.
func event(c *redoubt.Call, svc *schema.Service, o *schema.Operation, row *op.Operation, in, out any, needs []redoubt.Need, err error) *trail.Event {
	ev := &trail.Event{
		Account: c.Account, Region: c.Region,
		Identity: trail.IdentityOf(&c.Principal, c.Via),
		Time:     c.Time, Source: svc.EventSource, Name: o.Name,
		SourceIP: c.Source.IP, UserAgent: c.Source.UserAgent,
		RequestID: c.RequestID, EventID: c.EventID, ReadOnly: o.ReadOnly,
	}
	if svc.Global {
		ev.Region = "us-east-1"
	}
	if n := len(c.Via.CalledVia); n > 0 {
		ev.SourceIP, ev.UserAgent = c.Via.CalledVia[n-1], c.Via.CalledVia[n-1]
	}
	if c.Source.TLSVersion != "" {
		ev.TLS = &trail.TLS{Version: c.Source.TLSVersion, Cipher: c.Source.TLSCipher, Host: c.Source.Host}
	}
	if row != nil {
		ev.ReadOnly, ev.Data = row.ReadOnly, row.IsData
		if in != nil {
			ev.RequestParameters = row.RecordRequest(in)
		}
		if err == nil && out != nil && !ev.ReadOnly {
			ev.ResponseElements = row.RecordResponse(out)
		}
	}
	if err != nil {
		var r *redoubt.Error
		if errors.As(err, &r) {
			ev.ErrorCode, ev.ErrorMessage = eventCode(r.Code), r.Told()
		} else {
			ev.ErrorCode = string(redoubt.ErrInternal)
		}
	}
	for i := range needs {
		n := &needs[i]
		if !strings.HasPrefix(n.Resource, "arn:") || strings.ContainsAny(n.Resource, "*?") || repeated(needs[:i], n.Resource) {
			continue
		}
		account := n.Account
		if account == "" {
			account = c.Account
		}
		ev.Resources = append(ev.Resources, trail.Resource{ARN: n.Resource, Account: account, Type: resourceType(n.Resource)})
	}
	if len(ev.Resources) == 0 && ev.ResponseElements != nil {
		if arn := madeARN(ev.ResponseElements); arn != "" {
			ev.Resources = []trail.Resource{{ARN: arn, Account: c.Account, Type: resourceType(arn)}}
		}
	}
	return ev
}

// eventCode is how CloudTrail spells refusals of every service alike.
func eventCode(code string) string {
	switch code {
	case "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError":
		return "AccessDenied"
	}
	return code
}

func repeated(needs []redoubt.Need, arn string) bool {
	for i := range needs {
		if needs[i].Resource == arn {
			return true
		}
	}
	return false
}
