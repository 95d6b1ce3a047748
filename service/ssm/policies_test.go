package ssm_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

func with(policies string) func(*ssm.PutParameterInput) {
	return func(in *ssm.PutParameterInput) { in.Policies = &policies }
}

func expires(at time.Time) string {
	return `{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"` + at.UTC().Format("2006-01-02T15:04:05.000Z") + `"}}`
}

const (
	anHourBefore  = `{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"1","Unit":"Hours"}}`
	twoDaysNoNews = `{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"2","Unit":"Days"}}`
)

// standing waits until the policies of a parameter stand as they should.
func (s *suite) standing(name, want string) {
	s.Helper()
	redoubttest.Eventually(s, func() error {
		text := ""
		for _, p := range s.describe(name).Policies {
			text += *p.PolicyType + "=" + *p.PolicyStatus + " "
		}
		if text != want {
			return fmt.Errorf("policies: got %s, want %s", text, want)
		}
		return nil
	})
}

func policies(s *suite) {
	start := s.Clock.Now()
	out := s.put("/e/x", "short life", intelligent, with("["+expires(start.Add(72*time.Hour))+","+anHourBefore+","+twoDaysNoNews+"]"))
	s.equal("tier", out.Tier, "Advanced")
	s.standing("/e/x", "Expiration=Pending ExpirationNotification=Pending NoChangeNotification=Pending ")
	s.equal("text", *s.describe("/e/x").Policies[1].PolicyText, anHourBefore)
	s.Clock.Advance(40 * time.Hour)
	s.put("/e/x", "changed", overwrite) // waits for news anew; the expiration stays
	s.Clock.Advance(31*time.Hour + 30*time.Minute)
	s.standing("/e/x", "Expiration=Pending ExpirationNotification=Finished NoChangeNotification=Pending ")
	s.Clock.Advance(time.Hour)
	redoubttest.Eventually(s, func() error {
		if _, err := s.tryGet("/e/x", false); err == nil {
			return errors.New("still there")
		}
		return nil
	})
	_, err := s.tryGet("/e/x", false)
	s.refused(err, "ParameterNotFound", "*")

	s.put("/e/y", "stale", advanced, with("["+twoDaysNoNews+"]"))
	s.Clock.Advance(48 * time.Hour)
	s.standing("/e/y", "NoChangeNotification=Finished ")
	s.put("/e/y", "fresh", overwrite)
	s.standing("/e/y", "NoChangeNotification=Pending ")
	s.Clock.Advance(48 * time.Hour)
	s.standing("/e/y", "NoChangeNotification=Finished ")
	s.put("/e/y", "free", overwrite, with("[{}]"))
	s.standing("/e/y", "")
}

