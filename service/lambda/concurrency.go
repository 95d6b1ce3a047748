package lambda

import (
	"context"
	"strings"
	"sync"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Quotas of AWS. Source: Lambda Developer Guide, "Lambda quotas".
const (
	accountConcurrency = 1000
	// leastUnreserved is what must stay for functions without a share of their own.
	leastUnreserved = 100
)

// reservedOf is how much of the account's concurrency functions other than one have
// for themselves.
func reservedOf(tx *store.Tx, r ref) (int32, error) {
	var sum int32
	for row, err := range functionTable.In(r.account, r.region).Scan(tx, store.Query{}) {
		if err != nil {
			return 0, err
		}
		if row.Value.Name != r.name {
			sum += value(row.Value.Reserved)
		}
	}
	return sum, nil
}

// PutFunctionConcurrency gives a function a share of the account's concurrency, of
// which it can use no more.
func (s *Service) PutFunctionConcurrency(ctx context.Context, c *redoubt.Call, in *api.PutFunctionConcurrencyInput) (*api.PutFunctionConcurrencyOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	if r.qualifier != "" {
		return nil, unqualifiedOnly()
	}
	if s.isInside(r) {
		return nil, isBuiltin(r)
	}
	// AWS names the version in this refusal, and says it before it looks at the
	// value.
	if _, err := s.load(tx, r.with(latest)); err != nil {
		return nil, err
	}
	others, err := reservedOf(tx, r)
	if err != nil {
		return nil, err
	}
	want := value(in.ReservedConcurrentExecutions)
	if want > accountConcurrency-leastUnreserved-others {
		return nil, api.ErrInvalidParameterValueException.New("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", leastUnreserved)
	}
	_, err = edit(tx, r, func(f *Function) error { f.Reserved = &want; return nil })
	return &api.PutFunctionConcurrencyOutput{ReservedConcurrentExecutions: &want}, err
}

// GetFunctionConcurrency shows a function's share.
func (s *Service) GetFunctionConcurrency(ctx context.Context, c *redoubt.Call, in *api.GetFunctionConcurrencyInput) (*api.GetFunctionConcurrencyOutput, error) {
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	f, err := s.load(store.From(ctx), r.unqualified())
	if err != nil {
		return nil, err
	}
	return &api.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: f.Reserved}, nil
}

// DeleteFunctionConcurrency takes a function's share back.
func (s *Service) DeleteFunctionConcurrency(ctx context.Context, c *redoubt.Call, in *api.DeleteFunctionConcurrencyInput) (*api.DeleteFunctionConcurrencyOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	if r.qualifier != "" {
		return nil, unqualifiedOnly()
	}
	if _, err := s.own(tx, r); err != nil {
		return nil, err
	}
	_, err = edit(tx, r, func(f *Function) error { f.Reserved = nil; return nil })
	return nil, err
}

// GetAccountSettings shows the account's limits and what it uses.
func (s *Service) GetAccountSettings(ctx context.Context, c *redoubt.Call, _ *api.GetAccountSettingsInput) (*api.GetAccountSettingsOutput, error) {
	tx := store.From(ctx)
	var count, size int64
	var reserved int32
	for row, err := range functionTable.In(c.Account, c.Region).Scan(tx, store.Query{}) {
		if err != nil {
			return nil, err
		}
		count++
		reserved += value(row.Value.Reserved)
	}
	for row, err := range packages.In(c.Account, c.Region).Scan(tx, store.Query{}) {
		if err != nil {
			return nil, err
		}
		if row.Value.Uses > 0 {
			size += row.Value.Size
		}
	}
	return &api.GetAccountSettingsOutput{
		AccountLimit: &api.AccountLimit{
			TotalCodeSize: new(int64(80530636800)), CodeSizeUnzipped: new(int64(maxUnpacked)), CodeSizeZipped: new(int64(maxZip)),
			ConcurrentExecutions: new(int32(accountConcurrency)), UnreservedConcurrentExecutions: new(accountConcurrency - reserved),
		},
		AccountUsage: &api.AccountUsage{TotalCodeSize: &size, FunctionCount: &count},
	}, nil
}

// running counts what runs now, by account and Region and by function with a share of
// its own. It knows of this server only.
type running struct {
	mu sync.Mutex
	by map[string]int
}

// begin counts one more execution of a function, unless its share or the account's
// rest is used up. The answer ends it.
func (s *Service) begin(r ref, f *Function, reserved int32) (end func(), err error) {
	key, limit, reason := strings.Join([]string{r.account, r.region}, "/"), accountConcurrency-int(reserved), api.ThrottleReasonConcurrentInvocationLimitExceeded
	if f.Reserved != nil {
		key, limit, reason = key+"/"+f.ID, int(*f.Reserved), api.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded
	}
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	if s.running.by[key] >= limit {
		return nil, throttled(reason)
	}
	if s.running.by == nil {
		s.running.by = map[string]int{}
	}
	s.running.by[key]++
	return func() {
		s.running.mu.Lock()
		defer s.running.mu.Unlock()
		if s.running.by[key]--; s.running.by[key] == 0 {
			delete(s.running.by, key)
		}
	}, nil
}

func throttled(reason string) *redoubt.Error {
	e := user(api.ErrTooManyRequestsException.New("Rate Exceeded."))
	e.Fields["Reason"] = reason
	return e
}
