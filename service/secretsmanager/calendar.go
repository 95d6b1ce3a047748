package secretsmanager

import (
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
)

// calendar is when a secret rotates: windows of time, in UTC.
//
// Source: Secrets Manager User Guide, "Schedule expressions in Secrets Manager
// rotation"; model, documentation of RotationRulesType.
type calendar struct {
	every int64         // days or hours between windows; 0: cron
	hours bool          // every counts hours
	most  bool          // every is the most days that may pass: AutomaticallyAfterDays
	cron  *cron         //
	width time.Duration // of the window; 0: to the end of the day
}

// leastHours is how close rotations may follow each other.
const leastHours = 4

// mostDays is how far apart rotations of rate(N days) may be.
const mostDays = 999

var rateForm = regexp.MustCompile(`^rate\((\d{1,4}) (hours?|days?)\)$`)

// parseRules reads rotation rules; nil without any.
func parseRules(r *api.RotationRulesType) (*calendar, error) {
	if r == nil {
		return nil, nil
	}
	cal := &calendar{}
	switch {
	case r.AutomaticallyAfterDays != nil && r.ScheduleExpression != nil:
		return nil, api.ErrInvalidParameterException.New("You cannot specify both rotation frequency and schedule expression together.")
	case r.AutomaticallyAfterDays != nil:
		cal.every, cal.most = *r.AutomaticallyAfterDays, true
	case r.ScheduleExpression != nil:
		if err := cal.parse(*r.ScheduleExpression); err != nil {
			return nil, err
		}
	default:
		return nil, api.ErrInvalidParameterException.New("You must specify either AutomaticallyAfterDays or ScheduleExpression in RotationRules.")
	}
	if cal.hours || cal.cron != nil && len(cal.cron.hours) > 1 {
		cal.width = time.Hour
	}
	return cal, cal.widen(r.Duration)
}

func (cal *calendar) parse(text string) error {
	if m := rateForm.FindStringSubmatch(text); m != nil {
		cal.every, _ = strconv.ParseInt(m[1], 10, 64)
		cal.hours = strings.HasPrefix(m[2], "hour")
		switch plural := strings.HasSuffix(m[2], "s"); {
		case cal.hours && (cal.every < leastHours || cal.every >= 24):
			return api.ErrInvalidParameterException.New("Rate in hour should be least %d and less than 24.", leastHours)
		case !cal.hours && (cal.every < 1 || cal.every > mostDays):
			return api.ErrInvalidParameterException.New("Rate in day should be greater than 0 and less than %d.", mostDays+1)
		case plural == (cal.every == 1):
			return errExpression
		}
		return nil
	}
	fields, ok := strings.CutPrefix(text, "cron(")
	if fields, ok2 := strings.CutSuffix(fields, ")"); ok && ok2 {
		c, err := parseCron(fields)
		if err != nil {
			return errExpression
		}
		cal.cron = c
		for i, h := range c.hours {
			if i > 0 && h-c.hours[i-1] < leastHours || i == 0 && len(c.hours) > 1 && h+24-c.hours[len(c.hours)-1] < leastHours {
				return errExpression
			}
		}
		return nil
	}
	return errExpression
}

// widen takes a Duration, which must end with the day and before the next window.
func (cal *calendar) widen(text *string) error {
	if text == nil {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(*text, "h"))
	switch {
	case err != nil || n < 1 || n > 24:
		return api.ErrInvalidParameterException.New("Duration must be at least 1 hour, at most 24 hour.")
	case cal.hours && int64(n) > cal.every:
		return api.ErrInvalidParameterException.New("Duration cannot be greater than Rate in hour.")
	case cal.cron != nil:
		for i, h := range cal.cron.hours {
			if h+n > 24 || i > 0 && h-cal.cron.hours[i-1] < n {
				return api.ErrInvalidParameterException.New("Starting hour and duration must be within a day.")
			}
		}
	}
	cal.width = time.Duration(n) * time.Hour
	return nil
}

// next answers the first window that opens after a rotation at since. close is its
// last second.
func (cal *calendar) next(since time.Time) (open, last time.Time) {
	since = since.UTC()
	midnight := time.Date(since.Year(), since.Month(), since.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case cal.cron != nil:
		open = cal.cron.next(since)
	case cal.hours:
		step := time.Duration(cal.every) * time.Hour
		open = midnight.Add((since.Sub(midnight)/step + 1) * step)
	case cal.most:
		// The window closes before so many days have passed.
		open = midnight.AddDate(0, 0, int(max(cal.every-1, 1)))
	default:
		open = midnight.AddDate(0, 0, int(cal.every))
	}
	day := time.Date(open.Year(), open.Month(), open.Day()+1, 0, 0, 0, 0, time.UTC)
	last = day
	if cal.width > 0 {
		last = open.Add(cal.width)
	}
	if last.After(day) {
		last = day
	}
	return open, last.Add(-time.Second)
}

