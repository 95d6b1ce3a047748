// Package iam is AWS Identity and Access Management: the room in which users,
// groups, roles, policies and providers are made and read. The records and their
// rules are engine/identity's; what stands here is AWS's shapes, its wording and
// what a call needs.
//
// # Life of an AttachUserPolicy
//
//  1. The front door decodes the request and asks the row's needs: subject looks
//     up the user, so that policies see its tags, its ARN with its path, and
//     iam:PermissionsBoundary; the policy's ARN becomes iam:PolicyARN. A user that
//     does not exist is stated by the ARN that it would have.
//  2. When everything is allowed, AttachUserPolicy checks the form of the ARN and
//     calls identity.Attach in the call's transaction.
//  3. What identity refuses, fail (errors.go) words as IAM does.
//  4. The front door commits the attachment together with its audit event; from
//     then on every call of the user is decided with it.
//
// # Invariants
//
//   - A policy is parsed before it is written; a trust policy's principals exist.
//   - Secrets, passwords, seeds, codes and private keys appear in no list of
//     recorded members (operations.go).
//   - Callers with credentials of GetSessionToken without MFA, or of
//     GetFederationToken, reach nothing here, as in AWS.
//
// Refused: delegation requests, which need partners registered with AWS, and
// Organizations access reports.
package iam
