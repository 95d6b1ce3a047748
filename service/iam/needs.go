package iam

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
)

// subject is what a call is about, as policies see it.
type subject struct {
	arn      string
	label    string // what refusals call it; empty: its ARN
	tags     identity.Tags
	named    bool   // a user or role: iam:ResourceTag counts
	boundary string // of a user or role
	keys     map[string][]string
}

// about finds the subject of a request. in is a pointer to the decoded input.
type about func(tx *store.Tx, c *redoubt.Call, in any) (subject, error)

// row binds an operation that takes its own action on one subject.
func row[I, O any](d op.Desc[I, O], m op.Method[I, O], a about) op.Operation {
	return op.Row(d, m, func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		s, err := a(store.From(ctx), c, in)
		if err != nil {
			return nil, err
		}
		return need(c, s, in)
	})
}

// need states the right to the call's own action on s, with the condition keys
// that the action documents.
func need(c *redoubt.Call, s subject, in any) ([]redoubt.Need, error) {
	if err := guard(c); err != nil {
		return nil, err
	}
	n := redoubt.Need{Action: "iam:" + c.Operation, Resource: s.arn, Tags: s.tags, Conditions: map[string][]string{}}
	if s.label != "" {
		n.Label = "resource: " + s.label
	}
	if s.named {
		for k, v := range s.tags {
			n.Conditions["iam:ResourceTag/"+k] = []string{v}
		}
	}
	for k, v := range s.keys {
		n.Conditions[k] = v
	}
	if a := action(c.Operation); a != nil {
		for _, key := range a.Conditions {
			condition(n.Conditions, key, s, in)
		}
	}
	needs := []redoubt.Need{n}
	if tags, _ := field(in, "Tags").([]iamapi.Tag); len(tags) > 0 && taggedBy[c.Operation] != "" {
		// Making something with tags takes the right to tag it, too.
		n.Action = "iam:" + taggedBy[c.Operation]
		needs = append(needs, n)
	}
	return needs, nil
}

// taggedBy are the actions that tag what an operation makes.
// Source: IAM User Guide, "Permissions for tagging IAM resources".
var taggedBy = map[string]string{
	"CreateUser": "TagUser", "CreateRole": "TagRole", "CreatePolicy": "TagPolicy", "CreateInstanceProfile": "TagInstanceProfile",
	"CreateOpenIDConnectProvider": "TagOpenIDConnectProvider", "CreateSAMLProvider": "TagSAMLProvider",
	"CreateVirtualMFADevice": "TagMFADevice", "UploadServerCertificate": "TagServerCertificate",
}

// condition adds a documented condition key with what the request says.
func condition(to map[string][]string, key string, s subject, in any) {
	member := ""
	switch key {
	case "aws:RequestTag/${TagKey}":
		tags, _ := field(in, "Tags").([]iamapi.Tag)
		for _, t := range tags {
			to["aws:RequestTag/"+str(t.Key)] = []string{str(t.Value)}
		}
		return
	case "aws:TagKeys":
		keys, _ := field(in, "TagKeys").([]string)
		tags, _ := field(in, "Tags").([]iamapi.Tag)
		for _, t := range tags {
			keys = append(keys, str(t.Key))
		}
		if len(keys) > 0 {
			to[key] = keys
		}
		return
	case "iam:PolicyARN":
		member = "PolicyArn"
	case "iam:PermissionsBoundary":
		member = "PermissionsBoundary"
		if s.boundary != "" {
			to[key] = []string{s.boundary}
		}
	case "iam:AWSServiceName":
		member = "AWSServiceName"
	case "iam:ServiceSpecificCredentialServiceName":
		member = "ServiceName"
	case "iam:ServiceSpecificCredentialAgeDays":
		if days, ok := field(in, "CredentialAgeDays").(*int32); ok && days != nil {
			to[key] = []string{strconv.Itoa(int(*days))}
		}
		return
	default:
		return
	}
	if v, ok := field(in, member).(*string); ok && v != nil {
		to[key] = []string{*v}
	}
}

