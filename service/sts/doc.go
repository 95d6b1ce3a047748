// Package sts is AWS Security Token Service: it turns proofs of identity into
// sessions. The sessions themselves are engine/identity's; what stands here is
// who may have one, for how long and with what in it.
//
// # Life of an AssumeRole
//
//  1. The row's needs read the role: its trust policy must admit the caller, the
//     caller's account must too (Strict), and the request's session name, external
//     id, source identity and tags are condition keys. Tags take sts:TagSession and
//     a source identity sts:SetSourceIdentity besides. A code of an MFA device is
//     checked here, so that aws:MultiFactorAuthPresent is true for the decision. A
//     role that does not exist is stated without a policy: it refuses like one that
//     does not trust the caller.
//  2. AssumeRole holds the duration against the role's maximum, and against one
//     hour where a role's session assumes the next role; checks session policies;
//     lays tags over those that the calling session hands on.
//  3. identity.Issue seals all of that into a token. Nothing is stored.
//
// # Invariants
//
//   - What a token carries was decided once; what its session may do is decided at
//     every call.
//   - Tokens, secrets and codes are in no list of recorded members.
//   - A web identity or SAML assertion is believed only after its signature was
//     verified with keys of a provider that the role's account registered.
//
// Refused: contexts of IAM Identity Center, access tokens of Facebook and Amazon,
// and delegated access tokens, none of which can be verified outside of AWS.
package sts
