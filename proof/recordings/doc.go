// Package recordings replays what was recorded of AWS: for each answer its HTTP
// status, error code, wording and exactly the fields that it carries. Requests
// are made by hand and signed, answers are read as they came, so that nothing
// that a client would add or drop is in between.
//
// A fact is one answer of one call. Its source stands above it: LS is
// github.com/localstack/localstack, tests/aws/services, by file and test;
// MOTO is github.com/getmoto/moto, tests marked as verified against AWS; TF is
// github.com/hashicorp/terraform-provider-aws, internal/service; PREFLIGHT is
// github.com/badmintoncryer/cdk-preflight, rules, by rule, whose deployments failed; "owner/name issue
// 1" is what somebody quotes of AWS in an issue on GitHub. Only the facts are
// theirs, the scenarios are written here.
//
// Answers of S3 are held against their facts header by header: what is not among
// those of a fact must not be there.
//
// # Non-goals
//
// What AWS documents but nobody recorded is each room's own to test.
package recordings