func badPolicies(s *suite) {
	later := expires(s.Clock.Now().Add(time.Hour))
	one := func(kind, version, attributes string) string {
		return `[{"Type":"` + kind + `","Version":"` + version + `","Attributes":{` + attributes + `}}]`
	}
	const attribute = "InvalidPolicyAttributeException"
	for _, x := range []struct{ text, code, message string }{
		{"not json", "ValidationException", "Invalid policies input: not json."},
		{`{"Type":"x"}`, "ValidationException", `Invalid policies input: {"Type":"x"}.`},
		{`[{"Type":"Ex"}]`, "InvalidPolicyTypeException", "Policy type Ex is not supported."},
		{`[{"Type":"Expiration","Version":"1.0"}]`, attribute, "Mandatory policy attribute Attributes is missing."},
		{one("Expiration", "2.0", `"Timestamp":"2099-01-01T00:00:00Z"`), attribute, "Unsupported policy version."},
		{one("Expiration", "1.0", ""), attribute, "A valid Expiration policy must have an attribute of Timestamp."},
		{one("Expiration", "1.0", `"Timestamp":"tomorrow"`), attribute, "Invalid timestamp format"},
		{one("Expiration", "1.0", `"Timestamp":"2001-01-01T00:00:00Z"`), attribute, "*"},
		{one("NoChangeNotification", "1.0", `"Unit":"Days"`), attribute, "Mandatory policy attribute After is missing."},
		{one("NoChangeNotification", "1.0", `"After":"1"`), attribute, "Mandatory policy attribute Unit is missing."},
		{one("ExpirationNotification", "1.0", `"Before":0,"Unit":"Days"`), attribute, "Attribute Before must be a positive integer."},
		{one("NoChangeNotification", "1.0", `"After":"x","Unit":"Days"`), attribute, "Attribute After must be a positive integer."},
		{one("NoChangeNotification", "1.0", `"After":"1","Unit":"Minutes"`), attribute, "Supported time units: DAYS HOURS"},
		{"[" + later + "," + later + "]", "IncompatiblePolicyException", "There can be only one expiration policy"},
		{"[" + anHourBefore + "]", "IncompatiblePolicyException", "Expiration notification policies are missing expiration policy"},
		{"[" + strings.TrimSuffix(strings.Repeat(twoDaysNoNews+",", 11), ",") + "]", "PoliciesLimitExceededException", "Number of policies attached to a parameter cannot exceed 10"},
	} {
		_, err := s.tryPut("/bad/p", "x", advanced, with(x.text))
		s.refused(err, x.code, x.message)
	}
	_, err := s.tryPut("/bad/p", "x", with("["+later+"]"))
	s.refused(err, "ValidationException", "You can't assign parameter policies to a standard-parameter tier.")
	s.put("/bad/number", "x", advanced, with(one("NoChangeNotification", "1.0", `"After":2,"Unit":"DAYS"`)))
}

// shares: an advanced parameter, read from another account by its ARN.
func shares(s *suite) {
	other := s.as(s.NewAccount(s))
	k, err := s.kms.CreateKey(s.ctx, &kms.CreateKeyInput{})
	s.must(err)
	s.put("/shared/x", "for you", advanced, secure, key(*k.KeyMetadata.Arn))
	arn := s.arn("/shared/x")
	_, err = other.tryGet(arn, true)
	s.refused(err, "AccessDeniedException", "*")
	grant := func(actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + other.account.ID + `"},"Action":[` + actions + `],"Resource":"` + arn + `"}]}`
	}
	put, err := s.ssm.PutResourcePolicy(s.ctx, &ssm.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(grant(`"ssm:GetParameter","ssm:GetParameters"`))})
	s.must(err)
	_, err = other.tryGet(arn, false)
	s.must(err)
	_, err = other.tryGet(arn, true) // the key is not shared yet
	s.refused(err, "AccessDeniedException", "*")
	_, err = s.kms.CreateGrant(s.ctx, &kms.CreateGrantInput{KeyId: k.KeyMetadata.KeyId, GranteePrincipal: aws.String("arn:aws:iam::" + other.account.ID + ":user/admin"), Operations: []kmstypes.GrantOperation{"Decrypt"}})
	s.must(err)
	p := other.get(arn)
	s.equal("shared", []string{*p.Value, *p.ARN}, []string{"for you", arn})
	batch, err := other.ssm.GetParameters(s.ctx, &ssm.GetParametersInput{Names: []string{arn}, WithDecryption: aws.Bool(true)})
	s.must(err)
	s.equal("batch", len(batch.Parameters), 1)
	_, err = other.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: &arn})
	s.refused(err, "AccessDeniedException", "*")
	_, err = other.user("weak", "").tryGet(arn, false)
	s.refused(err, "AccessDeniedException", "*") // the other account must allow it too
	_, err = other.ssm.PutResourcePolicy(s.ctx, &ssm.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(grant(`"ssm:*"`))})
	s.refused(err, "AccessDeniedException", "*")

	// A second policy adds to the first.
	_, err = s.ssm.PutResourcePolicy(s.ctx, &ssm.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(grant(`"ssm:GetParameterHistory"`))})
	s.must(err)
	_, err = other.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: &arn, WithDecryption: aws.Bool(true)})
	s.must(err)
	list, err := s.ssm.GetResourcePolicies(s.ctx, &ssm.GetResourcePoliciesInput{ResourceArn: &arn, MaxResults: aws.Int32(1)})
	s.must(err)
	if len(list.Policies) != 1 || list.NextToken == nil || *list.Policies[0].PolicyId != *put.PolicyId || *list.Policies[0].PolicyHash != *put.PolicyHash {
		s.Errorf("%+v", list)
	}
	list, err = s.ssm.GetResourcePolicies(s.ctx, &ssm.GetResourcePoliciesInput{ResourceArn: &arn, NextToken: list.NextToken})
	s.must(err)
	s.equal("second page", fmt.Sprint(len(list.Policies), list.NextToken == nil), "1 true")

	// Replaced, and taken away, by id and hash.
	update := &ssm.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(grant(`"ssm:GetParameters"`)), PolicyId: put.PolicyId, PolicyHash: aws.String("old")}
	_, err = s.ssm.PutResourcePolicy(s.ctx, update)
	s.refused(err, "ResourcePolicyConflictException", "*")
	update.PolicyHash = put.PolicyHash
	again, err := s.ssm.PutResourcePolicy(s.ctx, update)
	s.must(err)
	_, err = other.tryGet(arn, false)
	s.refused(err, "AccessDeniedException", "*")
	_, err = s.ssm.DeleteResourcePolicy(s.ctx, &ssm.DeleteResourcePolicyInput{ResourceArn: &arn, PolicyId: put.PolicyId, PolicyHash: put.PolicyHash})
	s.refused(err, "ResourcePolicyConflictException", "*")
	_, err = s.ssm.DeleteResourcePolicy(s.ctx, &ssm.DeleteResourcePolicyInput{ResourceArn: &arn, PolicyId: again.PolicyId, PolicyHash: again.PolicyHash})
	s.must(err)
	_, err = other.ssm.GetParameters(s.ctx, &ssm.GetParametersInput{Names: []string{arn}})
	s.refused(err, "AccessDeniedException", "*")
	// What is made anew under the name is not shared.
	_, err = s.ssm.DeleteParameter(s.ctx, &ssm.DeleteParameterInput{Name: aws.String("/shared/x")})
	s.must(err)
	s.put("/shared/x", "mine", advanced)
	_, err = other.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: &arn})
	s.refused(err, "AccessDeniedException", "*")
}

