package identity

import (
	"encoding/json"
	"sync/atomic"

	"github.com/redoubt-sec/redoubt/engine/policy"
)

// Document is a policy's text as it was given. Its compiled form is kept beside
// it, so that a stored record is compiled once for as long as it is the newest
// and the store remembers it decoded: no cache to go stale.
type Document struct {
	Text     string
	compiled atomic.Pointer[policy.Document]
}

// NewDocument makes a document of a text that was parsed before.
func NewDocument(text string) *Document { return &Document{Text: text} }

// MarshalJSON implements json.Marshaler: a document is its text.
func (d *Document) MarshalJSON() ([]byte, error) { return json.Marshal(d.Text) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Document) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &d.Text) }

// Compiled answers the compiled policy. A managed policy is compiled as an
// identity policy whatever it is used for; policy.Source.Kind tells the use.
func (d *Document) Compiled(kind policy.Kind) (*policy.Document, error) {
	if c := d.compiled.Load(); c != nil {
		return c, nil
	}
	c, err := policy.Parse(d.Text, kind)
	if err != nil {
		return nil, err
	}
	d.compiled.Store(c)
	return c, nil
}
