package ssm_test

import (
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cttypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// article follows the article's snippets: S11 to S16.
func article(s *suite) {
	host, pass := "/myapp/database/host", "/myapp/database/password"
	out := s.put(host, "db.example.com")
	s.equal("S11", []any{out.Version, out.Tier}, []any{1, "Standard"})
	_, err := s.tryPut(host, "x")
	s.refused(err, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")

	s.put(pass, "MySecurePassword123!", secure, key("alias/aws/ssm"))
	s.equal("S13", *s.get(pass).Value, "MySecurePassword123!")
	blind, err := s.tryGet(pass, false)
	s.must(err)
	if strings.Contains(*blind.Value, "MySecure") || len(*blind.Value) < 100 {
		s.Errorf("S13 without decryption: %s", *blind.Value)
	}
	s.equal("S14", s.below("/myapp/database", true), host+" "+pass)
	s.equal("S14, one level", s.below("/myapp", false), "")

	s.equal("S15", s.put(host, "newdb.example.com", overwrite).Version, 2)
	s.equal("S15, now", *s.get(host).Value, "newdb.example.com")
	s.equal("S15, before", *s.get(host + ":1").Value, "db.example.com")

	_, err = s.ssm.DeleteParameter(s.ctx, &ssm.DeleteParameterInput{Name: &pass})
	s.must(err)
	_, err = s.tryGet(pass, true)
	s.refused(err, "ParameterNotFound", "")
	_, err = s.ssm.DeleteParameter(s.ctx, &ssm.DeleteParameterInput{Name: &pass})
	s.refused(err, "ParameterNotFound", "*")
	s.equal("S16", s.put(pass, "again", secure).Version, 1)
}

func names(s *suite) {
	const text = `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path`
	for name, want := range map[string]struct{ code, message string }{
		"a b":                           {"ValidationException", text},
		"a@b":                           {"ValidationException", text},
		"/a//b":                         {"ValidationException", text},
		"/a/":                           {"ValidationException", "Parameter name must not end with slash."},
		"/":                             {"ValidationException", text},
		"a:1":                           {"ValidationException", text},
		"/ssm/x":                        {"ValidationException", text},
		"/SSMx/y":                       {"ValidationException", text},
		"ssmx":                          {"ValidationException", `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`},
		"AWSx":                          {"ValidationException", `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`},
		"/aws/x":                        {"AccessDeniedException", "No access to reserved parameter name: /aws/x."},
		"a/b":                           {"ValidationException", "Parameter name must be a fully qualified name."},
		s.arn("/a"):                     {"ValidationException", "*"},
		"/" + strings.Repeat("n", 1000): {"AccessDeniedException", "*"},
		strings.Repeat("/a", 16):        {"HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels."},
	} {
		_, err := s.tryPut(name, "x")
		s.refused(err, want.code, want.message)
	}
	s.put(strings.Repeat("/a", 15), "deep")
	s.put("  /blanks/around  ", "x")
	s.equal("blanks around", *s.get(" /blanks/around ").Name, "/blanks/around")

	// Without a hierarchy, the slash of the root makes no difference.
	s.put("flat", "1")
	_, err := s.tryPut("/flat", "2")
	s.refused(err, "ParameterAlreadyExists", "*")
	s.equal("name as asked", *s.get("/flat").Name, "/flat")
	s.equal("ARN", *s.get("/flat").ARN, s.arn("flat"))
	s.equal("name by ARN", *s.get(s.arn("flat")).Name, "flat")
	s.equal("by ARN", *s.get(s.arn("/blanks/around")).Name, "/blanks/around")

	for name, code := range map[string]string{
		"a/b": "ValidationException", "/a//b": "ValidationException", "{t}": "ValidationException", "no such": "ValidationException",
		"/nosuch": "ParameterNotFound", "arn:aws:ssm:eu-west-1:" + s.account.ID + ":parameter/flat": "ParameterNotFound", "arn:aws:s3:::x": "ValidationException",
		"/aws/service/nothing": "ParameterNotFound",
	} {
		_, err := s.tryGet(name, false)
		s.refused(err, code, "*")
	}
}

func put(s *suite) {
	_, err := s.tryPut("a", "")
	s.refused(err, "ValidationException", "*")
	_, err = s.tryPut("a", "x", untyped)
	s.refused(err, "ValidationException", "A parameter type is required when you create a parameter.")
	_, err = s.tryPut("a", "say {{ssm:b}}")
	s.refused(err, "ValidationException", "Parameter value can't nest another parameter.")
	_, err = s.tryPut("a", "x", key("alias/aws/ssm"))
	s.refused(err, "ValidationException", "KeyId is required for SecureString type parameter only.")
	tagged := func(in *ssm.PutParameterInput) { in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}} }
	_, err = s.tryPut("a", "x", tagged, overwrite)
	s.refused(err, "ValidationException", "Invalid request: tags and overwrite can't be used together.")

	// Allowed patterns hold for later values too.
	digits := func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`^\d+$`) }
	listed := func(in *ssm.PutParameterInput) { in.Type = types.ParameterTypeStringList }
	_, err = s.tryPut("n", "x1", digits)
	s.refused(err, "ParameterPatternMismatchException", `Parameter value, cannot be validated against allowedPattern: ^\d+$`)
	s.put("n", "12", digits)
	_, err = s.tryPut("n", "thirteen", overwrite)
	s.refused(err, "ParameterPatternMismatchException", "*")
	s.put("each", "1,22,333", digits, listed)
	_, err = s.tryPut("not-each", "1,two", digits, listed)
	s.refused(err, "ParameterPatternMismatchException", "*")
	_, err = s.tryPut("m", "x", func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String("(") })
	s.refused(err, "InvalidAllowedPatternException", "*")

	// What is not said stays.
	s.put("d", "1", tagged, func(in *ssm.PutParameterInput) {
		in.Description = aws.String("first")
		in.AllowedPattern = aws.String(".")
	})
	s.put("d", "2", overwrite, untyped)
	m := s.describe("d")
	s.equal("kept", []any{*m.Description, *m.AllowedPattern, m.Type, m.Version, *m.DataType, m.Tier, len(m.Policies)}, []any{"first", ".", "String", 2, "text", "Standard", 0})
	s.equal("user", *m.LastModifiedUser, "arn:aws:iam::"+s.account.ID+":user/admin")
	s.put("d", "3", overwrite, func(in *ssm.PutParameterInput) { in.Description = aws.String(""); in.AllowedPattern = aws.String("") })
	if m = s.describe("d"); m.Description != nil || m.AllowedPattern != nil || m.KeyId != nil {
		s.Errorf("%+v", m)
	}

	// Types do not change in a hierarchy.
	s.put("/h/a", "1")
	_, err = s.tryPut("/h/a", "2", overwrite, secure)
	s.refused(err, "HierarchyTypeMismatchException", "*")
	s.put("d", "a,b", overwrite, func(in *ssm.PutParameterInput) { in.Type = types.ParameterTypeStringList })
	s.equal("list", s.get("d").Type, "StringList")

	kind := func(name string) func(*ssm.PutParameterInput) {
		return func(in *ssm.PutParameterInput) { in.DataType = &name }
	}
	_, err = s.tryPut("t", "x", kind("Text"))
	s.refused(err, "ValidationException", "The following data type is not supported: Text (Data type names are all lowercase.)")
	_, err = s.tryPut("t", "nothing", kind("aws:ec2:image"))
	s.refused(err, "ValidationException", "*")
	s.put("t", "ami-0123456789abcdef0", kind("aws:ec2:image"))
	s.equal("data type", *s.get("t").DataType, "aws:ec2:image")
}

