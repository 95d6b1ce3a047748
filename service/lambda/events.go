package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/store"
)

// An asynchronous event is kept, sealed, until its function has succeeded or failed
// for good. Source of the rules: Lambda Developer Guide, "How Lambda handles errors
// and retries with asynchronous invocation".

// Event waits to be run.
type Event struct {
	Function  string // ID
	Name      string
	Partition string
	Qualifier string `json:",omitempty"`
	Accepted  time.Time
	Pieces    int    // of the payload
	Client    []byte `json:",omitempty"` // client context, sealed
	Ready     bool   // all pieces are there
	// Failures are those of the function, Delays what was not its doing: no room,
	// trouble of the server.
	Failures, Delays int
}

var (
	events      = store.RegionalTable[Event]("lambda.event")      // by request id
	eventPieces = store.RegionalTable[piece]("lambda.eventpiece") // by request id and number
)

const (
	jobEvent     = "lambda.event"
	eventPurpose = "lambda.event"

	// What holds where nothing is configured.
	usualRetries = 2
	usualAge     = 6 * time.Hour
	// patience is how long an event that was begun may be silent before it is taken
	// for lost with its server, beyond the function's timeout.
	patience = 2 * time.Minute
	lastWait = 5 * time.Minute
)

// enqueue keeps an event and has it run.
func (s *Service) enqueue(ctx context.Context, t target, id string, payload, client []byte) error {
	r := t.ref
	n := max((len(payload)+pieceSize-1)/pieceSize, 1)
	e := Event{Function: t.function.ID, Name: t.function.Name, Partition: r.partition, Qualifier: r.qualifier, Accepted: s.Clock.Now(), Pieces: n, Ready: n == 1}
	var err error
	if len(client) > 0 {
		if e.Client, err = s.Keyring.Seal(eventPurpose, codeContext(id, -1), client); err != nil {
			return err
		}
	}
	sealed := make([][]byte, n)
	for i := range sealed {
		part := payload[min(i*pieceSize, len(payload)):min((i+1)*pieceSize, len(payload))]
		if sealed[i], err = s.Keyring.Seal(eventPurpose, codeContext(id, i), part); err != nil {
			return err
		}
	}
	job := store.ID(r.account, r.region, id)
	put := func(tx *store.Tx, i int) error {
		return eventPieces.In(r.account, r.region).Put(tx, pieceID(id, i), &piece{sealed[i]})
	}
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		if err := events.In(r.account, r.region).Put(tx, id, &e); err != nil {
			return err
		}
		at := s.Clock.Now()
		if !e.Ready {
			at = at.Add(grace) // if the rest never comes, it is dropped then
		}
		return errors.Join(put(tx, 0), s.Schedule.At(tx, jobEvent, job, at))
	})
	for i := 1; i < n && err == nil; i++ {
		err = s.DB.Run(ctx, func(ctx context.Context) error {
			tx := store.From(ctx)
			if i < n-1 {
				return put(tx, i)
			}
			_, err := events.In(r.account, r.region).Edit(tx, id, func(e *Event) error { e.Ready = true; return nil })
			return errors.Join(err, put(tx, i), s.Schedule.At(tx, jobEvent, job, s.Clock.Now()))
		})
	}
	return err
}

// wakeEvent is the job of an event whose time has come. It hands it to Run and
// plans itself anew for the case that this server falls silent.
func (s *Service) wakeEvent(ctx context.Context, job string) error {
	tx := store.From(ctx)
	p := store.Parts(job)
	if len(p) != 3 {
		return fmt.Errorf("lambda: job %q", job)
	}
	e, err := events.In(p[0], p[1]).Get(tx, p[2])
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !e.Ready {
		return dropEvent(tx, p[0], p[1], p[2], e)
	}
	if !s.events.has(job) {
		tx.AfterCommit(func() { s.events.add(job) })
	}
	return s.Schedule.At(tx, jobEvent, job, s.Clock.Now().Add(maxTimeout*time.Second+patience))
}

func dropEvent(tx *store.Tx, account, region, id string, e *Event) error {
	for i := range e.Pieces {
		if err := eventPieces.In(account, region).Delete(tx, pieceID(id, i)); err != nil {
			return err
		}
	}
	return events.In(account, region).Delete(tx, id)
}

