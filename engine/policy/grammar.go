package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// dialect is how the services that take a kind of policy word their refusals.
// The same mistake has three wordings: IAM's for identity-based policies, the
// older one of the policy library behind resource-based and trust policies, and
// that of Organizations, which says the same sentence whatever is wrong.
type dialect struct {
	json, version, noStatement, syntax, noEffect string
	unknown, effect, operator                    func(string) string
	// emptyOperators: an operator without keys may have any name.
	emptyOperators bool
}

func always(s string) func(string) string { return func(string) string { return s } }

const (
	syntaxErrors = "Syntax errors in policy."
	legacy       = "The policy failed legacy parsing"
	notMet       = "The provided policy document does not meet the requirements of the specified policy type."
)

var identityDialect = dialect{
	json: syntaxErrors, version: syntaxErrors, noStatement: syntaxErrors, syntax: syntaxErrors, noEffect: syntaxErrors,
	unknown: always(syntaxErrors), effect: always(syntaxErrors), operator: always(syntaxErrors),
	emptyOperators: true,
}

var resourceDialect = dialect{
	json:        "This policy contains invalid Json",
	version:     "The policy must contain a valid version string",
	noStatement: "Could not parse the policy: Statement is empty!",
	syntax:      "Syntax error in policy.",
	noEffect:    "Missing required field Effect",
	unknown:     func(s string) string { return "Unknown field " + s },
	effect:      func(s string) string { return "Invalid effect: " + s },
	operator:    func(s string) string { return "Invalid Condition type : " + s },
}

var organizationDialect = dialect{
	json: notMet, version: notMet, noStatement: notMet, syntax: notMet, noEffect: notMet,
	unknown: always(notMet), effect: always(notMet), operator: always(notMet),
}

var dialects = [...]dialect{
	Identity: identityDialect, SessionPolicy: identityDialect, Boundary: identityDialect,
	ResourceBased: resourceDialect, Trust: resourceDialect, KeyPolicy: resourceDialect,
	SCP: organizationDialect, RCP: organizationDialect,
}

// rules applies the grammar of the kind, in the order in which AWS refuses.
func (c *compiler) rules() *SyntaxError {
	switch c.kind {
	case ResourceBased, KeyPolicy, Trust:
		return c.resourceRules()
	case SCP, RCP:
		return c.organizationRules()
	}
	return c.identityRules()
}

// identityRules follows the order in which IAM was seen to refuse: version, what
// it calls legacy parsing, statement ids, actions, resources' form, resources,
// actions' form.
func (c *compiler) identityRules() *SyntaxError {
	for _, s := range c.raws {
		if s.principal != nil {
			return c.refuse(s.principal.start, s.path+".Principal", "Policy document should not specify a principal.",
				"the principal is whoever the policy is attached to")
		}
	}
	if c.managed && c.d.version != Version2012 {
		return c.refuse(0, "Version", "Policy document must be version 2012-10-17 or greater.", "managed policies need the current version")
	}
	for _, s := range c.raws {
		if err := c.legacyElements(s); err != nil {
			return err
		}
	}
	var form *SyntaxError // of the first resource that is malformed but not "legacy"
	for _, s := range c.raws {
		var here *SyntaxError
		for _, r := range s.resources {
			if message := resourceFault(r.text); message != "" && here == nil {
				here = c.refuse(r.start, s.resourceAt, message, "%q", r.text)
			}
		}
		for _, r := range s.resources {
			if here == nil && !legacyResource(r.text) {
				return c.refuse(r.start, s.resourceAt, legacy, "%q is no ARN", r.text)
			}
		}
		if form == nil {
			form = here
		}
	}
	if err := c.statementIDs("Statement IDs (SID) in a single policy must be unique."); err != nil {
		return err
	}
	for _, s := range c.raws {
		if len(s.actions) == 0 {
			return c.refuse(s.node.start, s.path, "Policy statement must contain actions.", "Action or NotAction is missing")
		}
	}
	if form != nil {
		return form
	}
	for _, s := range c.raws {
		if len(s.resources) == 0 {
			return c.refuse(s.node.start, s.path, "Policy statement must contain resources.", "Resource or NotResource is missing")
		}
	}
	for _, s := range c.raws {
		for _, a := range s.actions {
			if message := actionFault(a.text); message != "" {
				return c.refuse(a.start, s.actionAt, message, "%q", a.text)
			}
		}
	}
	return nil
}

// legacyElements checks the case of Effect and the form of dates.
func (c *compiler) legacyElements(s raw) *SyntaxError {
	if s.effect.text != "Allow" && s.effect.text != "Deny" {
		return c.refuse(s.effect.start, s.path+".Effect", legacy, "Effect is Allow or Deny, in this case")
	}
	for _, rc := range s.conditions {
		if op, _, _, _ := parseOperator(rc.operator); op.compile == nil || !strings.Contains(rc.operator, "Date") {
			continue
		}
		for _, v := range rc.values {
			if !legacyDate(v.text) {
				return c.refuse(v.start, rc.path, legacy, "%q is no date", v.text)
			}
		}
	}
	return nil
}