func tiers(s *suite) {
	_, err := s.tryPut("big", strings.Repeat("x", 4097))
	s.refused(err, "ValidationException", "Standard tier parameters support a maximum parameter value of 4096 characters.")
	s.equal("4096", s.put("std", strings.Repeat("x", 4096)).Tier, "Standard")
	s.equal("8192", s.put("big", strings.Repeat("x", 8192), advanced).Tier, "Advanced")
	_, err = s.tryPut("bigger", strings.Repeat("x", 8193), advanced)
	s.refused(err, "ValidationException", "The specified parameter value is too large. Advanced-tier parameters support a maximum parameter value of 8192 characters.")
	_, err = s.tryPut("big", "small", overwrite, func(in *ssm.PutParameterInput) { in.Tier = types.ParameterTierStandard })
	s.refused(err, "ValidationException", "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.")
	s.equal("nothing said", s.put("big", "small", overwrite).Tier, "Advanced")
	s.equal("up", s.put("std", "x", overwrite, advanced).Tier, "Advanced")
	s.equal("intelligent, small", s.put("i", "x", intelligent).Tier, "Standard")
	s.equal("intelligent, large", s.put("i", strings.Repeat("x", 4097), intelligent, overwrite).Tier, "Advanced")
	s.equal("intelligent, back", s.put("i", "x", intelligent, overwrite).Tier, "Advanced")
	s.equal("whole", len(*s.get("std:1").Value), 4096)
}

