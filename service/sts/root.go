package sts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// rootTasks are what a management account may do as the root user of a member,
// by the names of AWS's task policies, with the actions that each admits.
// Source: IAM User Guide, "Perform a privileged task on a member account".
var rootTasks = map[string][]string{
	"IAMAuditRootUserCredentials":  {"iam:GetUser", "iam:GetLoginProfile", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:ListSigningCertificates", "iam:ListMFADevices", "iam:GetAccountSummary"},
	"IAMCreateRootUserPassword":    {"iam:CreateLoginProfile", "iam:GetLoginProfile"},
	"IAMDeleteRootUserCredentials": {"iam:GetUser", "iam:GetLoginProfile", "iam:DeleteLoginProfile", "iam:ListAccessKeys", "iam:DeleteAccessKey", "iam:ListSigningCertificates", "iam:DeleteSigningCertificate", "iam:ListMFADevices", "iam:DeactivateMFADevice", "iam:DeleteVirtualMFADevice"},
	"S3UnlockBucketPolicy":         {"s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:ListAllMyBuckets"},
	"SQSUnlockQueuePolicy":         {"sqs:SetQueueAttributes", "sqs:GetQueueAttributes", "sqs:ListQueues", "sqs:GetQueueUrl"},
}

const rootTaskPrefix = "arn:aws:iam::aws:policy/root-task/"

// rootSession is how long a session as root may last.
const rootSession = 15 * time.Minute

// target answers the account that a TargetPrincipal names, by number or root ARN.
func target(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "arn:aws:iam::"), ":root")
	if !identity.IsAccountID(s) {
		return ""
	}
	return s
}

func needsAssumeRoot(_ context.Context, _ *redoubt.Call, in *stsapi.AssumeRootInput) ([]redoubt.Need, error) {
	account := target(*in.TargetPrincipal)
	if account == "" {
		return nil, validation("%s is invalid", *in.TargetPrincipal)
	}
	return []redoubt.Need{{
		// The account does not take part: trust is the organization's.
		Action: "sts:AssumeRoot", Resource: identity.RootARN(account),
		Conditions: map[string][]string{"sts:TaskPolicyArn": {str(in.TaskPolicyArn.Arn)}},
	}}, nil
}

// AssumeRoot implements sts:AssumeRoot: for management accounts that have turned
// it on, over members of their organization, one task at a time.
func (s *Service) AssumeRoot(ctx context.Context, c *redoubt.Call, in *stsapi.AssumeRootInput) (*stsapi.AssumeRootOutput, error) {
	tx := store.From(ctx)
	account := target(*in.TargetPrincipal)
	refused := denied("User: %s is not authorized to perform: sts:AssumeRoot on resource: %s", c.Principal.ARN, identity.RootARN(account))
	if c.Principal.Kind == redoubt.Root {
		return nil, refused
	}
	own, err := s.ids.Member(tx, c.Account)
	if err != nil {
		return nil, err
	}
	theirs, err := s.ids.Member(tx, account)
	if err != nil {
		return nil, err
	}
	if own == nil || theirs == nil || !own.Management || theirs.Management || own.Org.ID != theirs.Org.ID {
		return nil, refused
	}
	on, err := s.ids.Features(tx, own.Org.ID)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(on, identity.RootSessions) {
		return nil, refused
	}
	task, ok := strings.CutPrefix(str(in.TaskPolicyArn.Arn), rootTaskPrefix)
	actions, known := rootTasks[task]
	if !ok || !known {
		return nil, validation("%s is not a task policy", str(in.TaskPolicyArn.Arn))
	}
	d := rootSession
	if in.DurationSeconds != nil {
		d = min(d, time.Duration(*in.DurationSeconds)*time.Second)
	}
	p := identity.RootPrincipal(account)
	p.Session = &redoubt.Session{Policies: []string{fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"}]}`, strings.Join(actions, `","`))}}
	if caller := c.Principal.Session; caller != nil {
		p.Session.SourceIdentity = caller.SourceIdentity
	}
	s.times(p.Session, d)
	creds, err := s.issue(&p)
	return &stsapi.AssumeRootOutput{Credentials: creds, SourceIdentity: some(p.Session.SourceIdentity)}, err
}
