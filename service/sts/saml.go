package sts

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity/saml"
	"github.com/redoubt-sec/redoubt/store"
)

const (
	// skew is how far a provider's clock may be off.
	skew = 5 * time.Minute
	// redeem is how long after its issue an assertion may be used.
	redeem = 5 * time.Minute

	samlAttributes = "https://aws.amazon.com/SAML/Attributes/"
)

// Addresses at which AWS takes assertions, and the audiences that name it.
var (
	samlRecipients = []string{"https://signin.aws.amazon.com/saml"}
	samlAudiences  = []string{"urn:amazon:webservices", "https://signin.aws.amazon.com/saml"}
)

// AssumeRoleWithSAML implements sts:AssumeRoleWithSAML.
func (s *Service) AssumeRoleWithSAML(ctx context.Context, c *redoubt.Call, in *stsapi.AssumeRoleWithSAMLInput) (*stsapi.AssumeRoleWithSAMLOutput, error) {
	tx := store.From(ctx)
	role, err := parseARN(*in.RoleArn)
	if err != nil {
		return nil, validation("%s is invalid", *in.RoleArn)
	}
	who, err := parseARN(*in.PrincipalArn)
	if err != nil || who.Account != role.Account {
		return nil, validation("%s is invalid", *in.PrincipalArn)
	}
	a, err := s.assertion(tx, who.Account, *in.PrincipalArn, *in.SAMLAssertion)
	if err != nil {
		return nil, err
	}
	if !namesRole(a, *in.RoleArn, *in.PrincipalArn) {
		return nil, denied("Not authorized to perform sts:AssumeRoleWithSAML")
	}
	name := first(a, "RoleSessionName")
	if !sessionName(name) {
		return nil, stsapi.ErrInvalidIdentityTokenException.New("RoleSessionName is required in AuthnResponse")
	}
	friendly := who.Resource[strings.IndexByte(who.Resource, '/')+1:]
	qualifier := sha1.Sum([]byte(a.Issuer + who.Account + "/" + friendly))
	hash := base64.StdEncoding.EncodeToString(qualifier[:])
	session := &redoubt.Session{
		Name: name, Provider: *in.PrincipalArn, SourceIdentity: first(a, "SourceIdentity"), Expires: a.Until,
		Context: map[string]string{"saml:namequalifier": hash, "saml:sub": a.Subject, "saml:sub_type": a.SubjectType},
	}
	introduce(c, role.Account, hash+":"+a.Subject, a.Subject, session)
	n, r, err := s.roleNeed(tx, "sts:AssumeRoleWithSAML", *in.RoleArn)
	if err != nil {
		return nil, err
	}
	n.Conditions["sts:RoleSessionName"] = []string{name}
	n.Conditions["saml:aud"] = []string{a.Recipient}
	n.Conditions["saml:iss"] = []string{a.Issuer}
	n.Conditions["saml:doc"] = []string{who.Account + "/" + friendly}
	n.Conditions["saml:namequalifier"], n.Conditions["saml:sub"], n.Conditions["saml:sub_type"] = []string{hash}, []string{a.Subject}, []string{a.SubjectType}
	personConditions(n.Conditions, a)
	tags, transitive, err := assertedTags(a)
	if err != nil {
		return nil, err
	}
	if err := s.admitted(c, r, n, session, tags, transitive); err != nil {
		return nil, err
	}
	asked := in.DurationSeconds
	if asked == nil {
		if asked, err = assertedDuration(a, r.MaxSession); err != nil {
			return nil, err
		}
	}
	creds, size, p, err := s.federate(tx, r, role.Account, session, in.Policy, in.PolicyArns, asked)
	if err != nil {
		return nil, err
	}
	return &stsapi.AssumeRoleWithSAMLOutput{
		Credentials: creds, AssumedRoleUser: assumed(p), PackedPolicySize: size, Subject: some(a.Subject), SubjectType: some(a.SubjectType),
		Issuer: &a.Issuer, Audience: &a.Recipient, NameQualifier: &hash, SourceIdentity: some(session.SourceIdentity),
	}, nil
}

