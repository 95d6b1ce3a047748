package s3

import (
	"regexp"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// The groups that lists may name, and what lists may permit. Source: Amazon S3 User
// Guide, "Access control list (ACL) overview".
const (
	everyone      = "http://acs.amazonaws.com/groups/global/AllUsers"
	authenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	logDelivery   = "http://acs.amazonaws.com/groups/s3/LogDelivery"

	fullControl = "FULL_CONTROL"
	reads       = "READ"
	writes      = "WRITE"
	readsACP    = "READ_ACP"
	writesACP   = "WRITE_ACP"

	// imageReader is who reads under aws-exec-read: EC2, as AWS's lists name it.
	imageReader = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
)

var (
	groups      = []string{everyone, authenticated, logDelivery}
	permissions = []string{fullControl, reads, writes, readsACP, writesACP}
	canonical   = regexp.MustCompile(`^[0-9a-f]{64}$`)

	bucketCanned = []string{"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "log-delivery-write"}
	objectCanned = []string{"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control"}
)

// grantHeader is a header that grants a permission.
type grantHeader struct {
	name, permission string
	value            *string
}

// acl is a list as a request states it: by a canned one's name, or grant by grant.
type acl struct {
	canned  *string
	headers []grantHeader
}

func newACL(canned, full, read, readACP, write, writeACP *string) acl {
	a := acl{canned: canned}
	for _, h := range []grantHeader{
		{"x-amz-grant-full-control", fullControl, full}, {"x-amz-grant-read", reads, read}, {"x-amz-grant-read-acp", readsACP, readACP},
		{"x-amz-grant-write", writes, write}, {"x-amz-grant-write-acp", writesACP, writeACP},
	} {
		if h.value != nil {
			a.headers = append(a.headers, h)
		}
	}
	return a
}

func (a acl) stated() bool { return a.canned != nil || len(a.headers) > 0 }

// check refuses what is no list at all.
func (a acl) check(canned []string) ([]objects.Grant, error) {
	switch {
	case a.canned != nil && len(a.headers) > 0:
		return nil, invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
	case a.canned != nil && !slices.Contains(canned, *a.canned):
		return nil, invalidArgument("", "x-amz-acl", *a.canned)
	}
	var list []objects.Grant
	for _, h := range a.headers {
		for part := range strings.SplitSeq(*h.value, ",") {
			part = strings.TrimSpace(part)
			kind, text, _ := strings.Cut(part, "=")
			who, err := grantee(strings.TrimSpace(kind), strings.Trim(strings.TrimSpace(text), `"`))
			if err != nil {
				return nil, err
			}
			if who == "" {
				return nil, invalidArgument("Argument format not recognized", h.name, part)
			}
			list = append(list, objects.Grant{To: who, Permission: h.permission})
		}
	}
	return list, nil
}

// grantee reads who a header names; empty: no form of a name.
func grantee(kind, text string) (string, error) {
	switch kind {
	case "id":
		if !canonical.MatchString(text) {
			return "", invalidArgument("Invalid id", "id", text)
		}
		return text, nil
	case "uri":
		if !slices.Contains(groups, text) {
			return "", invalidArgument("Invalid group uri", "uri", text)
		}
		return text, nil
	case "emailAddress":
		return "", refusal(400, "UnresolvableGrantByEmailAddress", "The e-mail address you provided does not match any account on record.", "emailAddress", text)
	}
	return "", nil
}

// policyGrants reads a list that came as a document.
func policyGrants(p *api.AccessControlPolicy) ([]objects.Grant, error) {
	malformed := refusal(400, "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
	if p.Owner == nil || p.Grants == nil {
		return nil, malformed
	}
	if id := value(p.Owner.ID); !canonical.MatchString(id) {
		return nil, invalidArgument("Invalid id", "CanonicalUser/ID", id)
	}
	list := []objects.Grant{}
	for _, g := range p.Grants {
		if g.Grantee == nil || !slices.Contains(permissions, value(g.Permission)) {
			return nil, malformed
		}
		to := ""
		switch who := g.Grantee; value(who.Type) {
		case "CanonicalUser":
			if to = value(who.ID); !canonical.MatchString(to) {
				return nil, invalidArgument("Invalid id", "CanonicalUser/ID", to)
			}
		case "Group":
			if to = value(who.URI); !slices.Contains(groups, to) {
				return nil, invalidArgument("Invalid group uri", "Group/URI", to)
			}
		case "AmazonCustomerByEmail":
			return nil, refusal(400, "UnresolvableGrantByEmailAddress", "The e-mail address you provided does not match any account on record.")
		default:
			return nil, malformed
		}
		list = append(list, objects.Grant{To: to, Permission: *g.Permission})
	}
	return list, nil
}

// cannedGrants is what a canned list stands for. owner has what it is put on, in a
// bucket of bucketOwner.
func cannedGrants(name, owner, bucketOwner string) []objects.Grant {
	list := []objects.Grant{{To: identity.CanonicalID(owner), Permission: fullControl}}
	grant := func(to string, what ...string) {
		for _, p := range what {
			list = append(list, objects.Grant{To: to, Permission: p})
		}
	}
	switch name {
	case "public-read":
		grant(everyone, reads)
	case "public-read-write":
		grant(everyone, reads, writes)
	case "authenticated-read":
		grant(authenticated, reads)
	case "aws-exec-read":
		grant(imageReader, reads)
	case "log-delivery-write":
		grant(logDelivery, writes, readsACP)
	case "bucket-owner-read", "bucket-owner-full-control":
		if owner == bucketOwner {
			break
		}
		what := reads
		if name == "bucket-owner-full-control" {
			what = fullControl
		}
		grant(identity.CanonicalID(bucketOwner), what)
	default:
		return nil // the owner's alone, which is not written down
	}
	return list
}

// public reports whether a list grants something to everyone, or to everyone with
// an account.
func public(list []objects.Grant) bool {
	return slices.ContainsFunc(list, func(g objects.Grant) bool { return g.To == everyone || g.To == authenticated })
}

// grants reports whether a list permits something to the caller, on what an account
// owns. Public grants can be ignored. What is granted to the owner is the account's,
// whose policies say who of its users has it.
func grants(c *redoubt.Call, list []objects.Grant, permission, owner string, ignore bool) bool {
	account := c.Principal.Account
	for _, g := range list {
		if g.Permission != permission && g.Permission != fullControl {
			continue
		}
		switch g.To {
		case everyone:
			if !ignore {
				return true
			}
		case authenticated:
			if !ignore && account != "" {
				return true
			}
		default:
			if account != "" && account != owner && g.To == identity.CanonicalID(account) {
				return true
			}
		}
	}
	return false
}

// shownGrants is a list as answers show it.
func shownGrants(list []objects.Grant, owner string) []api.Grant {
	if list == nil {
		list = []objects.Grant{{To: identity.CanonicalID(owner), Permission: fullControl}}
	}
	out := []api.Grant{}
	for _, g := range list {
		who := &api.Grantee{ID: &g.To, Type: new("CanonicalUser")}
		if slices.Contains(groups, g.To) {
			who = &api.Grantee{URI: &g.To, Type: new("Group")}
		}
		out = append(out, api.Grant{Grantee: who, Permission: &g.Permission})
	}
	return out
}