var alphanumeric = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// statementIDs checks the Sids of policies in IAM.
func (c *compiler) statementIDs(twice string) *SyntaxError {
	seen := make(map[string]bool)
	for _, s := range c.raws {
		if s.sid == nil || s.sid.text == "" {
			continue
		}
		at := s.path + ".Sid"
		if c.kind != ResourceBased && c.kind != KeyPolicy && c.kind != Trust && !alphanumeric.MatchString(s.sid.text) {
			message := "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
			if c.kind == SCP || c.kind == RCP {
				message = notMet
			}
			return c.refuse(s.sid.start, at, message, "%q", s.sid.text)
		}
		if seen[s.sid.text] {
			return c.refuse(s.sid.start, at, twice, "%q", s.sid.text)
		}
		seen[s.sid.text] = true
	}
	return nil
}

// resourceRules checks policies that name principals.
func (c *compiler) resourceRules() *SyntaxError {
	for _, s := range c.raws {
		if s.effect.text != "Allow" && s.effect.text != "Deny" {
			return c.refuse(s.effect.start, s.path+".Effect", c.say.effect(s.effect.text), "Effect is Allow or Deny, in this case")
		}
		if err := c.principalRules(s); err != nil {
			return err
		}
		if len(s.actions) == 0 {
			return c.refuse(s.node.start, s.path, "Missing required field Action", "Action or NotAction is missing")
		}
		for _, a := range s.actions {
			if c.kind == Trust && !strings.HasPrefix(strings.ToLower(a.text), "sts:") {
				return c.refuse(a.start, s.actionAt, "AssumeRole policy may only specify STS AssumeRole actions.", "%q", a.text)
			}
			if actionFault(a.text) != "" {
				return c.refuse(a.start, s.actionAt, "Policy has invalid action", "%q", a.text)
			}
		}
		switch {
		case c.kind == Trust && s.resource != nil && s.notResource:
			return c.refuse(s.resource.start, s.resourceAt, "AssumeRole policy must not contain resources.", "the resource is the role")
		case c.kind == Trust && s.resource != nil:
			return c.refuse(s.resource.start, s.resourceAt, "Has prohibited field Resource", "the resource is the role")
		case c.kind != Trust && len(s.resources) == 0:
			return c.refuse(s.node.start, s.path, "Missing required field Resource", "Resource or NotResource is missing")
		}
		for _, r := range s.resources {
			if r.text != "*" && (!strings.HasPrefix(r.text, "arn:") || strings.Count(r.text, ":") < 5) {
				return c.refuse(r.start, s.resourceAt, "Policy has invalid resource", "%q is neither an ARN nor \"*\"", r.text)
			}
		}
	}
	return c.statementIDs("The Statement Ids in the policy are not unique")
}

func (c *compiler) principalRules(s raw) *SyntaxError {
	missing, empty := "Missing required field Principal", "Missing required field Principal cannot be empty!"
	if c.kind == KeyPolicy {
		missing, empty = noPrincipal, noPrincipal
	}
	at := s.path + ".Principal"
	switch p := s.principal; {
	case p == nil:
		return c.refuse(s.node.start, s.path, missing, "a policy of a resource says whom it means")
	case c.kind == Trust && s.notPrincipal && s.effect.text == "Allow":
		return c.refuse(p.start, at, "Allow with NotPrincipal is not allowed.", "name whom you trust")
	case c.kind == Trust && s.notPrincipal:
		return c.refuse(p.start, at, "AssumeRole policy must not contain NotPrincipal field.", "name whom you mean")
	case c.kind == Trust && p.kind == stringNode:
		return c.refuse(p.start, at, "Principal must be a JSON object.", "write {\"AWS\": %q}", p.text)
	case p.kind == stringNode && p.text != "*":
		return c.refuse(p.start, at, c.invalidPrincipal("", p.text), "a bare principal can only be \"*\"")
	case p.kind == stringNode:
		return nil
	case p.kind != objectNode:
		return c.refuse(p.start, at, c.say.syntax, "Principal is \"*\" or an object")
	case len(p.members) == 0:
		return c.refuse(p.start, at, empty, "a policy of a resource says whom it means")
	}
	cognito := false
	for _, m := range s.principal.members {
		list, err := c.strings(m.node, at+"."+m.name)
		switch {
		case err != nil:
			return err
		case len(list) == 0:
			return c.refuse(m.node.start, at+"."+m.name, empty, "the list is empty")
		}
		for _, v := range list {
			cognito = cognito || v.text == "cognito-identity.amazonaws.com"
		}
	}
	if c.kind == Trust && cognito && len(s.conditions) == 0 {
		return c.refuse(s.node.start, s.path, "A condition block must be present for the Cognito provider", "any identity pool would be trusted")
	}
	return nil
}

const noPrincipal = "Policy contains a statement with no principal."

