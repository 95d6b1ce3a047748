package identity

import "strings"

// Names of IAM are global: ARNs have no region, and one partition.
const arnPrefix = "arn:aws:iam::"

// ARN makes the ARN of a thing with a path: "user", "/division/", "Bob".
func ARN(account, kind, path, name string) string {
	return arnPrefix + account + ":" + kind + path + name
}

// RootARN is the ARN of an account's root user.
func RootARN(account string) string { return arnPrefix + account + ":root" }

// sessionARN is the ARN of an assumed role's session.
func sessionARN(account, role, session string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session
}

// split takes the ARN of a thing with a path apart; ok is false if it is none of
// that kind. The account is one, or "aws": it becomes part of keys in the store,
// and ARNs come from anybody.
func split(arn, kind string) (account, path, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, arnPrefix)
	if !ok {
		return "", "", "", false
	}
	account, rest, ok = strings.Cut(rest, ":")
	if !ok || !IsAccountID(account) && account != "aws" {
		return "", "", "", false
	}
	rest, ok = strings.CutPrefix(rest, kind)
	if !ok || !strings.HasPrefix(rest, "/") {
		return "", "", "", false
	}
	cut := strings.LastIndexByte(rest, '/') + 1
	return account, rest[:cut], rest[cut:], rest[cut:] != ""
}