// field answers a member of an input by its name, nil if it has none such.
func field(in any, name string) any {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil
	}
	f := v.Elem().FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	return f.Interface()
}

// text answers a string member of an input, nil if it is absent. Members are
// named in operations.go; one that the shape lacks is a programming error.
func text(in any, name string) *string {
	s, ok := field(in, name).(*string)
	if !ok {
		panic("iam: " + reflect.TypeOf(in).String() + " has no string " + name)
	}
	return s
}

// guard turns away callers whom IAM does not serve. Source: IAM User Guide,
// "Compare AWS STS credentials".
func guard(c *redoubt.Call) error {
	p := &c.Principal
	if p.Kind == redoubt.Federated || p.Kind == redoubt.User && p.Session != nil && !p.Session.MFA {
		return forbidden(errInvalidToken, "The security token included in the request is invalid")
	}
	return nil
}

// action answers the documented action of that name, nil if there is none.
func action(name string) *schema.Action {
	at, ok := slices.BinarySearchFunc(iamapi.Model.Actions, name, func(a schema.Action, name string) int {
		return strings.Compare(a.Name, name)
	})
	if !ok {
		return nil
	}
	return &iamapi.Model.Actions[at]
}

// moved binds an operation that gives its subject another name or path: that
// takes the right on what it is called and on what it will be called. kind is
// the ARN's, member and newName name the request's members.
func moved[I, O any](d op.Desc[I, O], m op.Method[I, O], kind string, a about, member, newName string) op.Operation {
	return op.Row(d, m, func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		from, err := a(store.From(ctx), c, in)
		if err != nil {
			return nil, err
		}
		needs, err := need(c, from, in)
		if err != nil {
			return nil, err
		}
		_, rest, _ := strings.Cut(from.arn, ":"+kind+"/")
		path, name := "/"+rest[:strings.LastIndexByte(rest, '/')+1], str(text(in, member))
		if p := text(in, "NewPath"); p != nil {
			path = *p
		}
		if n := text(in, newName); n != nil {
			name = *n
		}
		to := from
		to.label = ""
		if to.arn = identity.ARN(c.Account, kind, path, name); to.arn == from.arn {
			return needs, nil
		}
		more, err := need(c, to, in)
		return append(needs, more...), err
	})
}

// credentialsOf is the user whose credentials a request lists, or all users.
func (s *Service) credentialsOf(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
	if everyone, _ := field(in, "AllUsers").(*bool); everyone != nil && *everyone {
		return subject{arn: identity.ARN(c.Account, "user", "/", "*")}, nil
	}
	return s.user("UserName")(tx, c, in)
}

// anything is the subject of operations without a resource.
func anything(*store.Tx, *redoubt.Call, any) (subject, error) {
	return subject{arn: "*", label: "*"}, nil
}

// listed is the subject of operations that list a kind of thing under a path.
func listed(kind string) about {
	return func(_ *store.Tx, c *redoubt.Call, in any) (subject, error) {
		path := "/"
		if p, _ := field(in, "PathPrefix").(*string); p != nil {
			path = *p
		}
		s := subject{arn: identity.ARN(c.Account, kind, path, "")}
		if kind == "policy" {
			s.label = "policy path " + path
		}
		return s, nil
	}
}

// absent answers the would-be subject for what does not exist; other errors pass.
func absent(err error, would, label string) (subject, error) {
	var nf *identity.NotFound
	if errors.As(err, &nf) {
		return subject{arn: would, label: label}, nil
	}
	return subject{}, err
}

// user finds a user by a member of the request; absent, the caller.
func (s *Service) user(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		if n := text(in, member); n != nil {
			return s.userSubject(tx, c.Account, *n)
		}
		if c.Principal.Kind != redoubt.User {
			return subject{arn: c.Principal.ARN}, nil
		}
		return s.userSubject(tx, c.Account, c.Principal.Name)
	}
}

