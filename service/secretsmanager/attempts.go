package secretsmanager

import (
	"crypto/subtle"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/redoubt-sec/redoubt/store"
)

// logs keep what a secret's last rotations came to, for who looks for the cause of
// a failure. They are sealed: what a function says of its errors is its own.
var logs = store.RegionalTable[rotationLog]("secretsmanager.rotation")

const (
	logPurpose = "secretsmanager.rotation"
	// keptAttempts and keptText bound a log.
	keptAttempts = 20
	keptText     = 1000
)

type rotationLog struct {
	ARN    string
	Sealed []byte
}

// attempt is one pass through the steps.
type attempt struct {
	Token   string `json:",omitempty"`
	Number  int    `json:",omitempty"`
	Test    bool   `json:",omitempty"`
	Began   time.Time
	Ended   time.Time `json:",omitzero"`
	Outcome string    `json:",omitempty"`
	Note    string    `json:",omitempty"`
	Steps   []stepLog `json:",omitempty"`
}

type stepLog struct {
	Step  string `json:",omitempty"`
	Began time.Time
	Ended time.Time `json:",omitzero"`
	Error string    `json:",omitempty"`
}

// Outcomes of an attempt.
const (
	succeeded = "succeeded"
	failed    = "failed"
	abandoned = "abandoned"
	refused   = "refused"
)

// attempts answers a secret's log, the oldest first.
func (s *Service) attempts(tx *store.Tx, sec *Secret) ([]attempt, error) {
	l, err := logs.In(sec.Account, sec.Region).Get(tx, sec.resource())
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := s.ring.Open(logPurpose, []byte(l.ARN), l.Sealed)
	if err != nil {
		return nil, err
	}
	var list []attempt
	return list, json.Unmarshal(text, &list)
}

func (s *Service) keep(tx *store.Tx, sec *Secret, list []attempt) error {
	if n := len(list) - keptAttempts; n > 0 {
		list = list[n:]
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	sealed, err := s.ring.Seal(logPurpose, []byte(sec.ARN), text)
	if err != nil {
		return err
	}
	return logs.In(sec.Account, sec.Region).Put(tx, sec.resource(), &rotationLog{sec.ARN, sealed})
}

// renewLog seals a log anew when the root key is replaced.
func (s *Service) renewLog(_ string, l *rotationLog) (changed bool, err error) {
	l.Sealed, changed, err = s.ring.Renew(logPurpose, []byte(l.ARN), l.Sealed)
	return changed, err
}

// note adds an attempt.
func (s *Service) note(tx *store.Tx, sec *Secret, a attempt) error {
	list, err := s.attempts(tx, sec)
	if err != nil {
		return err
	}
	return s.keep(tx, sec, append(list, a))
}

// amend changes the newest attempt of the rotation under way, or begins it.
func (s *Service) amend(tx *store.Tx, sec *Secret, f func(*attempt)) error {
	run := sec.Rotation.Active
	list, err := s.attempts(tx, sec)
	if err != nil {
		return err
	}
	if n := len(list); n == 0 || list[n-1].Token != run.Token || list[n-1].Number != run.Attempt {
		list = append(list, attempt{Token: run.Token, Number: run.Attempt, Test: run.Test, Began: s.clock.Now()})
	}
	f(&list[len(list)-1])
	return s.keep(tx, sec, list)
}

// noteBegin notes that a step begins. One that was begun before a crash has no end.
func (s *Service) noteBegin(tx *store.Tx, sec *Secret, now time.Time) error {
	return s.amend(tx, sec, func(a *attempt) {
		if len(a.Steps) < 4*len(steps) {
			a.Steps = append(a.Steps, stepLog{Step: steps[sec.Rotation.Active.Step], Began: now})
		}
	})
}

func (s *Service) noteEnd(tx *store.Tx, sec *Secret, failure string) error {
	return s.amend(tx, sec, func(a *attempt) {
		if n := len(a.Steps); n > 0 {
			a.Steps[n-1].Ended, a.Steps[n-1].Error = s.clock.Now(), failure
		}
	})
}

func (s *Service) noteOutcome(tx *store.Tx, sec *Secret, outcome, note string) error {
	return s.amend(tx, sec, func(a *attempt) {
		a.Ended, a.Outcome, a.Note = s.clock.Now(), outcome, note
	})
}

// noteLate notes the end of a step whose rotation was cancelled while it ran.
func (s *Service) noteLate(tx *store.Tx, sec *Secret, k *call, failure string) error {
	list, err := s.attempts(tx, sec)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		a := &list[i]
		if n := len(a.Steps); a.Token == k.run.Token && a.Number == k.run.Attempt && n > 0 {
			a.Steps[n-1].Ended, a.Steps[n-1].Error = s.clock.Now(), failure
			a.Ended, a.Outcome, a.Note = s.clock.Now(), abandoned, "The rotation was cancelled."
			return s.keep(tx, sec, list)
		}
	}
	return nil
}

var (
	quoted   = regexp.MustCompile(`'[^']*'|"[^"]*"|` + "`[^`]*`")
	plain    = regexp.MustCompile(`^.[A-Za-z_. -]{0,40}.$`)
	assigned = regexp.MustCompile(`(?i)((?:(?:password|passwd|pwd|identified by)["']?\s*[=:]|(?:secret|token|key)["']?\s*=)\s*)(\S+)`)
)

// redact cuts out of an error's text what could be a password: what stands in
// quotation marks and is no plain word, what is assigned to something that is
// called so, and what looks like one.
func redact(text string) string {
	text = assigned.ReplaceAllString(text, "$1***")
	text = quoted.ReplaceAllStringFunc(text, func(q string) string {
		if plain.MatchString(q) {
			return q
		}
		return q[:1] + "***" + q[len(q)-1:]
	})
	words := strings.Fields(text)
	for i, w := range words {
		if random(w) {
			words[i] = "***"
		}
	}
	text = strings.Join(words, " ")
	if r := []rune(text); len(r) > keptText {
		text = string(r[:keptText]) + "…"
	}
	return text
}

// random reports whether a word mixes kinds of characters as passwords do. ARNs,
// version ids, paths and addresses do not count.
func random(w string) bool {
	w = strings.Trim(w, ".,;:()[]")
	if len(w) < 12 || strings.HasPrefix(w, "arn:") || strings.Contains(w, "://") || uuidForm.MatchString(w) {
		return false
	}
	var lower, upper, digit, other int
	for _, r := range w {
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		case !strings.ContainsRune("-_./:", r):
			other = 1
		}
	}
	return lower+upper+digit+other >= 3
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F-]{32,64}$`)

func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
