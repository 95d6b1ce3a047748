package lambda

import (
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
)

// change is what a request says of a configuration; nil: nothing.
type change struct {
	timeout, memory *int32
	storage         *api.EphemeralStorage
	key             *string
	tracing         *api.TracingConfig
	logging         *api.LoggingConfig
	snapStart       *api.SnapStart
	deadLetter      *api.DeadLetterConfig
	environment     *api.Environment
}

// Limits of AWS where the model's are wider. Source: Lambda Developer Guide,
// "Lambda quotas".
const (
	maxTimeout = 900
	maxMemory  = 10240
)

// apply holds the change against Lambda's rules and makes it.
func (ch change) apply(v *Version) error {
	if ch.timeout != nil {
		if *ch.timeout > maxTimeout {
			return redoubt.ErrValidation.New("1 validation error detected: Value '%d' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to %d", *ch.timeout, maxTimeout)
		}
		v.Timeout = *ch.timeout
	}
	if ch.memory != nil {
		if *ch.memory > maxMemory {
			return redoubt.ErrValidation.New("1 validation error detected: Value '%d' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to %d", *ch.memory, maxMemory)
		}
		v.Memory = *ch.memory
	}
	if ch.storage != nil {
		v.Storage = value(ch.storage.Size)
	}
	if ch.key != nil {
		v.Key = *ch.key
	}
	if ch.tracing != nil && ch.tracing.Mode != nil {
		v.Tracing = *ch.tracing.Mode
	}
	if ch.snapStart != nil && ch.snapStart.ApplyOn != nil {
		switch {
		case *ch.snapStart.ApplyOn == api.SnapStartApplyOnNone:
		case !snapStarts.MatchString(v.Runtime):
			return invalid("%s is not supported for SnapStart enabled functions.", v.Runtime)
		default:
			return invalid("SnapStart is not supported by this server.")
		}
	}
	if ch.deadLetter != nil {
		v.DeadLetter = value(ch.deadLetter.TargetArn)
	}
	if ch.environment != nil {
		if err := checkEnvironment(ch.environment.Variables); err != nil {
			return err
		}
	}
	return ch.log(v)
}

func (ch change) log(v *Version) error {
	l := ch.logging
	if l == nil {
		return nil
	}
	if l.LogFormat != nil {
		v.Logging.Format = *l.LogFormat
	}
	if l.LogGroup != nil {
		v.Logging.Group = *l.LogGroup
	}
	if v.Logging.Format == api.LogFormatText {
		if l.ApplicationLogLevel != nil || l.SystemLogLevel != nil {
			return invalid("To set log levels, you must specify JSON as the log format.")
		}
		v.Logging.Application, v.Logging.System = "", ""
		return nil
	}
	for _, level := range []struct {
		to    *string
		given *string
	}{{&v.Logging.Application, l.ApplicationLogLevel}, {&v.Logging.System, l.SystemLogLevel}} {
		if level.given != nil {
			*level.to = *level.given
		} else if *level.to == "" {
			*level.to = api.ApplicationLogLevelInfo
		}
	}
	return nil
}

// checkDeadLetter: dead letters go to SNS or SQS.
func (s *Service) checkDeadLetter(arn string) error {
	if arn == "" {
		return nil
	}
	a, err := redoubt.ParseARN(arn)
	if err != nil || !slices.Contains([]string{"sns", "sqs"}, a.Service) {
		return invalid("The provided execution role does not have permissions to call SendMessage on SQS or Publish on SNS. The dead letter target %s is not a topic or a queue.", arn)
	}
	return nil
}

// maxTags is AWS's quota of tags per function.
const maxTags = 50

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("Number of tags exceeds resource tag limit.")
	}
	for k, v := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("Tag keys beginning with aws: are reserved.")
		case k == "" || len([]rune(k)) > 128:
			return invalid("Tag keys must have 1 to 128 characters.")
		case len([]rune(v)) > 256:
			return invalid("Tag values must have at most 256 characters.")
		}
	}
	return nil
}
