package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestUserLifecycle(t *testing.T) {
	_, c := start(t)
	made := must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob"), Path: new("/team/"), Tags: []types.Tag{{Key: new("b"), Value: new("2")}, {Key: new("a"), Value: new("")}}}))(t).User
	if *made.Arn != "arn:aws:iam::123456789012:user/team/bob" || !strings.HasPrefix(*made.UserId, "AIDA") || len(*made.UserId) != 21 || *made.Tags[0].Key != "b" {
		t.Errorf("%+v", made)
	}
	got := must(c.GetUser(ctx, &iam.GetUserInput{UserName: new("bob")}))(t).User
	if *got.UserId != *made.UserId || len(got.Tags) != 2 || *got.Tags[0].Key != "a" || got.PasswordLastUsed != nil {
		t.Errorf("%+v", got)
	}
	_, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("BOB")})
	refused(t, err, 409, "EntityAlreadyExists", "User with name BOB already exists.")
	list := must(c.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: new("/te")}))(t)
	if len(list.Users) != 1 || list.Users[0].Tags != nil || list.IsTruncated {
		t.Errorf("%+v", list)
	}
	must(c.UpdateUser(ctx, &iam.UpdateUserInput{UserName: new("bob"), NewUserName: new("rob"), NewPath: new("/")}))(t)
	_, err = c.GetUser(ctx, &iam.GetUserInput{UserName: new("bob")})
	refused(t, err, 404, "NoSuchEntity", "The user with name bob cannot be found.")
	must(c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("rob")}))(t)
	_, err = c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("rob")})
	refused(t, err, 404, "NoSuchEntity", "The user with name rob cannot be found.")
}

func TestPages(t *testing.T) {
	_, c := start(t)
	for n := range 5 {
		must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new(fmt.Sprint("u", n)), Path: new("/p/")}))(t)
	}
	var names []string
	var marker *string
	for {
		p := must(c.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: new("/p/"), MaxItems: new(int32(2)), Marker: marker}))(t)
		for _, u := range p.Users {
			names = append(names, *u.UserName)
		}
		if p.IsTruncated != (p.Marker != nil) {
			t.Errorf("truncated %v, marker %v", p.IsTruncated, p.Marker)
		}
		if marker = p.Marker; marker == nil {
			break
		}
	}
	if strings.Join(names, " ") != "u0 u1 u2 u3 u4" {
		t.Error(names)
	}
	_, err := c.ListUsers(ctx, &iam.ListUsersInput{Marker: new("nonsense")})
	refused(t, err, 400, "ValidationError", "Invalid Marker.")
}

func TestTagsOfUsersIgnoreCase(t *testing.T) {
	_, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	_, err := c.TagUser(ctx, &iam.TagUserInput{UserName: new("bob"), Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("A"), Value: new("2")}}})
	refused(t, err, 400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	for _, k := range []string{"Team", "TEAM"} {
		must(c.TagUser(ctx, &iam.TagUserInput{UserName: new("bob"), Tags: []types.Tag{{Key: new(k), Value: new(k)}}}))(t)
	}
	tags := must(c.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: new("bob")}))(t).Tags
	if len(tags) != 1 || *tags[0].Key != "TEAM" {
		t.Errorf("%+v", tags)
	}
	// Those of policies differ byte by byte.
	p := must(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("p"), PolicyDocument: new(listBuckets), Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("A"), Value: new("2")}}}))(t).Policy
	if len(p.Tags) != 2 || *p.Tags[0].Key != "a" {
		t.Errorf("%+v", p.Tags)
	}
}