// invalidPrincipal words the refusal of a principal of the given type.
func (c *compiler) invalidPrincipal(kind, value string) string {
	switch {
	case c.kind == KeyPolicy:
		return "Policy contains a statement with one or more invalid principals."
	case c.kind == SCP || c.kind == RCP:
		return notMet
	case kind == "":
		return "Invalid principal in policy: " + strconv.Quote(value)
	}
	return fmt.Sprintf("Invalid principal in policy: %q:%q", strings.ToUpper(kind), value)
}

// organizationRules checks SCPs, which have identity-based policies' grammar, and
// RCPs, which may only deny to everyone (but for RCPFullAWSAccess, which is
// AWS's). Source: AWS Organizations User Guide, "SCP syntax", "RCP syntax".
func (c *compiler) organizationRules() *SyntaxError {
	for _, s := range c.raws {
		no := func(n *node, format string, args ...any) *SyntaxError {
			return c.refuse(n.start, s.path, notMet, format, args...)
		}
		switch {
		case s.effect.text != "Allow" && s.effect.text != "Deny":
			return no(s.effect, "Effect is Allow or Deny, in this case")
		case len(s.actions) == 0:
			return no(s.node, "Action is missing")
		case len(s.resources) == 0:
			return no(s.node, "Resource is missing")
		case c.kind == SCP && s.principal != nil:
			return no(s.principal, "an SCP names no principal")
		case c.kind == RCP && (s.principal == nil || s.notPrincipal || s.principal.kind != stringNode || s.principal.text != "*"):
			return no(s.node, "an RCP's Principal is \"*\"")
		case c.kind == RCP && s.notAction:
			return no(s.action, "an RCP has no NotAction")
		}
		full := !s.notResource && len(s.conditions) == 0 && isStar(s.actions) && isStar(s.resources)
		if c.kind == RCP && s.effect.text == "Allow" && !full {
			return no(s.effect, "an RCP can only deny")
		}
		for _, a := range s.actions {
			if fault := actionFault(a.text); fault != "" {
				return no(a, "%s", fault)
			}
			if c.kind == RCP && a.text == "*" && s.effect.text == "Deny" {
				return no(a, "an RCP's actions name their service")
			}
		}
		for _, r := range s.resources {
			if r.text != "*" && !strings.HasPrefix(r.text, "arn:") {
				return no(r, "%q is neither an ARN nor \"*\"", r.text)
			}
		}
	}
	return c.statementIDs(notMet)
}

func isStar(list []*node) bool { return len(list) == 1 && list[0].text == "*" }

var vendor = regexp.MustCompile(`^[0-9A-Za-z.-]+$`)

// actionFault answers IAM's refusal of an action, or "".
func actionFault(text string) string {
	if text == "*" {
		return ""
	}
	service, name, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	case strings.Contains(name, ":"):
		return "Actions/Condition can contain only one colon."
	case service != "*" && !vendor.MatchString(service):
		return "Vendor " + service + " is not valid"
	}
	return ""
}

var (
	partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
	// iamPaths are what the resource part of IAM's ARNs begins with.
	iamPaths = []string{"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
		"policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"}
	// regional are S3's resources that lie in a region, unlike buckets.
	regional = []string{"accesspoint", "job/", "storage-lens", "access-grants", "async-request", "*"}
)

func startsWith(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// resourceFault answers IAM's refusal of a resource, or "".
func resourceFault(text string) string {
	if text == "*" {
		return ""
	}
	f := strings.SplitN(text, ":", 6)
	if len(f) == 1 {
		return fmt.Sprintf("Resource %s must be in ARN format or \"*\".", text)
	}
	part := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return "*"
	}
	if !slices.Contains(partitions, f[1]) {
		service := part(2)
		if len(f) == 3 && service == "" {
			service = "*"
		}
		return fmt.Sprintf("Partition %q is not valid for resource \"arn:%s:%s:%s:%s:%s\".",
			f[1], f[1], service, part(3), part(4), part(5))
	}
	service, region, resource := part(2), part(3), part(5)
	switch {
	case len(f) == 2, strings.ContainsAny(service, "*?"):
		return "Resource vendor must be fully qualified and cannot contain regexes."
	case len(f) < 6:
		return ""
	case service == "iam" && region != "":
		return "IAM resource " + text + " cannot contain region information."
	case service == "s3" && region != "" && !startsWith(resource, regional):
		return "Resource " + text + " can not contain region information."
	case service == "iam" && resource != "*" && resource != "root" && !startsWith(resource, iamPaths):
		return "IAM resource path must either be \"*\", root, or start with " + strings.Join(iamPaths, ", ") + "."
	}
	return ""
}

// legacyResource tells whether IAM's older parser takes a resource.
func legacyResource(text string) bool {
	if text == "*" {
		return true
	}
	f := strings.Split(text, ":")
	return (len(f) >= 6 || !strings.Contains(text, "::")) && (len(f) < 3 || f[2] != "")
}