func defaultTier(s *suite) {
	id := "/ssm/parameter-store/default-parameter-tier"
	set := func(v string) {
		_, err := s.ssm.UpdateServiceSetting(s.ctx, &ssm.UpdateServiceSettingInput{SettingId: &id, SettingValue: &v})
		s.must(err)
	}
	set("Advanced")
	s.equal("preset", s.put("a", "x").Tier, "Advanced")
	set("Intelligent-Tiering")
	s.equal("preset", s.put("b", "x").Tier, "Standard")
	s.equal("preset", s.put("c", strings.Repeat("x", 5000)).Tier, "Advanced")
	s.equal("said", s.put("d", "x", advanced).Tier, "Advanced")
}

func settings(s *suite) {
	id := "/ssm/parameter-store/default-parameter-tier"
	arn := "arn:aws:ssm:" + region + ":" + s.account.ID + ":servicesetting" + id
	show := func(id string) *types.ServiceSetting {
		out, err := s.ssm.GetServiceSetting(s.ctx, &ssm.GetServiceSettingInput{SettingId: &id})
		s.must(err)
		return out.ServiceSetting
	}
	a := show(id)
	s.equal("preset", []string{*a.SettingId, *a.SettingValue, *a.Status, *a.LastModifiedUser, *a.ARN}, []string{id, "Standard", "Default", "System", arn})
	_, err := s.ssm.UpdateServiceSetting(s.ctx, &ssm.UpdateServiceSettingInput{SettingId: &arn, SettingValue: aws.String("Advanced")})
	s.must(err)
	a = show(id)
	s.equal("changed", []string{*a.SettingValue, *a.Status, *a.LastModifiedUser}, []string{"Advanced", "Customized", "arn:aws:iam::" + s.account.ID + ":user/admin"})
	reset, err := s.ssm.ResetServiceSetting(s.ctx, &ssm.ResetServiceSettingInput{SettingId: &id})
	s.must(err)
	s.equal("reset", []string{*reset.ServiceSetting.SettingValue, *reset.ServiceSetting.Status}, []string{"Standard", "Default"})
	_, err = s.ssm.UpdateServiceSetting(s.ctx, &ssm.UpdateServiceSettingInput{SettingId: &id, SettingValue: aws.String("Best")})
	s.refused(err, "ValidationException", "*")
	_, err = s.ssm.GetServiceSetting(s.ctx, &ssm.GetServiceSettingInput{SettingId: aws.String("/ssm/nothing")})
	s.refused(err, "ServiceSettingNotFound", "*")
	s.equal("throughput", *show("/ssm/parameter-store/high-throughput-enabled").SettingValue, "false")
}

// sideBySide: no version is lost, whoever puts at the same time.
func sideBySide(s *suite) {
	const writers, each = 8, 12
	s.put("x", "0")
	var wg sync.WaitGroup
	got := make(chan int64, writers*each)
	for range writers {
		wg.Go(func() {
			for range each {
				out, err := s.tryPut("x", "v", overwrite)
				if err != nil {
					s.Error(err)
					return
				}
				got <- out.Version
			}
		})
	}
	wg.Wait()
	close(got)
	seen := map[int64]bool{}
	for v := range got {
		if seen[v] {
			s.Errorf("version %d was given out twice", v)
		}
		seen[v] = true
	}
	s.equal("versions", len(seen), writers*each)
	s.equal("newest", s.get("x").Version, writers*each+1)
}

// audit: the log says that there was a value, and that KMS was used through SSM.
func audit(s *suite) {
	s.put("/audit/x", "audit-secret-marker", secure)
	s.get("/audit/x")
	trail := cloudtrail.NewFromConfig(s.account.Config(region))
	event := func(name string) (text string) {
		redoubttest.Eventually(s, func() error {
			out, err := trail.LookupEvents(s.ctx, &cloudtrail.LookupEventsInput{LookupAttributes: []cttypes.LookupAttribute{{AttributeKey: "EventName", AttributeValue: &name}}})
			if err != nil {
				return err
			}
			if len(out.Events) == 0 {
				return errNone
			}
			text = *out.Events[0].CloudTrailEvent
			return nil
		})
		return text
	}
	for name, want := range map[string][]string{
		"PutParameter": {`"value":"HIDDEN_DUE_TO_SECURITY_REASONS"`, `"type":"SecureString"`, `"version":1`, s.arn("/audit/x")},
		"GetParameter": {`"withDecryption":true`, `AWS::SSM::Parameter`},
		"Encrypt":      {`"PARAMETER_ARN":"` + s.arn("/audit/x") + `"`, `"invokedBy":"ssm.amazonaws.com"`},
		"Decrypt":      {`"PARAMETER_ARN"`},
	} {
		text := event(name)
		for _, w := range want {
			if !strings.Contains(text, w) {
				s.Errorf("%s: no %s in %s", name, w, text)
			}
		}
		if strings.Contains(text, "audit-secret-marker") {
			s.Errorf("%s tells the value: %s", name, text)
		}
	}
}
