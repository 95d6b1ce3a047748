package lambda

import (
	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
)

// Refusals that several operations share, in AWS's words where they are known.

func accessDenied(text string) error {
	e := redoubt.ErrAccessDenied.New("%s", text)
	e.Status = 403
	return e
}

func notAssumable() error {
	return invalid("The role defined for the function cannot be assumed by Lambda.")
}

func staleRevision() error {
	return user(api.ErrPreconditionFailedException.New("The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"))
}

func noAlias(r ref) error { return notFound("Cannot find alias arn: %s", r.arn()) }

// noResource is what several operations say of what hangs on a function.
func noResource() error { return notFound("The resource you requested does not exist.") }

func isBuiltin(r ref) error {
	return invalid("The function %s is built into this server and cannot be changed.", r.function())
}

func isBuiltinOrQualified(r ref) error {
	if r.qualifier != "" {
		return badName(r.arn())
	}
	return conflict("Function already exist: %s", r.name)
}

// unqualifiedOnly is for operations on functions as a whole.
func unqualifiedOnly() error {
	return invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
}

// busy refuses changes while an earlier one settles.
func busy(f *Function) error {
	switch {
	case f.Latest.State.Name == pending.Name:
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	case f.Latest.Update.Name == inProgress.Name:
		return conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", f.ARN)
	}
	return nil
}