func TestAccessKeys(t *testing.T) {
	s, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	k := must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t).AccessKey
	if !strings.HasPrefix(*k.AccessKeyId, "AKIA") || len(*k.AccessKeyId) != 20 || len(*k.SecretAccessKey) != 40 || k.Status != "Active" {
		t.Errorf("%+v", k)
	}
	bob := sts.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, ""))
	if id := must(bob.GetCallerIdentity(ctx, nil))(t); *id.Arn != "arn:aws:iam::123456789012:user/bob" || *id.Account != "123456789012" {
		t.Errorf("%+v", id)
	}
	must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t)
	_, err := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")})
	refused(t, err, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	must(c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: new("bob"), AccessKeyId: k.AccessKeyId, Status: "Inactive"}))(t)
	_, err = bob.GetCallerIdentity(ctx, nil)
	refused(t, err, 403, "InvalidClientTokenId", "")
	_, err = c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: new("bob"), AccessKeyId: new("AKIAIOSFODNN7EXAMPLE"), Status: "Inactive"})
	refused(t, err, 404, "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.")
	_, err = c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: new("AKIAIOSFODNN7EXAMPLE")})
	refused(t, err, 403, "AccessDenied", "")
	last := must(c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId}))(t)
	if *last.UserName != "bob" || *last.AccessKeyLastUsed.ServiceName != "N/A" || last.AccessKeyLastUsed.LastUsedDate != nil {
		t.Errorf("%+v", last.AccessKeyLastUsed)
	}
	_, err = c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("bob")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
}