// assertion verifies a response of a registered provider.
func (s *Service) assertion(tx *store.Tx, account, provider, text string) (*saml.Assertion, error) {
	p, err := s.ids.SAMLProvider(tx, account, provider)
	if missing(err) {
		return nil, stsapi.ErrInvalidIdentityTokenException.New("Specified provider doesn't exist")
	}
	if err != nil {
		return nil, err
	}
	m, err := saml.ParseMetadata([]byte(p.Metadata))
	if err != nil {
		return nil, err
	}
	now := s.wall.Now()
	if !m.ValidUntil.IsZero() && !now.Before(m.ValidUntil) {
		return nil, stsapi.ErrInvalidIdentityTokenException.New("The metadata of the provider has expired")
	}
	x := saml.Expect{
		Metadata: m, Encrypted: p.Encryption == "Required", Audiences: samlAudiences, Recipients: samlRecipients,
		Now: now, MaxAge: redeem, Skew: skew,
	}
	for n := range p.Keys {
		key, err := s.ids.OpenProviderKey(account, p.Name, &p.Keys[n])
		if err != nil {
			return nil, err
		}
		defer clear(key)
		x.Keys = append(x.Keys, key)
	}
	a, err := saml.Verify(text, x)
	switch {
	case errors.Is(err, saml.ErrExpired):
		return nil, with(stsapi.ErrExpiredTokenException.New("Token must be redeemed within 5 minutes of issuance"), err)
	case errors.Is(err, saml.ErrSignature):
		return nil, with(stsapi.ErrInvalidIdentityTokenException.New("Response signature invalid"), err)
	case errors.Is(err, saml.ErrRejected):
		return nil, with(stsapi.ErrIDPRejectedClaimException.New("The SAML assertion was rejected"), err)
	case err != nil:
		return nil, with(stsapi.ErrInvalidIdentityTokenException.New("Invalid base64 SAMLResponse"), err)
	}
	return a, nil
}

// namesRole reports whether the assertion grants the role through the provider:
// one of its Role values names both, in either order.
func namesRole(a *saml.Assertion, role, provider string) bool {
	return slices.ContainsFunc(a.Attributes[samlAttributes+"Role"], func(v string) bool {
		x, y, ok := strings.Cut(v, ",")
		x, y = strings.TrimSpace(x), strings.TrimSpace(y)
		return ok && (x == role && y == provider || x == provider && y == role)
	})
}

// first answers the only value of one of AWS's attributes, empty if it has none.
func first(a *saml.Assertion, name string) string {
	v := a.Attributes[samlAttributes+name]
	if len(v) != 1 {
		return ""
	}
	return v[0]
}

// assertedDuration reads SessionDuration: the session lasts as long as it says,
// up to the role's maximum.
func assertedDuration(a *saml.Assertion, most int32) (*int32, error) {
	v := first(a, "SessionDuration")
	if v == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 900 || n > 43200 {
		return nil, stsapi.ErrInvalidIdentityTokenException.New("SessionDuration must be between 900 and 43200 seconds")
	}
	return new(min(int32(n), most)), nil
}

// assertedTags reads the session tags that an assertion carries.
func assertedTags(a *saml.Assertion) (map[string]string, []string, error) {
	var list []stsapi.Tag
	for name, values := range a.Attributes {
		if k, ok := strings.CutPrefix(name, samlAttributes+"PrincipalTag:"); ok && len(values) == 1 {
			list = append(list, stsapi.Tag{Key: new(k), Value: new(values[0])})
		}
	}
	tags, err := sessionTags(list)
	return tags, a.Attributes[samlAttributes+"TransitiveTagKeys"], err
}

// person are condition keys made of usual attributes: their names and OIDs.
// Source: IAM User Guide, "Available keys for SAML-based AWS STS federation".
var person = map[string]string{
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":                                "saml:eduPersonAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.2":                                "saml:eduPersonNickname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.3":                                "saml:eduPersonOrgDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.4":                                "saml:eduPersonOrgUnitDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.5":                                "saml:eduPersonPrimaryAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.6":                                "saml:eduPersonPrincipalName",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":                                "saml:eduPersonEntitlement",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.8":                                "saml:eduPersonPrimaryOrgUnitDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.9":                                "saml:eduPersonScopedAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.10":                               "saml:eduPersonTargetedID",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.11":                               "saml:eduPersonAssurance",
	"urn:oid:2.5.4.3":                                                 "saml:cn",
	"urn:oid:0.9.2342.19200300.100.1.3":                               "saml:mail",
	"urn:oid:0.9.2342.19200300.100.1.1":                               "saml:uid",
	"urn:oid:2.5.4.42":                                                "saml:givenName",
	"urn:oid:2.5.4.4":                                                 "saml:surname",
	"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname": "saml:givenName",
	"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname":   "saml:surname",
	"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name":      "saml:name",
	"http://schemas.xmlsoap.org/claims/CommonName":                    "saml:commonName",
}

func personConditions(to map[string][]string, a *saml.Assertion) {
	for name, values := range a.Attributes {
		if k, ok := person[name]; ok {
			to[k] = values
		}
	}
}
