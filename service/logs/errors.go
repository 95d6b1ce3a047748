package logs

import (
	"errors"

	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/logs"
)

// worded translates what the engine refuses into AWS's exceptions.
func worded(err error) error {
	for _, w := range [...]struct {
		is     error
		answer func() error
	}{
		{logs.ErrNoGroup, func() error {
			return api.ErrResourceNotFoundException.New("The specified log group does not exist.")
		}},
		{logs.ErrNoStream, func() error {
			return api.ErrResourceNotFoundException.New("The specified log stream does not exist.")
		}},
		{logs.ErrUnordered, func() error {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}},
		{logs.ErrBatchSpan, func() error {
			return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
		}},
		{logs.ErrBatchSize, func() error { return invalid("Upload too large: it exceeds the limit of 1048576 bytes") }},
		{logs.ErrEventSize, func() error { return invalid("Log event too large: it exceeds the limit of 1048576 bytes") }},
		{logs.ErrProtected, func() error {
			return api.ErrValidationException.New("Log group has deletion protection enabled. Disable deletion protection before deleting.")
		}},
	} {
		if errors.Is(err, w.is) {
			return w.answer()
		}
	}
	return err
}

func invalid(format string, args ...any) error {
	return api.ErrInvalidParameterException.New(format, args...)
}

func badToken() error { return invalid("The specified nextToken is invalid.") }