func TestUsersMayDoWhatPoliciesAllow(t *testing.T) {
	s, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob"), Tags: []types.Tag{{Key: new("team"), Value: new("red")}}}))(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("eve"), Tags: []types.Tag{{Key: new("team"), Value: new("blue")}}}))(t)
	k := must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t).AccessKey
	bob := iam.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, ""))
	_, err := bob.GetUser(ctx, &iam.GetUserInput{})
	refused(t, err, 403, "AccessDenied", "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: iam:GetUser on resource: user bob because no identity-based policy allows the iam:GetUser action")
	_, err = bob.GetUser(ctx, &iam.GetUserInput{UserName: new("nobody")})
	refused(t, err, 403, "AccessDenied", "")
	_, err = bob.ListUsers(ctx, &iam.ListUsersInput{})
	refused(t, err, 403, "AccessDenied", "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::123456789012:user/ because no identity-based policy allows the iam:ListUsers action")
	must(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("bob"), PolicyName: new("own"), PolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"${aws:PrincipalTag/team}"}}},
		{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}}]}`)}))(t)
	if u := must(bob.GetUser(ctx, &iam.GetUserInput{}))(t).User; *u.UserName != "bob" {
		t.Errorf("%+v", u)
	}
	_, err = bob.GetUser(ctx, &iam.GetUserInput{UserName: new("eve")})
	refused(t, err, 403, "AccessDenied", "")
	must(bob.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: new("eve"), PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")}))(t)
	_, err = bob.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: new("eve"), PolicyArn: new("arn:aws:iam::aws:policy/AdministratorAccess")})
	refused(t, err, 403, "AccessDenied", "")
	// A boundary is the edge, whatever else is attached.
	must(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: new("bob"), PolicyArn: new("arn:aws:iam::aws:policy/AdministratorAccess")}))(t)
	must(bob.ListUsers(ctx, &iam.ListUsersInput{}))(t)
	must(c.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: new("bob"), PermissionsBoundary: new("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")}))(t)
	_, err = bob.ListUsers(ctx, &iam.ListUsersInput{})
	refused(t, err, 403, "AccessDenied", "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::123456789012:user/ because no permissions boundary allows the iam:ListUsers action")
	b := must(c.GetUser(ctx, &iam.GetUserInput{UserName: new("bob")}))(t).User.PermissionsBoundary
	if b == nil || *b.PermissionsBoundaryArn != "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" || b.PermissionsBoundaryType != "Policy" {
		t.Errorf("%+v", b)
	}
}

func TestGroups(t *testing.T) {
	s, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	k := must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t).AccessKey
	bob := iam.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, ""))
	g := must(c.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: new("devs")}))(t).Group
	if *g.Arn != "arn:aws:iam::123456789012:group/devs" || !strings.HasPrefix(*g.GroupId, "AGPA") {
		t.Errorf("%+v", g)
	}
	must(c.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: new("devs"), PolicyArn: new("arn:aws:iam::aws:policy/IAMReadOnlyAccess")}))(t)
	for range 2 { // joining again changes nothing
		must(c.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: new("devs"), UserName: new("bob")}))(t)
	}
	must(bob.ListUsers(ctx, &iam.ListUsersInput{}))(t)
	if m := must(c.GetGroup(ctx, &iam.GetGroupInput{GroupName: new("devs")}))(t); len(m.Users) != 1 || *m.Users[0].UserName != "bob" {
		t.Errorf("%+v", m)
	}
	_, err := c.DeleteGroup(ctx, &iam.DeleteGroupInput{GroupName: new("devs")})
	refused(t, err, 409, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	_, err = c.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: new("none"), UserName: new("nobody")})
	refused(t, err, 404, "NoSuchEntity", "The user with name nobody cannot be found.")
	for range 2 {
		must(c.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: new("devs"), UserName: new("bob")}))(t)
	}
	_, err = bob.ListUsers(ctx, &iam.ListUsersInput{})
	refused(t, err, 403, "AccessDenied", "")
	_, err = c.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{GroupName: new("devs"), PolicyName: new("p")})
	refused(t, err, 404, "NoSuchEntity", "The group policy with name p cannot be found.")
}

func TestLoginProfiles(t *testing.T) {
	_, c := start(t)
	_, err := c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: new("nobody"), Password: new("Abcdef12!")})
	refused(t, err, 404, "NoSuchEntity", "The user with name nobody cannot be found.")
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	_, err = c.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: new("bob")})
	refused(t, err, 404, "NoSuchEntity", "Login Profile for User bob cannot be found.")
	l := must(c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: new("bob"), Password: new("Abcdef12!")}))(t).LoginProfile
	if *l.UserName != "bob" || l.PasswordResetRequired {
		t.Errorf("%+v", l)
	}
	_, err = c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: new("bob"), Password: new("Abcdef12!")})
	refused(t, err, 409, "EntityAlreadyExists", "Login Profile for user bob already exists.")
	_, err = c.UpdateLoginProfile(ctx, &iam.UpdateLoginProfileInput{UserName: new("bob"), Password: new("weak")})
	refused(t, err, 400, "PasswordPolicyViolation", "")
	must(c.UpdateLoginProfile(ctx, &iam.UpdateLoginProfileInput{UserName: new("bob"), PasswordResetRequired: new(true)}))(t)
	if !must(c.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: new("bob")}))(t).LoginProfile.PasswordResetRequired {
		t.Error("no reset required")
	}
	must(c.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: new("bob")}))(t)
}

func TestPasswordPolicy(t *testing.T) {
	_, c := start(t)
	_, err := c.GetAccountPasswordPolicy(ctx, nil)
	refused(t, err, 404, "NoSuchEntity", "The Password Policy with domain name 123456789012 cannot be found.")
	_, err = c.DeleteAccountPasswordPolicy(ctx, nil)
	refused(t, err, 404, "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
	must(c.UpdateAccountPasswordPolicy(ctx, &iam.UpdateAccountPasswordPolicyInput{}))(t)
	p := must(c.GetAccountPasswordPolicy(ctx, nil))(t).PasswordPolicy
	if *p.MinimumPasswordLength != 6 || p.ExpirePasswords || p.MaxPasswordAge != nil || p.HardExpiry != nil || p.PasswordReusePrevention != nil {
		t.Errorf("%+v", p)
	}
	must(c.UpdateAccountPasswordPolicy(ctx, &iam.UpdateAccountPasswordPolicyInput{MaxPasswordAge: new(int32(60)), HardExpiry: new(true), MinimumPasswordLength: new(int32(20))}))(t)
	if p = must(c.GetAccountPasswordPolicy(ctx, nil))(t).PasswordPolicy; !p.ExpirePasswords || *p.MaxPasswordAge != 60 || !*p.HardExpiry {
		t.Errorf("%+v", p)
	}
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	_, err = c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: new("bob"), Password: new("Abcdef12!")})
	refused(t, err, 400, "PasswordPolicyViolation", "")
}

func TestLastUseIsKnownInTheEnd(t *testing.T) {
	s, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	k := must(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("bob")}))(t).AccessKey
	must(sts.NewFromConfig(s.Admin.With("eu-west-1", *k.AccessKeyId, *k.SecretAccessKey, "")).GetCallerIdentity(ctx, nil))(t)
	var last *iam.GetAccessKeyLastUsedOutput
	for range 100 {
		s.Clock.Advance(time.Minute) // usage is written twice a minute
		last = must(c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId}))(t)
		if last.AccessKeyLastUsed.LastUsedDate != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if *last.AccessKeyLastUsed.ServiceName != "sts" || *last.AccessKeyLastUsed.Region != "eu-west-1" {
		t.Errorf("%+v", last.AccessKeyLastUsed)
	}
}