// moment is when in a window a secret's turn comes: always the same for one
// secret, spread over the first half of the window for all of them.
func moment(arn string, open, last time.Time) time.Time {
	h := fnv.New32a()
	h.Write([]byte(arn))
	half := int64(last.Sub(open) / 2 / time.Second)
	if half <= 0 {
		return open
	}
	return open.Add(time.Duration(int64(h.Sum32())%half) * time.Second)
}

// days are the days between rotations, as answers show them for an expression.
func (cal *calendar) days(since time.Time) int64 {
	switch {
	case cal.cron == nil && cal.hours:
		return max(1, cal.every/24)
	case cal.cron == nil:
		return cal.every
	}
	open, _ := cal.next(since)
	then, _ := cal.next(open)
	return max(1, int64(then.Sub(open)/day))
}

// cron is a cron expression with six fields, of which minutes are always 0 and
// years always any.
type cron struct {
	hours  []int
	months []int
	days   func(time.Time) bool
}

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(text string) (*cron, error) {
	f := strings.Fields(text)
	if len(f) != 6 || f[0] != "0" || f[5] != "*" || (f[2] == "?") == (f[4] == "?") {
		return nil, errExpression
	}
	c := &cron{}
	var err error
	if c.hours, err = cronField(f[1], 0, 23, nil); err != nil {
		return nil, err
	}
	if c.months, err = cronField(f[3], 1, 12, monthNames); err != nil {
		return nil, err
	}
	if f[4] == "?" {
		c.days, err = monthDays(f[2])
	} else {
		c.days, err = weekDays(f[4])
	}
	return c, err
}

var errExpression = api.ErrInvalidParameterException.New("Invalid schedule expression.")

// cronField reads lists, ranges, steps and names.
func cronField(text string, lo, hi int, names []string) ([]int, error) {
	number := func(s string) (int, bool) {
		if i := slices.Index(names, strings.ToUpper(s)); i >= 0 {
			return i + 1, true
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= lo && n <= hi
	}
	in := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part, by, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(by); err != nil || step < 1 || step > hi {
				return nil, errExpression
			}
		}
		from, to := lo, hi
		if part != "*" {
			a, b, ranged := strings.Cut(part, "-")
			var ok bool
			if from, ok = number(a); !ok {
				return nil, errExpression
			}
			switch {
			case ranged:
				if to, ok = number(b); !ok || to < from {
					return nil, errExpression
				}
			case !stepped:
				to = from
			}
		}
		for n := from; n <= to; n += step {
			in[n] = true
		}
	}
	var list []int
	for n := lo; n <= hi; n++ {
		if in[n] {
			list = append(list, n)
		}
	}
	return list, nil
}

// monthDays reads the day of the month; L is the last one.
func monthDays(text string) (func(time.Time) bool, error) {
	if strings.EqualFold(text, "L") {
		return func(t time.Time) bool { return t.AddDate(0, 0, 1).Day() == 1 }, nil
	}
	list, err := cronField(text, 1, 31, nil)
	return func(t time.Time) bool { return slices.Contains(list, t.Day()) }, err
}

// weekDays reads the day of the week: 1 is Sunday; 5L is the last Thursday of a
// month and 5#2 the second.
func weekDays(text string) (func(time.Time) bool, error) {
	if name, nth, ok := strings.Cut(text, "#"); ok {
		list, err := cronField(name, 1, 7, dayNames)
		n, err2 := strconv.Atoi(nth)
		if err != nil || err2 != nil || len(list) != 1 || n < 1 || n > 5 {
			return nil, errExpression
		}
		return func(t time.Time) bool { return int(t.Weekday())+1 == list[0] && (t.Day()-1)/7+1 == n }, nil
	}
	if name, ok := strings.CutSuffix(strings.ToUpper(text), "L"); ok {
		if name == "" {
			name = "7"
		}
		list, err := cronField(name, 1, 7, dayNames)
		if err != nil || len(list) != 1 {
			return nil, errExpression
		}
		return func(t time.Time) bool {
			return int(t.Weekday())+1 == list[0] && t.AddDate(0, 0, 7).Month() != t.Month()
		}, nil
	}
	list, err := cronField(text, 1, 7, dayNames)
	return func(t time.Time) bool { return slices.Contains(list, int(t.Weekday())+1) }, err
}

// horizon bounds the look for a day that a cron expression means: what does not
// come within it (31 February) never does.
const horizon = 366 * 8

// next answers the first moment after t, or a time far away if there is none.
func (c *cron) next(t time.Time) time.Time {
	t = t.UTC()
	for d := range horizon {
		date := time.Date(t.Year(), t.Month(), t.Day()+d, 0, 0, 0, 0, time.UTC)
		if !slices.Contains(c.months, int(date.Month())) || !c.days(date) {
			continue
		}
		for _, h := range c.hours {
			if at := date.Add(time.Duration(h) * time.Hour); at.After(t) {
				return at
			}
		}
	}
	return t.AddDate(100, 0, 0)
}

// ever reports whether the expression means any day at all.
func (c *cron) ever(t time.Time) bool { return c.next(t).Before(t.AddDate(50, 0, 0)) }
