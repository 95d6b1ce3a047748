package front

import (
	"log/slog"
	"sync"
	"time"
)

// strangers bounds the events of refused callers who are nobody: without a
// signature, or with one that does not hold. Such a call costs its sender nothing
// and is in no account's log, but its event lies in the store for ninety days:
// whoever reaches the port could fill the disk, and with it end the recording of
// everyone's calls. What is left out is counted in the server's log.
type strangers struct {
	mu      sync.Mutex
	tokens  float64
	at      time.Time // of tokens; zero before the first call
	missed  int
	noticed time.Time // when missed was last told
}

const (
	strangersBurst  = 1000
	strangersRate   = 10 // events a second
	strangersNotice = time.Minute
)

// admit tells whether a stranger's call at a time is to be recorded.
func (s *strangers) admit(now time.Time, log *slog.Logger) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at.IsZero() {
		s.tokens = strangersBurst
	} else {
		s.tokens = min(strangersBurst, s.tokens+now.Sub(s.at).Seconds()*strangersRate)
	}
	s.at = now
	ok := s.tokens >= 1
	if ok {
		s.tokens--
	} else {
		s.missed++
	}
	if s.missed > 0 && now.Sub(s.noticed) >= strangersNotice {
		log.Warn("too many calls of unknown callers to record each", "left out", s.missed)
		s.missed, s.noticed = 0, now
	}
	return ok
}
