package logs

import (
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/logsapi"
)

// groupARN is a group's ARN without the ":*" that describes what is in it.
func groupARN(c *redoubt.Call, name string) string { return c.ARN("log-group:" + name) }

func streamARN(c *redoubt.Call, group, stream string) string {
	return groupARN(c, group) + ":log-stream:" + stream
}

// groupName answers the name of the group that a request gives by name or by
// identifier, of which there must be one.
func groupName(c *redoubt.Call, name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", api.ErrValidationException.New("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case name != nil:
		return *name, nil
	case identifier == nil:
		return "", invalid("Either LogGroup name or LogGroup ARN must be specified.")
	}
	return identified(c, *identifier)
}

// identified answers the name of a group that is given by name or ARN.
func identified(c *redoubt.Call, id string) (string, error) {
	if !strings.HasPrefix(id, "arn:") {
		return id, nil
	}
	a, err := redoubt.ParseARN(id)
	kind, name, ok := strings.Cut(a.Resource, ":")
	name = strings.TrimSuffix(name, ":*")
	if err != nil || a.Service != "logs" || kind != "log-group" || !ok || name == "" {
		return "", invalid("The ARN %s is invalid.", id)
	}
	if a.Account != c.Account || a.Region != c.Region {
		return "", invalid("The log group %s belongs to another account or Region.", id)
	}
	return name, nil
}
