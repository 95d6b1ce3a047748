package front

import (
	"context"
	"errors"
	"fmt"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
)

// Invoke implements op.Invoker: a service calls another one, in process and
// without serialising, but through the same steps: constraints, needs,
// decisions, audit. Joined to the caller's transaction when there is one.
func (d *Door) Invoke(ctx context.Context, as op.As, svc *schema.Service, operation string, in any) (any, error) {
	row := d.row(svc, operation)
	if row == nil {
		return nil, notImplemented(svc.Name, operation)
	}
	if err := d.valid.Input(svc, row.Schema, in); err != nil {
		return nil, err
	}
	if row.Effects {
		return d.invokeOutside(ctx, as, row, in)
	}
	if store.Has(ctx) {
		n, err := d.nest(ctx, store.From(ctx), as, row, in)
		if err != nil {
			return nil, err
		}
		if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
			e.nested = append(e.nested, n)
			return n.out, n.err
		}
		// Background work in a transaction of its own: the event goes with it.
		if n.err == nil {
			return n.out, d.recordNested(ctx, store.From(ctx), n)
		}
		d.recordLater(n)
		return nil, n.err
	}
	var n *nested
	err := d.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		var err error
		if n, err = d.nest(ctx, tx, as, row, in); err != nil {
			return err
		}
		if n.err != nil {
			return n.err
		}
		return d.recordNested(ctx, tx, n)
	})
	if n != nil && n.err != nil {
		d.recordLater(n)
	}
	if err != nil {
		return nil, err
	}
	return n.out, nil
}

// invokeOutside is Invoke of an operation whose method runs in no transaction. From
// within one only what reads can be called: the transaction may run again, and what
// was done could not be undone.
func (d *Door) invokeOutside(ctx context.Context, as op.As, row *op.Operation, in any) (any, error) {
	if store.Has(ctx) && !row.ReadOnly {
		return nil, errors.New("front: " + row.Service.Name + ":" + row.Schema.Name + " called from within a transaction")
	}
	var n *nested
	admit := func(ctx context.Context) error {
		tx := store.From(ctx)
		c, err := d.callAs(ctx, tx, as, row)
		if err != nil {
			return err
		}
		n = &nested{call: c, row: row, in: in, as: as}
		n.needs, n.err = d.decide(ctx, tx, c, row, in)
		return n.err
	}
	var err error
	if store.Has(ctx) {
		err = admit(ctx)
	} else {
		err = d.DB.Run(ctx, admit)
	}
	if err == nil {
		n.out, n.err = row.Call(context.WithValue(store.Without(ctx), exchangeKey{}, nil), n.call, in)
		err = n.err
	}
	if n != nil && (err == nil || n.err != nil) {
		d.recordLater(n)
	}
	if err != nil {
		return nil, err
	}
	return n.out, nil
}

// nest runs one call between services. Its error is about the machinery; the
// call's own refusal is in the answer.
func (d *Door) nest(ctx context.Context, tx *store.Tx, as op.As, row *op.Operation, in any) (*nested, error) {
	c, err := d.callAs(ctx, tx, as, row)
	if err != nil {
		return nil, err
	}
	n := &nested{call: c, row: row, in: in, as: as}
	n.out, n.needs, n.err = d.perform(ctx, tx, c, row, in)
	return n, nil
}

// callAs makes the Call of one service on behalf of someone.
func (d *Door) callAs(ctx context.Context, tx *store.Tx, as op.As, row *op.Operation) (*redoubt.Call, error) {
	if !validRegion(as.Region) {
		// It may come from an ARN that a caller sent.
		return nil, redoubt.ErrValidation.New("%q is not a Region", as.Region)
	}
	c := &redoubt.Call{
		Service: row.Service.Name, Operation: row.Schema.Name, Region: as.Region,
		Partition: redoubt.Partition(as.Region), RequestID: trail.NewID(), EventID: trail.NewID(), Time: d.Clock.Now(),
	}
	switch {
	case as.Caller != nil:
		// The caller's own identity with its session policies and boundary; what
		// is new is through whom it came.
		from := as.Caller
		c.Account, c.Principal, c.Source = from.Account, from.Principal, from.Source
		c.RequestID = from.RequestID
		c.Via = redoubt.Via{
			Service:   viaService(as),
			CalledVia: append(slices.Clip(from.Via.CalledVia), as.Service),
		}
	case as.RoleARN != "":
		p, err := d.Identity.AssumeFor(tx, as.Service, as.Region, as.RoleARN, as.SessionName, redoubt.Via{SourceARN: as.SourceARN, SourceAccount: as.SourceAccount})
		if err != nil {
			return nil, fmt.Errorf("assuming %s: %w", as.RoleARN, err)
		}
		c.Account, c.Principal = p.Account, *p
		c.Source = redoubt.Source{IP: as.Service, UserAgent: as.Service, TLS: true}
	default:
		c.Account = as.SourceAccount
		c.Principal = redoubt.Principal{Kind: redoubt.Service, ARN: as.Service, ID: as.Service, Name: as.Service}
		c.Via = redoubt.Via{SourceARN: as.SourceARN, SourceAccount: as.SourceAccount}
		c.Source = redoubt.Source{IP: as.Service, UserAgent: as.Service, TLS: true}
	}
	return c, nil
}

// viaService is kms:ViaService's form: service.region.amazonaws.com.
func viaService(as op.As) string {
	const suffix = ".amazonaws.com"
	if n := len(as.Service) - len(suffix); n > 0 && as.Service[n:] == suffix {
		return as.Service[:n] + "." + as.Region + suffix
	}
	return as.Service
}
