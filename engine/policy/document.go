package policy

import "fmt"

// Document is a compiled policy: immutable and safe for concurrent use.
type Document struct {
	text string
	kind Kind
}

// Text answers the text that the document was parsed from.
func (d *Document) Text() string { return d.text }

// Kind answers the kind that the document was parsed as.
func (d *Document) Kind() Kind { return d.kind }

// Position is a place in a policy's text, both counted from 1; Column counts
// characters, as IAM's simulator does.
type Position struct{ Line, Column int }

// SyntaxError says why a policy is refused, and where.
type SyntaxError struct {
	// Message is the reason in AWS's words where AWS has some: "Syntax errors in
	// policy.", "MALFORMED" forms, "Has prohibited field Principal".
	Message string
	Line    int // from 1
	Column  int // from 1, in characters
	// Path leads to the element: "Statement[0].Condition.StringEquals".
	Path string
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("%d:%d: %s: %s", e.Line, e.Column, e.Path, e.Message)
}
