package ssm

import (
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Source: PutParameter, Name; Systems Manager User Guide, "Requirements and
// constraints for parameter names". The texts are AWS's.
const (
	maxLevels = 15
	maxARN    = 1011 // of the whole ARN

	nameText = `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`
	pathText = `The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`
)

// secretPrefix begins the names that stand for secrets of Secrets Manager.
const secretPrefix = "/aws/reference/secretsmanager/"

// place is where a parameter lies: its name without the leading slash. It is what
// its ARN ends in.
type place string

// id is the place as the store's tables order it: what shares a parent lies side by
// side, before what lies deeper.
func (p place) id() string {
	i := strings.LastIndexByte(string(p), '/')
	return string(p[:max(i, 0)]) + "\x00" + string(p[i+1:])
}

func (p place) arn(partition, region, account string) string {
	return "arn:" + partition + ":ssm:" + region + ":" + account + ":parameter/" + string(p)
}

// flat tells parameters without a hierarchy.
func (p place) flat() bool { return strings.IndexByte(string(p), '/') < 0 }

// named is what a request calls a parameter.
type named struct {
	place    place
	account  string
	asked    string // as the request has it, without blanks around it
	name     string // asked without the selector; of an ARN, the parameter's own name
	selector string // version or label; empty: the newest
	picked   bool   // there is a selector
	byARN    bool
	secret   string // of a reference to Secrets Manager: the secret's id
	misplace error  // why there can be no such parameter here, for the method to say
}

func (n *named) arn(c *redoubt.Call) string { return n.place.arn(c.Partition, c.Region, n.account) }

// read takes apart what GetParameter and its like are asked for: a name or ARN,
// with a selector or without.
func read(c *redoubt.Call, text string) (named, error) {
	n := named{account: c.Account, asked: strings.TrimSpace(text)}
	rest := n.asked
	if strings.HasPrefix(rest, "arn:") {
		a, err := redoubt.ParseARN(rest)
		path, ok := strings.CutPrefix(a.Resource, "parameter/")
		if err != nil || !ok || a.Service != "ssm" || len(a.Account) != 12 {
			return n, invalid("%s", nameText)
		}
		n.byARN, n.account = true, a.Account
		if a.Region != c.Region || a.Partition != c.Partition {
			n.misplace = notFound()
		}
		rest = path
		if bare, _, _ := strings.Cut(path, ":"); strings.Contains(bare, "/") {
			rest = "/" + path
		}
	}
	if id, ok := strings.CutPrefix(rest, secretPrefix); ok {
		return n.reference(rest, id)
	}
	n.name, n.selector, n.picked = strings.Cut(rest, ":")
	if strings.Contains(n.selector, ":") {
		n.misplace = notFound()
	}
	if !wellFormed(n.name) || !n.flatOrRooted() || hasPrefixFold(strings.TrimPrefix(n.name, "/"), "ssm") {
		return n, invalid("%s", nameText)
	}
	n.place = place(strings.TrimPrefix(n.name, "/"))
	return n, nil
}

// reference is read for a secret's name, which may hold what parameters' may not.
func (n named) reference(name, id string) (named, error) {
	n.name, n.selector, n.picked = strings.Cut(name, ":")
	n.secret, _, _ = strings.Cut(id, ":")
	if n.secret == "" || strings.ContainsAny(n.secret, " \t\r\n*?\x00\x01") {
		return n, invalid("%s", nameText)
	}
	n.place = place(n.name[1:])
	return n, nil
}

// flatOrRooted: who speaks of a hierarchy begins at its root.
func (n *named) flatOrRooted() bool {
	return strings.HasPrefix(n.name, "/") || !strings.Contains(n.name, "/")
}

// readPlain is read for operations that take a name and nothing else.
func readPlain(c *redoubt.Call, text string) (named, error) {
	n, err := read(c, text)
	if err == nil && (n.byARN || n.picked || n.secret != "") {
		err = invalid("%s", nameText)
	}
	return n, err
}

// readNew is readPlain for a name that a parameter is to have.
func readNew(c *redoubt.Call, text string) (named, error) {
	n := named{account: c.Account, asked: strings.TrimSpace(text)}
	n.name = n.asked
	bare := strings.TrimPrefix(n.name, "/")
	path := strings.Contains(bare, "/")
	n.place = place(bare)
	switch {
	case !n.flatOrRooted() && wellFormed(n.name):
		return n, invalid("Parameter name must be a fully qualified name.")
	case path && hasPrefixFold(n.name, "/aws"):
		return n, redoubt.ErrAccessDenied.New("No access to reserved parameter name: %s.", n.name)
	case !path && (hasPrefixFold(bare, "aws") || hasPrefixFold(bare, "ssm")):
		return n, invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case bare != "" && strings.HasSuffix(bare, "/") && wellFormed(strings.TrimSuffix(n.name, "/")):
		return n, invalid("Parameter name must not end with slash.")
	case !wellFormed(n.name) || hasPrefixFold(bare, "ssm"):
		return n, invalid("%s", nameText)
	case len(n.arn(c)) > maxARN:
		// That long, nothing can be allowed: so says AWS.
		return n, redoubt.ErrAccessDenied.New("User: %s is not authorized to perform: ssm:PutParameter on resource: %s", c.Principal.ARN, n.arn(c))
	case strings.Count(bare, "/") >= maxLevels:
		return n, ssmapi.ErrHierarchyLevelLimitExceededException.New("A hierarchy can have a maximum of %d levels. For more information, see Requirements and constraints for parameter names in the AWS Systems Manager User Guide.", maxLevels)
	}
	return n, nil
}

// wellFormed reports whether name consists of sub-paths of the characters allowed,
// none of them empty.
func wellFormed(name string) bool {
	last := byte('/')
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '/':
			if last == '/' && i > 0 {
				return false
			}
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
		last = c
	}
	return last != '/' && len(name) <= store.MaxKey/2
}

// readPath reads the path of a hierarchy; the root is empty.
func readPath(text string) (place, error) {
	path := strings.TrimSpace(text)
	if path == "/" {
		return "", nil
	}
	path = strings.TrimSuffix(path, "/")
	if !strings.HasPrefix(path, "/") || !wellFormed(path) || hasPrefixFold(path, "/ssm") {
		return "", invalid("%s", pathText)
	}
	return place(path[1:]), nil
}

// readWhole is read for operations that take ARNs, but no selector.
func readWhole(c *redoubt.Call, text string) (named, error) {
	n, err := read(c, text)
	if err == nil && (n.picked || n.secret != "") {
		err = invalid("%s", nameText)
	}
	return n, err
}
