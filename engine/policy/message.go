package policy

import (
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Message words a refusal as AWS does; it is empty for what is allowed.
//
// The sentence names the caller, the action, the resource and the type of the
// policy that refused, never the statement. Sources: IAM User Guide,
// "Troubleshoot access denied error messages"; AWS Security Blog, "Enhanced
// access denied error messages with policy ARNs" (2026); where services differ,
// what they were seen to answer.
func (d Decision) Message(r *Request) string {
	if d.Allowed {
		return ""
	}
	service, name, _ := strings.Cut(r.Need.Action, ":")
	service = strings.ToLower(service)
	switch {
	case service == "sts" && (strings.EqualFold(name, "AssumeRoleWithWebIdentity") || strings.EqualFold(name, "AssumeRoleWithSAML")):
		return "Not authorized to perform " + r.Need.Action
	case service == "s3" && !r.acquainted():
		// Only the owner's account and organization learn more from S3.
		return "Access Denied"
	}
	who := r.Call.Principal.ARN
	if r.Call.Principal.Kind == redoubt.Anonymous || who == "" {
		who = "anonymous"
	}
	return "User: " + who + " is not authorized to perform: " + r.Need.Action + r.object(service) + d.because(r, service)
}

// object answers " on resource: ARN", or what the service says instead.
func (r *Request) object(service string) string {
	n := r.Need
	switch {
	case n.Label != "":
		return " on " + n.Label
	case n.Resource == "" || n.Resource == "*" && !namesStar(service):
		return ""
	case service == "kms" && r.foreign():
		// KMS does not confirm the ARN to other accounts.
		if strings.EqualFold(n.Action, "kms:Decrypt") || strings.EqualFold(n.Action, "kms:ReEncryptFrom") {
			return " on the resource associated with this ciphertext"
		}
		return " on this resource"
	case service == "s3":
		return ` on resource: "` + n.Resource + `"`
	}
	return " on resource: " + n.Resource
}

// namesStar tells whether a service prints "on resource: *" for actions without a
// resource; the others leave the phrase out.
func namesStar(service string) bool {
	switch service {
	case "kms", "lambda", "ecr":
		return true
	}
	return false
}

// because answers the sentence's end.
func (d Decision) because(r *Request, service string) string {
	n := r.Need
	if d.Reason == Undecided {
		return " because the policies and the request are too large to be evaluated together"
	}
	if service == "sts" && n.Strict && (d.Reason == ExplicitDenyResource || !d.Reason.Explicit()) {
		// A role that does not exist must read like one that does not trust the
		// caller.
		return ""
	}
	if service == "kms" && r.foreign() && (d.Reason == NoResourceAllow || d.Reason == ExplicitDenyResource) {
		return " because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
	}
	if d.Reason.Explicit() {
		s := " with an explicit deny in " + article(d.kind(n))
		if arn := d.policyARN(); arn != "" && r.acquainted() {
			s += ": " + arn
		}
		return s
	}
	return " because no " + d.kind(n) + " allows the " + n.Action + " action"
}

// kind answers the type of the policy that refused, in AWS's words.
func (d Decision) kind(n *redoubt.Need) string {
	switch d.Reason {
	case ExplicitDenyIdentity, NoIdentityAllow:
		return Identity.String()
	case ExplicitDenyBoundary, NoBoundaryAllow:
		return Boundary.String()
	case ExplicitDenySession, NoSessionAllow:
		return SessionPolicy.String()
	case ExplicitDenySCP, NoSCPAllow:
		return SCP.String()
	case ExplicitDenyRCP, NoRCPAllow:
		return RCP.String()
	}
	if n.PolicyName != "" {
		return n.PolicyName
	}
	return ResourceBased.String()
}

// policyARN answers the ARN of the policy that denied, if it has one. Inline and
// resource-based policies have none.
func (d Decision) policyARN() string {
	if d.Source == nil || d.Reason == ExplicitDenyResource || !strings.HasPrefix(d.Source.Name, "arn:") {
		return ""
	}
	return d.Source.Name
}

func article(noun string) string {
	switch {
	case noun == Trust.String():
		return "the " + noun
	case strings.ContainsAny(noun[:1], "aeiouAEIOU"):
		return "an " + noun
	}
	return "a " + noun
}

// foreign tells whether the resource belongs to another account than the caller.
func (r *Request) foreign() bool {
	return !outside(&r.Call.Principal) && r.Call.Principal.Account != r.owner()
}

// acquainted tells whether caller and resource share an account or organization.
func (r *Request) acquainted() bool {
	p := &r.Call.Principal
	switch {
	case outside(p):
		return false
	case p.Account == r.owner():
		return true
	}
	return r.PrincipalOrg != nil && r.ResourceOrg != nil && r.PrincipalOrg.ID == r.ResourceOrg.ID
}
