package op

import (
	"context"
	"fmt"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// As says on whose behalf a service calls another. Exactly one of its
// constructors makes it: Forward, Principal or Role.
type As struct {
	// Caller is the call whose identity is passed on; nil for Principal and Role.
	Caller *redoubt.Call
	// Service is the host name of the calling service, "s3.amazonaws.com".
	Service string
	// SourceARN and SourceAccount say for which resource a service acts.
	SourceARN, SourceAccount string
	// RoleARN is a role that trusts Service, for work after the request ended.
	RoleARN, SessionName string
	Region               string
}

// Forward passes the caller on: the called service sees the same principal with
// its session policy and boundary, ViaService and CalledVia set. service is the
// caller's own endpoint name, "secretsmanager".
func Forward(c *redoubt.Call, service string) As {
	return As{Caller: c, Service: service + ".amazonaws.com", Region: c.Region}
}

// Principal acts as the service itself for one resource: timers, retries,
// deliveries. Policies see aws:SourceArn and aws:SourceAccount.
func Principal(service, region, sourceARN, sourceAccount string) As {
	return As{Service: service + ".amazonaws.com", Region: region, SourceARN: sourceARN, SourceAccount: sourceAccount}
}

// Role acts with a session of a role whose trust policy admits the service.
func Role(service, region, roleARN, sessionName string) As {
	return As{Service: service + ".amazonaws.com", Region: region, RoleARN: roleARN, SessionName: sessionName}
}

// Invoker re-enters the front door in process, without serialising:
// authorization and audit apply as to every call. When ctx carries a
// transaction (store.From), the invoked operation joins it, so that both commit
// together or not at all.
type Invoker interface {
	Invoke(ctx context.Context, as As, service *schema.Service, operation string, in any) (any, error)
}

// Invoke calls the operation that d describes.
func Invoke[I, O any](ctx context.Context, inv Invoker, as As, d Desc[I, O], in *I) (*O, error) {
	out, err := inv.Invoke(ctx, as, d.Service, d.Name, in)
	if err != nil {
		return nil, err
	}
	o, ok := out.(*O)
	if !ok {
		return nil, fmt.Errorf("op: %s.%s answered %T", d.Service.Name, d.Name, out)
	}
	return o, nil
}
