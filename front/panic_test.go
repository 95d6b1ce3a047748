package front

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
)

// A panic must not end the connection: then the call would leave no event.
func TestPanicIsAFailure(t *testing.T) {
	saved := steps
	defer func() { steps = saved }()
	steps = []step{{"fall", func(*Door, context.Context, *exchange) error { panic("a value of the request") }}}
	d := &Door{Deps: Deps{Log: slog.New(slog.DiscardHandler)}}
	e := &exchange{}
	d.walk(context.Background(), e)
	if e.err == nil {
		t.Fatal("a call that fell passes for one that succeeded")
	}
	if r := d.refusal(e); r.Status != http.StatusInternalServerError || r.Message != "" {
		t.Errorf("the caller reads %+v", r)
	}
}
