package policy

import (
	"fmt"
	"strings"
)

// Trace is a decision with everything that led to it.
type Trace struct {
	Decision  Decision `json:"-"`
	Allowed   bool     `json:"allowed"`
	Reason    string   `json:"reason"`
	Message   string   `json:"message,omitempty"` // the refusal in AWS's words
	Principal string   `json:"principal"`
	Action    string   `json:"action"`
	Resource  string   `json:"resource"`
	Owner     string   `json:"owner,omitempty"` // the resource's account
	// Steps are the stages of the decision, in order.
	Steps []Step `json:"steps"`
	// Policies are all policies that apply, in the order of evaluation.
	Policies []PolicyTrace `json:"policies"`
}

// Step is one stage of a decision.
type Step struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// PolicyTrace is what one policy said.
type PolicyTrace struct {
	Type     string `json:"type"`            // "identity-based policy"
	Level    int    `json:"level,omitempty"` // of the organization, the root is 1
	Name     string `json:"name,omitempty"`
	Attached string `json:"attached,omitempty"`
	// Outcome is "denies", "allows" or "says nothing".
	Outcome    string           `json:"outcome"`
	Statements []StatementTrace `json:"statements"`
}

// StatementTrace is what became of one statement.
type StatementTrace struct {
	Index   int    `json:"index"` // from 0
	Sid     string `json:"sid,omitempty"`
	Effect  string `json:"effect"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Matched bool   `json:"matched"`
	// Reach tells how a resource policy's statement means the caller.
	Reach    string         `json:"reach,omitempty"`
	Elements []ElementTrace `json:"elements"`
}

// ElementTrace tells whether one element of a statement matched, and why.
type ElementTrace struct {
	Name    string   `json:"name"` // "Action", "Condition IpAddress aws:SourceIp"
	Matched bool     `json:"matched"`
	Wanted  []string `json:"wanted,omitempty"` // the policy's values, or the one that matched
	Found   []string `json:"found,omitempty"`  // the request's
	Note    string   `json:"note,omitempty"`
}

// Text renders the trace as a tree for people.
func (t Trace) Text() string {
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		b.WriteString(strings.Repeat("  ", depth))
		fmt.Fprintf(&b, format, args...)
		b.WriteByte('\n')
	}
	verdict := "DENIED"
	if t.Allowed {
		verdict = "ALLOWED"
	}
	line(0, "%s: %s", verdict, strings.TrimPrefix(t.Reason, "allowed "))
	line(1, "caller    %s", t.Principal)
	line(1, "action    %s", t.Action)
	line(1, "resource  %s", t.Resource)
	if t.Owner != "" {
		line(1, "owner     %s", t.Owner)
	}
	if t.Message != "" {
		line(1, "message   %s", t.Message)
	}
	line(0, "")
	line(0, "steps")
	for i, s := range t.Steps {
		line(1, "%d. %s: %s", i+1, s.Name, s.Text)
	}
	for _, p := range t.Policies {
		line(0, "")
		line(0, "%s: %s", p.title(), p.Outcome)
		for _, s := range p.Statements {
			s.text(line)
		}
	}
	return b.String()
}

func (p *PolicyTrace) title() string {
	s := p.Type
	if p.Level > 0 {
		s += fmt.Sprintf(" (level %d)", p.Level)
	}
	if p.Name != "" {
		s += " " + p.Name
	}
	if p.Attached != "" && p.Attached != p.Name {
		s += " on " + p.Attached
	}
	return s
}

func (s *StatementTrace) text(line func(int, string, ...any)) {
	name := ""
	if s.Sid != "" {
		name = fmt.Sprintf(" %q", s.Sid)
	}
	reach := ""
	if s.Reach != "" && s.Matched {
		reach = ", means the caller " + s.Reach
	}
	line(1, "%s statement %d%s, %s, line %d column %d%s", tick(s.Matched), s.Index+1, name, s.Effect, s.Line, s.Column, reach)
	for _, e := range s.Elements {
		text := ""
		if e.Found != nil {
			text += " is " + quoted(e.Found)
		}
		if e.Wanted != nil {
			if text != "" {
				text += ";"
			}
			text += " the policy has " + quoted(e.Wanted)
		}
		if e.Note != "" {
			text += " (" + e.Note + ")"
		}
		line(3, "%s %s%s", tick(e.Matched), e.Name, text)
	}
}

func tick(ok bool) string {
	if ok {
		return "[x]"
	}
	return "[ ]"
}

// quoted prints a list, shortened: some statements hold hundreds of actions.
func quoted(list []string) string {
	const most = 6
	var b strings.Builder
	for i, s := range list {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(list)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", s)
	}
	if len(list) == 0 {
		return "nothing"
	}
	return b.String()
}
