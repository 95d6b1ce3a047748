package policy

import (
	"fmt"
	"unicode"
)

// Document is a compiled policy: immutable and safe for concurrent use.
type Document struct {
	text       string
	kind       Kind
	version    string
	id         string
	statements []statement
	principals []Named
}

// statement is one compiled statement.
type statement struct {
	sid        string
	deny       bool
	start, end Position // as IAM's simulator counts them

	principals   *principalSet // nil where the kind has none: matches everyone
	notPrincipal bool
	actions      actionSet
	notAction    bool
	resources    []matcher // nil in trust policies: matches every resource
	notResource  bool
	conditions   []condition
}

// Version2012 is the version of the language that knows variables.
const Version2012 = "2012-10-17"

// Text answers the text that the document was parsed from.
func (d *Document) Text() string { return d.text }

// Kind answers the kind that the document was parsed as.
func (d *Document) Kind() Kind { return d.kind }

// Version answers the Version element; empty means 2008-10-17.
func (d *Document) Version() string { return d.version }

// ID answers the Id element.
func (d *Document) ID() string { return d.id }

// Len answers the number of statements.
func (d *Document) Len() int { return len(d.statements) }

// Sid answers the Sid of statement i, from 0.
func (d *Document) Sid(i int) string { return d.statements[i].sid }

// Denies tells whether statement i is a Deny.
func (d *Document) Denies(i int) bool { return d.statements[i].deny }

// Place answers where statement i begins and ends in the text, counted as IAM's
// simulator does (simulate.go).
func (d *Document) Place(i int) (start, end Position) {
	return d.statements[i].start, d.statements[i].end
}

// Size answers the length of a policy as IAM's quotas count it: characters
// without white space. Source: IAM User Guide, "IAM and AWS STS quotas".
func Size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// Position is a place in a policy's text, both counted from 1; Column counts
// characters.
type Position struct{ Line, Column int }

// SyntaxError says why a policy is refused, and where.
type SyntaxError struct {
	// Message is the refusal in AWS's words; it may go to clients as it is.
	Message string
	// Detail says more than AWS does.
	Detail string
	Line   int // from 1
	Column int // from 1, in characters
	// Path leads to the element: "Statement[0].Condition.StringEquals".
	Path string
}

func (e *SyntaxError) Error() string {
	s := e.Message
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Path != "" {
		s += " (" + e.Path + ")"
	}
	return fmt.Sprintf("%s at line %d, column %d", s, e.Line, e.Column)
}
