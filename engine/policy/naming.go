package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Forms of the values of a Principal element. Wildcards in a part of a name are
// in none of them. Source: IAM User Guide, "AWS JSON policy elements: Principal".
var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	identityID = regexp.MustCompile(`^A[A-Z]{3}[0-9A-Z]{12,124}(:[\w+=,.@-]{2,64})?$`)
	// identityARN is a user, a role or a session; cloudfront's users are the
	// origin access identities of S3's policies.
	identityARN = regexp.MustCompile(`^arn:(aws[a-z-]*):(?:` +
		`iam::([0-9]{12}|cloudfront):(?:user|role)/[^*?]+` + `|` +
		`sts::([0-9]{12}):(?:assumed-role/[^*?/]+/[^*?/]+|federated-user/[^*?/]+))$`)
	rootARN     = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::([0-9]{12}):root$`)
	serviceHost = regexp.MustCompile(`^[0-9a-z-]+(\.[0-9a-z-]+)*\.(amazonaws\.com(\.cn)?|aws\.internal|amazon\.com|aws\.com)$`)
	provider    = regexp.MustCompile(`^(arn:aws[a-z-]*:iam::[0-9]{12}:(saml|oidc)-provider/[^*?]+|[0-9a-z-]+(\.[0-9a-z-]+)+)$`)
	canonicalID = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// principals compiles the Principal element of statement i.
func (c *compiler) principals(s *raw, i int) (*principalSet, *SyntaxError) {
	set := &principalSet{}
	name := func(kind string, v *node) {
		c.d.principals = append(c.d.principals, Named{
			Statement: i, Type: kind, Value: v.text, Not: s.notPrincipal, start: v.start, end: v.end,
		})
	}
	if s.principal.kind == stringNode {
		set.everyone = true
		name("", s.principal)
		return set, nil
	}
	for _, m := range s.principal.members {
		values, err := c.strings(m.node, s.path+".Principal."+m.name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains([]string{"AWS", "Service", "Federated", "CanonicalUser"}, m.name) ||
			m.name == "CanonicalUser" && c.kind != ResourceBased {
			return nil, c.refuse(m.at, s.path+".Principal", c.invalidPrincipal("", m.name), "no principals of type %q here", m.name)
		}
		for j, v := range values {
			if !set.add(m.name, v.text) {
				return nil, c.refuse(v.start, fmt.Sprintf("%s.Principal.%s[%d]", s.path, m.name, j),
					c.invalidPrincipal(m.name, v.text), "%q", v.text)
			}
			name(m.name, v)
		}
	}
	return set, nil
}

// add takes one value; it answers false for a malformed one.
func (s *principalSet) add(kind, v string) bool {
	switch kind {
	case "AWS":
		switch {
		case v == "*":
			s.everyone = true
		case accountID.MatchString(v):
			s.accounts = append(s.accounts, v)
		case rootARN.MatchString(v):
			s.accounts = append(s.accounts, strings.Split(v, ":")[4])
		case identityARN.MatchString(v):
			s.arns = append(s.arns, v)
		case identityID.MatchString(v):
			s.ids = append(s.ids, v)
		default:
			return false
		}
		return true
	case "Service":
		s.services = append(s.services, v)
		return serviceHost.MatchString(v)
	case "Federated":
		s.federated = append(s.federated, v)
		return provider.MatchString(v)
	}
	s.canonical = append(s.canonical, v)
	return canonicalID.MatchString(v)
}