func (s *Service) userSubject(tx *store.Tx, account, name string) (subject, error) {
	u, err := s.ids.User(tx, account, name)
	if err != nil {
		return absent(err, identity.ARN(account, "user", "/", name), "user "+name)
	}
	return subject{arn: u.ARN(account), label: "user " + name, tags: u.Tags, named: true, boundary: u.Boundary}, nil
}

// role finds a role.
func (s *Service) role(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		return s.roleSubject(tx, c.Account, str(text(in, member)))
	}
}

func (s *Service) roleSubject(tx *store.Tx, account, name string) (subject, error) {
	r, err := s.ids.Role(tx, account, name)
	if err != nil {
		return absent(err, identity.ARN(account, "role", "/", name), "role "+name)
	}
	return subject{arn: r.ARN(account), label: "role " + name, tags: r.Tags, named: true, boundary: r.Boundary}, nil
}

// group finds a group.
func (s *Service) group(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		name := str(text(in, member))
		g, err := s.ids.Group(tx, c.Account, name)
		if err != nil {
			return absent(err, identity.ARN(c.Account, "group", "/", name), "group "+name)
		}
		return subject{arn: g.ARN(c.Account), label: "group " + name}, nil
	}
}

// managed finds a managed policy by its ARN.
func (s *Service) managed(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		arn := str(text(in, member))
		p, _, err := s.ids.PolicyByARN(tx, c.Account, arn)
		if err != nil {
			return absent(err, arn, "policy "+arn)
		}
		return subject{arn: arn, label: "policy " + arn, tags: p.Tags}, nil
	}
}

// profile finds an instance profile.
func (s *Service) profile(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		name := str(text(in, member))
		p, err := s.ids.Profile(tx, c.Account, name)
		if err != nil {
			return absent(err, identity.ARN(c.Account, "instance-profile", "/", name), "instance profile "+name)
		}
		return subject{arn: p.ARN(c.Account), label: "instance profile " + name, tags: p.Tags}, nil
	}
}

// certificate finds a server certificate.
func (s *Service) certificate(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		name := str(text(in, member))
		cert, err := s.ids.ServerCertificate(tx, c.Account, name)
		if err != nil {
			return absent(err, identity.ARN(c.Account, "server-certificate", "/", name), "")
		}
		return subject{arn: cert.ARN(c.Account), tags: cert.Tags}, nil
	}
}

// device finds an MFA device by its serial number, which is its ARN.
func (s *Service) device(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		serial := str(text(in, member))
		d, err := s.ids.MFADevice(tx, c.Account, serial)
		if err != nil {
			return absent(err, serial, "")
		}
		return subject{arn: d.Serial, tags: d.Tags}, nil
	}
}

// oidc finds an OpenID Connect provider by its ARN.
func (s *Service) oidc(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		arn := str(text(in, member))
		p, err := s.ids.OIDCProvider(tx, c.Account, arn)
		if err != nil {
			return absent(err, arn, "")
		}
		return subject{arn: arn, tags: p.Tags}, nil
	}
}

// saml finds a SAML provider by its ARN.
func (s *Service) saml(member string) about {
	return func(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
		arn := str(text(in, member))
		p, err := s.ids.SAMLProvider(tx, c.Account, arn)
		if err != nil {
			return absent(err, arn, "")
		}
		return subject{arn: arn, tags: p.Tags}, nil
	}
}

// made is what a request is about to make: a kind, and the member that names it.
func made(kind, member string) about {
	return func(_ *store.Tx, c *redoubt.Call, in any) (subject, error) {
		path := "/"
		if p, ok := field(in, "Path").(*string); ok && p != nil {
			path = *p
		}
		return subject{arn: identity.ARN(c.Account, kind, path, str(text(in, member)))}, nil
	}
}

// str reads an optional string.
func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