// runEvent runs an event once and decides what becomes of it.
func (s *Service) runEvent(ctx context.Context, turn *claim) error {
	p := store.Parts(turn.job)
	account, region, id := p[0], p[1], p[2]
	var e *Event
	var in functions.Invocation
	err := s.DB.Run(ctx, func(ctx context.Context) (err error) {
		tx := store.From(ctx)
		if e, err = events.In(account, region).Get(tx, id); err != nil {
			return err
		}
		in.Payload = nil
		for i := range e.Pieces {
			rec, err := eventPieces.In(account, region).Get(tx, pieceID(id, i))
			if err != nil {
				return err
			}
			part, err := s.Keyring.Open(eventPurpose, codeContext(id, i), rec.Sealed)
			if err != nil {
				return err
			}
			in.Payload = append(in.Payload, part...)
		}
		if e.Client != nil {
			in.ClientContext, err = s.Keyring.Open(eventPurpose, codeContext(id, -1), e.Client)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // somebody else has ended it
	}
	if err != nil {
		return err
	}
	r := ref{partition: e.Partition, account: account, region: region, name: e.Name, qualifier: e.Qualifier}
	in.RequestID, in.InvokedARN = id, r.arn()
	t, err := s.aim(ctx, r)
	if errors.Is(err, api.ErrResourceNotFoundException) || err == nil && t.function.ID != e.Function {
		// The function is gone, and with it whoever would want to know.
		return s.endEvent(ctx, account, region, id, nil)
	}
	rules, rerr := s.eventRules(ctx, r, e)
	if rerr != nil {
		return rerr
	}
	o := outcome{turn: turn, ref: r, event: e, invocation: in, rules: rules}
	if s.Clock.Now().Sub(e.Accepted) >= rules.age {
		o.condition = "EventAgeExceeded"
		return s.settleEvent(ctx, o)
	}
	if err == nil {
		o.target = t
		o.result, err = s.run(ctx, t, in)
	}
	o.failure = err
	return s.judge(ctx, o)
}

// outcome is how a run of an event ended.
type outcome struct {
	turn       *claim
	ref        ref
	event      *Event
	invocation functions.Invocation
	rules      eventRules
	target     target // zero: it did not come to a run
	result     functions.Result
	failure    error  // of the server, not the function
	condition  string // why it is over; empty: it is not
}

// zeroReserved is the condition of events of a function whose reserved concurrency
// is zero: they are not tried again.
const zeroReserved = "ZeroReservedConcurrency"

// eventRules are what is configured for an event.
type eventRules struct {
	retries              int
	age                  time.Duration
	onSuccess, onFailure string
	role, deadLetter     string
}

// eventRules reads what is configured now.
func (s *Service) eventRules(ctx context.Context, r ref, e *Event) (rules eventRules, err error) {
	if r.qualifier == "" {
		r.qualifier = latest
	}
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		rules = eventRules{retries: usualRetries, age: usualAge}
		tx := store.From(ctx)
		f, v, err := s.version(tx, r)
		if err != nil {
			return err
		}
		rules.role, rules.deadLetter = v.Role, v.DeadLetter
		c, err := eventConfigs.In(r.account, r.region).Get(tx, store.ID(f.ID, r.qualifier))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.Retries != nil {
			rules.retries = int(*c.Retries)
		}
		if c.Age != nil {
			rules.age = time.Duration(*c.Age) * time.Second
		}
		rules.onSuccess, rules.onFailure = c.OnSuccess, c.OnFailure
		return nil
	})
	return rules, err
}

// judge decides what becomes of an event after a run.
func (s *Service) judge(ctx context.Context, o outcome) error {
	var wait time.Duration
	switch {
	case o.failure == nil && o.result.FunctionError == "":
		o.condition = "Success"
	case o.failure != nil && o.target.function != nil && o.target.function.Reserved != nil && *o.target.function.Reserved == 0:
		o.condition = zeroReserved
	case o.failure != nil && passing(o.failure):
		// No room, or trouble of the server: it is tried again until it is too old.
		wait = min(time.Second<<min(o.event.Delays, 9), lastWait)
		if s.Clock.Now().Add(wait).Sub(o.event.Accepted) >= o.rules.age {
			o.condition = "EventAgeExceeded"
		}
	case o.event.Failures >= o.rules.retries:
		o.condition = "RetriesExhausted"
	default:
		// AWS waits a minute before the first retry and two before the second.
		wait = time.Duration(o.event.Failures+1) * time.Minute
		if s.Clock.Now().Add(wait).Sub(o.event.Accepted) >= o.rules.age {
			o.condition = "EventAgeExceeded"
		}
	}
	if o.condition != "" {
		return s.settleEvent(ctx, o)
	}
	r, id := o.ref, o.invocation.RequestID
	return s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		_, err := events.In(r.account, r.region).Edit(tx, id, func(e *Event) error {
			if o.failure != nil && passing(o.failure) {
				e.Delays++
			} else {
				e.Failures++
			}
			return nil
		})
		if err != nil {
			return err
		}
		// The turn ends before the next one can begin.
		tx.AfterCommit(func() { s.events.done(o.turn) })
		return s.Schedule.At(tx, jobEvent, o.turn.job, s.Clock.Now().Add(wait))
	})
}

// passing tells trouble that may pass from what a retry would meet again.
func passing(err error) bool {
	var e *redoubt.Error
	if !errors.As(err, &e) {
		return true
	}
	return e.Fault || e.Code == string(api.ErrTooManyRequestsException) || e.Code == string(api.ErrResourceConflictException)
}

// endEvent removes an event; more may add to the transaction.
func (s *Service) endEvent(ctx context.Context, account, region, id string, more func(*store.Tx) error) error {
	return s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		e, err := events.In(account, region).Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := dropEvent(tx, account, region, id, e); err != nil {
			return err
		}
		if more != nil {
			if err := more(tx); err != nil {
				return err
			}
		}
		return s.Schedule.Cancel(tx, jobEvent, store.ID(account, region, id))
	})
}
