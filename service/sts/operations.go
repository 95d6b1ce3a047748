package sts

import (
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations is the contents page. Session tokens, secrets, codes, identity
// tokens and assertions are in no list of recorded members.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &stsapi.Model, Operations: []op.Operation{
		op.Row(stsapi.OpAssumeRole, s.AssumeRole, s.needsAssumeRole).
			Records("RoleArn", "RoleSessionName", "PolicyArns", "Policy", "DurationSeconds", "Tags", "TransitiveTagKeys", "ExternalId", "SerialNumber", "SourceIdentity").
			Answers("Credentials.AccessKeyId", "Credentials.Expiration", "AssumedRoleUser", "PackedPolicySize", "SourceIdentity"),
		op.RowNoAuth(stsapi.OpAssumeRoleWithSAML, s.AssumeRoleWithSAML).
			Records("RoleArn", "PrincipalArn", "PolicyArns", "Policy", "DurationSeconds").
			Answers("Credentials.AccessKeyId", "Credentials.Expiration", "AssumedRoleUser", "PackedPolicySize", "Subject", "SubjectType", "Issuer", "Audience", "NameQualifier", "SourceIdentity"),
		op.RowNoAuth(stsapi.OpAssumeRoleWithWebIdentity, s.AssumeRoleWithWebIdentity).
			Records("RoleArn", "RoleSessionName", "ProviderId", "PolicyArns", "Policy", "DurationSeconds").
			Answers("Credentials.AccessKeyId", "Credentials.Expiration", "SubjectFromWebIdentityToken", "AssumedRoleUser", "PackedPolicySize", "Provider", "Audience", "SourceIdentity"),
		op.Row(stsapi.OpAssumeRoot, s.AssumeRoot, needsAssumeRoot).
			Records("TargetPrincipal", "TaskPolicyArn", "DurationSeconds").
			Answers("Credentials.AccessKeyId", "Credentials.Expiration", "SourceIdentity"),
		op.Row(stsapi.OpDecodeAuthorizationMessage, s.DecodeAuthorizationMessage, needsNothing[stsapi.DecodeAuthorizationMessageInput]),
		op.Row(stsapi.OpGetAccessKeyInfo, s.GetAccessKeyInfo, needsNothing[stsapi.GetAccessKeyInfoInput]).Records("AccessKeyId").Answers("Account"),
		op.RowNoPermission(stsapi.OpGetCallerIdentity, s.GetCallerIdentity),
		op.Row(stsapi.OpGetFederationToken, s.GetFederationToken, needsFederation).
			Records("Name", "Policy", "PolicyArns", "DurationSeconds", "Tags").
			Answers("Credentials.AccessKeyId", "Credentials.Expiration", "FederatedUser", "PackedPolicySize"),
		op.RowNoPermission(stsapi.OpGetSessionToken, s.GetSessionToken).
			Records("DurationSeconds", "SerialNumber").
			Answers("Credentials.AccessKeyId", "Credentials.Expiration"),
		op.Row(stsapi.OpGetWebIdentityToken, s.GetWebIdentityToken, needsWebIdentityToken).
			Records("Audience", "DurationSeconds", "SigningAlgorithm", "Tags").Answers("Expiration"),
	}}
}
