package policy

import "errors"

// Parse compiles a policy of the given kind. The error is a *SyntaxError.
func Parse(text string, kind Kind) (*Document, error) { return nil, errors.New("unfinished") }

// Evaluate decides.
func Evaluate(r *Request) Decision { return Decision{Statement: -1} }

// Message words a refusal as AWS does.
func (d Decision) Message(r *Request) string { return "" }

// Trace is an explained decision.
type Trace struct {
	Decision Decision
}

// Explain decides like Evaluate and keeps every step.
func Explain(r *Request) Trace { return Trace{Decision: Evaluate(r)} }

// Text renders the trace as a readable tree.
func (t Trace) Text() string { return "" }

// Cache keeps compiled documents by kind and text; bounded, concurrent.
type Cache struct{}

// NewCache makes a cache of at most max documents.
func NewCache(max int) *Cache { return &Cache{} }

// Parse answers the compiled document, from the cache when it is there.
func (c *Cache) Parse(text string, kind Kind) (*Document, error) { return Parse(text, kind) }
