package secretsmanager

import (
	"testing"
	"time"

	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
)

func TestWindows(t *testing.T) {
	since := time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC) // a Wednesday
	for _, x := range []struct {
		days                            int64
		expression, duration, open, end string
	}{
		{1, "", "", "03-05 00:00:00", "03-05 23:59:59"},
		{30, "", "", "04-02 00:00:00", "04-02 23:59:59"},
		{7, "", "4h", "03-10 00:00:00", "03-10 03:59:59"},
		{0, "rate(10 days)", "", "03-14 00:00:00", "03-14 23:59:59"},
		{0, "rate(1 day)", "3h", "03-05 00:00:00", "03-05 02:59:59"},
		{0, "rate(4 hours)", "", "03-04 12:00:00", "03-04 12:59:59"},
		{0, "rate(12 hours)", "2h", "03-04 12:00:00", "03-04 13:59:59"},
		{0, "cron(0 8 * * ? *)", "", "03-05 08:00:00", "03-05 23:59:59"},
		{0, "cron(0 16 1,15 * ? *)", "2h", "03-15 16:00:00", "03-15 17:59:59"},
		{0, "cron(0 8/8 * * ? *)", "", "03-04 16:00:00", "03-04 16:59:59"},
		{0, "cron(0 2 ? * SUN *)", "", "03-08 02:00:00", "03-08 23:59:59"},
		{0, "cron(0 2 ? * 2#2 *)", "", "03-09 02:00:00", "03-09 23:59:59"},
		{0, "cron(0 2 ? * 6L *)", "", "03-27 02:00:00", "03-27 23:59:59"},
		{0, "cron(0 2 L * ? *)", "", "03-31 02:00:00", "03-31 23:59:59"},
		{0, "cron(0 0 1 JAN/3 ? *)", "", "04-01 00:00:00", "04-01 23:59:59"},
		{0, "cron(0 6 ? 4-6 MON-FRI *)", "", "04-01 06:00:00", "04-01 23:59:59"},
	} {
		cal, err := parseRules(&api.RotationRulesType{AutomaticallyAfterDays: present(x.days), ScheduleExpression: present(x.expression), Duration: present(x.duration)})
		if err != nil {
			t.Errorf("%v: %v", x, err)
			continue
		}
		open, last := cal.next(since)
		if got := open.Format("01-02 15:04:05"); got != x.open {
			t.Errorf("%v opens %s", x, got)
		}
		if got := last.Format("01-02 15:04:05"); got != x.end {
			t.Errorf("%v closes %s", x, got)
		}
		if at := moment("arn", open, last); at.Before(open) || at.After(last) {
			t.Errorf("%v: %v is not in the window", x, at)
		}
		if again, _ := cal.next(moment("arn", open, last)); !again.After(open) {
			t.Errorf("%v: the same window twice", x)
		}
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"KeyError: 'password'": "KeyError: 'password'",
		`(1045, "Access denied for user 'app'@'10.0.0.1' (using password: YES)")`: `(1045, "Access denied for user 'app'@'***' (using password: ***`,
		`syntax error near "hunter2pw9"`:                                          `syntax error near "***"`,
		`connect failed: password=hunter2 host=db`:                                `connect failed: password=*** host=db`,
		`bad value Zx9!kdl02PPqe;`:                                                "bad value ***",
		"Secret version 11111111-2222-3333-4444-555555555555 has no stage for rotation of secret arn:aws:secretsmanager:us-east-1:1:secret:Prod/db-AbC123.": "Secret version 11111111-2222-3333-4444-555555555555 has no stage for rotation of secret arn:aws:secretsmanager:us-east-1:1:secret:Prod/db-AbC123.",
	} {
		if got := redact(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}
