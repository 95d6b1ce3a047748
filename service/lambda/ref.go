package lambda

import (
	"regexp"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
)

// latest is the qualifier of what is not published.
const latest = "$LATEST"

// ref is a function as a call names it, with the version or alias, if any.
type ref struct {
	partition, account, region string
	name                       string
	qualifier                  string // empty: none was given
}

// forms of a FunctionName: a name, a partial ARN (account:function:name) or a whole
// ARN, each with or without a qualifier. The model's pattern has admitted it.
var functionName = regexp.MustCompile(`^(?:(arn:(aws[a-zA-Z-]*)?:lambda:)?(?:([a-z]{2}(?:-[a-z]+)+-\d):)?)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_.]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$`)

// maxName is AWS's limit for a new function's own name. Names in other calls may be
// longer: there is no such function.
const maxName = 64

// parseRef reads a function's name and the qualifier beside it.
func parseRef(c *redoubt.Call, given string, qualifier *string) (ref, error) {
	r, err := statedRef(c, given, qualifier)
	if err == nil && r.region != c.Region {
		err = notFound("Functions from '%s' are not reachable in this region ('%s')", r.region, c.Region)
	}
	return r, err
}

// statedRef is parseRef for needs, in which another Region's function is only one
// more that the caller may have no right on.
func statedRef(c *redoubt.Call, given string, qualifier *string) (ref, error) {
	return ref{partition: c.Partition, account: c.Account, region: c.Region}.parse(given, qualifier)
}

// parse reads a name as it is meant where r is.
func (r ref) parse(given string, qualifier *string) (ref, error) {
	m := functionName.FindStringSubmatch(given)
	if m == nil {
		return ref{}, badName(given)
	}
	if m[3] != "" {
		r.region = m[3]
	}
	r.name, r.qualifier = m[5], m[6]
	if m[4] != "" {
		r.account = m[4]
	}
	if q := value(qualifier); q != "" {
		if r.qualifier != "" && r.qualifier != q {
			return ref{}, invalid("The derived qualifier from the function name does not match the specified qualifier.")
		}
		r.qualifier = q
	}
	return r, nil
}

func badName(given string) error {
	return redoubt.ErrValidation.New("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", given, `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`)
}

// function is the ARN without a qualifier.
func (r ref) function() string {
	return "arn:" + r.partition + ":lambda:" + r.region + ":" + r.account + ":function:" + r.name
}

// arn is the ARN as the call names it.
func (r ref) arn() string {
	if r.qualifier == "" {
		return r.function()
	}
	return r.function() + ":" + r.qualifier
}

// unqualified is the function itself.
func (r ref) unqualified() ref {
	r.qualifier = ""
	return r
}

func (r ref) with(qualifier string) ref {
	r.qualifier = qualifier
	return r
}

// isVersion reports whether a qualifier is the number of a version.
func isVersion(q string) bool {
	return q != "" && strings.Trim(q, "0123456789") == ""
}

// isAlias reports whether a qualifier has the form of an alias' name.
func isAlias(q string) bool { return q != "" && !isVersion(q) && !strings.Contains(q, "$") }

// noFunction is AWS's answer for functions, versions and aliases that are not
// there.
func noFunction(r ref) error { return notFound("Function not found: %s", r.arn()) }

func notFound(format string, args ...any) *redoubt.Error {
	return user(api.ErrResourceNotFoundException.New(format, args...))
}

func invalid(format string, args ...any) *redoubt.Error {
	return user(api.ErrInvalidParameterValueException.New(format, args...))
}

func conflict(format string, args ...any) *redoubt.Error {
	return user(api.ErrResourceConflictException.New(format, args...))
}

// user marks a refusal as the caller's doing, as all of Lambda's are.
func user(e *redoubt.Error) *redoubt.Error {
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	e.Fields["Type"] = "User"
	return e
}