func badShares(s *suite) {
	s.put("/b/std", "x")
	s.put("/b/adv", "x", advanced)
	put := func(name, policy string) error {
		_, err := s.ssm.PutResourcePolicy(s.ctx, &ssm.PutResourcePolicyInput{ResourceArn: aws.String(s.arn(name)), Policy: &policy})
		return err
	}
	statement := func(principal string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"ssm:GetParameter","Resource":"` + s.arn("/b/adv") + `"}]}`
	}
	fine := statement(`{"AWS":"` + s.account.ID + `"}`)
	s.refused(put("/b/std", fine), "ResourcePolicyInvalidParameterException", "*")
	s.refused(put("/b/none", fine), "ResourceNotFoundException", "*")
	s.refused(put("/b/adv", "nonsense"), "MalformedResourcePolicyDocumentException", "*")
	s.refused(put("/b/adv", statement(`"*"`)), "MalformedResourcePolicyDocumentException", "*")
	s.refused(put("/b/adv", statement(`{"AWS":"arn:aws:iam::`+s.account.ID+`:user/nobody"}`)), "MalformedResourcePolicyDocumentException", "*")
	s.refused(put("/b/adv", strings.Replace(fine, "{", "{"+strings.Repeat(" ", 1100), 1)), "ResourcePolicyLimitExceededException", "*")
	_, err := s.ssm.DeleteResourcePolicy(s.ctx, &ssm.DeleteResourcePolicyInput{ResourceArn: aws.String(s.arn("/b/adv")), PolicyId: aws.String("x"), PolicyHash: aws.String("y")})
	s.refused(err, "ResourcePolicyNotFoundException", "*")
	_, err = s.ssm.GetResourcePolicies(s.ctx, &ssm.GetResourcePoliciesInput{ResourceArn: aws.String("arn:aws:s3:::some-bucket-here")})
	s.refused(err, "ResourcePolicyInvalidParameterException", "*")
}
