package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// Services that take a user name and password, and those that take an API key.
var (
	passwordServices = []string{"codecommit.amazonaws.com", "cassandra.amazonaws.com"}
	apiKeyServices   = []string{"bedrock.amazonaws.com", "logs.amazonaws.com"}
)

// hasCredentials refuses services that take no credentials of their own.
func hasCredentials(service string) error {
	if slices.Contains(passwordServices, service) || slices.Contains(apiKeyServices, service) {
		return nil
	}
	return iamapi.ErrNoSuchEntityException.New("No such service %s is supported for Service Specific Credentials", service)
}

// CreateServiceSpecificCredential implements iam:CreateServiceSpecificCredential.
func (s *Service) CreateServiceSpecificCredential(ctx context.Context, c *redoubt.Call, in *iamapi.CreateServiceSpecificCredentialInput) (*iamapi.CreateServiceSpecificCredentialOutput, error) {
	tx := store.From(ctx)
	u, err := s.ids.User(tx, c.Account, *in.UserName)
	if err != nil {
		return nil, fail(err)
	}
	if err := hasCredentials(*in.ServiceName); err != nil {
		return nil, err
	}
	key := slices.Contains(apiKeyServices, *in.ServiceName)
	if !key && in.CredentialAgeDays != nil {
		return nil, validation("CredentialAgeDays is not supported for service %s", *in.ServiceName)
	}
	n := 1
	for other, err := range s.ids.ServiceCredentials(tx, c.Account, u.ID) {
		if err != nil {
			return nil, err
		}
		if other.Service == *in.ServiceName {
			n++
		}
	}
	v := identity.ServiceCredential{User: u.ID, Service: *in.ServiceName}
	if key {
		v.Alias = fmt.Sprintf("%s+%d-at-%s", u.Name, n, c.Account)
		if in.CredentialAgeDays != nil {
			v.Expires = s.clock.Now().UTC().AddDate(0, 0, int(*in.CredentialAgeDays))
		}
	} else {
		v.Name = fmt.Sprintf("%s-at-%s", u.Name, c.Account)
		if n > 1 {
			v.Name = fmt.Sprintf("%s+%d-at-%s", u.Name, n-1, c.Account)
		}
	}
	made, secret, err := s.ids.AddServiceCredential(tx, c.Account, v)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreateServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialAnswer(u.Name, made, secret)}, nil
}

func credentialAnswer(name string, v *identity.ServiceCredential, secret string) *iamapi.ServiceSpecificCredential {
	a := &iamapi.ServiceSpecificCredential{
		CreateDate: &v.Created, ServiceName: &v.Service, ServiceUserName: some(v.Name), ServiceCredentialAlias: some(v.Alias),
		ServiceSpecificCredentialId: &v.ID, UserName: &name, Status: status(v.Active),
	}
	if !v.Expires.IsZero() {
		a.ExpirationDate = &v.Expires
	}
	if v.Alias != "" {
		a.ServiceCredentialSecret = &secret
	} else {
		a.ServicePassword = &secret
	}
	return a
}

// credentialUser finds the user of a request about a credential, and its service.
func (s *Service) credentialUser(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
	about, err := s.user("UserName")(tx, c, in)
	if err != nil {
		return about, err
	}
	name := text(in, "UserName")
	if name == nil && c.Principal.Kind == redoubt.User {
		name = &c.Principal.Name
	}
	if u, err := s.ids.User(tx, c.Account, str(name)); err == nil {
		if v, err := s.ids.ServiceCredential(tx, c.Account, u.ID, str(text(in, "ServiceSpecificCredentialId"))); err == nil {
			about.keys = map[string][]string{"iam:ServiceSpecificCredentialServiceName": {v.Service}}
		}
	}
	return about, nil
}

// ListServiceSpecificCredentials implements iam:ListServiceSpecificCredentials.
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, c *redoubt.Call, in *iamapi.ListServiceSpecificCredentialsInput) (*iamapi.ListServiceSpecificCredentialsOutput, error) {
	tx := store.From(ctx)
	everyone := in.AllUsers != nil && *in.AllUsers
	owner := ""
	if !everyone {
		u, err := s.caller(tx, c, in.UserName)
		if err != nil {
			return nil, err
		}
		owner = u.ID
	}
	if in.ServiceName != nil {
		if err := hasCredentials(*in.ServiceName); err != nil {
			return nil, err
		}
	}
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.ServiceCredentials(tx, c.Account, owner), in.MaxItems,
		func(v *identity.ServiceCredential) bool {
			return v.User+v.ID > from && (in.ServiceName == nil || v.Service == *in.ServiceName)
		},
		func(v *identity.ServiceCredential) string { return v.User + v.ID })
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListServiceSpecificCredentialsOutput{ServiceSpecificCredentials: []iamapi.ServiceSpecificCredentialMetadata{}, IsTruncated: p.truncated, Marker: p.marker}
	for _, v := range p.items {
		u, err := s.ids.UserByID(tx, c.Account, v.User)
		if err != nil {
			return nil, err
		}
		m := iamapi.ServiceSpecificCredentialMetadata{
			UserName: &u.Name, Status: status(v.Active), ServiceUserName: some(v.Name), ServiceCredentialAlias: some(v.Alias),
			CreateDate: &v.Created, ServiceSpecificCredentialId: &v.ID, ServiceName: &v.Service,
		}
		if !v.Expires.IsZero() {
			m.ExpirationDate = &v.Expires
		}
		out.ServiceSpecificCredentials = append(out.ServiceSpecificCredentials, m)
	}
	return out, nil
}

// UpdateServiceSpecificCredential implements iam:UpdateServiceSpecificCredential.
func (s *Service) UpdateServiceSpecificCredential(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateServiceSpecificCredentialInput) (*iamapi.UpdateServiceSpecificCredentialOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.EditServiceCredential(tx, c.Account, u.ID, *in.ServiceSpecificCredentialId, func(v *identity.ServiceCredential) error {
		v.Active = strings.EqualFold(*in.Status, "Active")
		return nil
	}))
}

// ResetServiceSpecificCredential implements iam:ResetServiceSpecificCredential.
func (s *Service) ResetServiceSpecificCredential(ctx context.Context, c *redoubt.Call, in *iamapi.ResetServiceSpecificCredentialInput) (*iamapi.ResetServiceSpecificCredentialOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	v, secret, err := s.ids.ResetServiceCredential(tx, c.Account, u.ID, *in.ServiceSpecificCredentialId)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.ResetServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialAnswer(u.Name, v, secret)}, nil
}

// DeleteServiceSpecificCredential implements iam:DeleteServiceSpecificCredential.
func (s *Service) DeleteServiceSpecificCredential(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteServiceSpecificCredentialInput) (*iamapi.DeleteServiceSpecificCredentialOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeleteServiceCredential(tx, c.Account, u.ID, *in.ServiceSpecificCredentialId))
}
