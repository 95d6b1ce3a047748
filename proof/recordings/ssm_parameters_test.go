package recordings

import (
	"fmt"
	"strings"
	"testing"
)

// one is the answer about a parameter.
const one = "Parameter{ARN,DataType,LastModifiedDate,Name,Type,Value,Version}"

const ssmName = `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`

func (h *house) parameterARN(name string) string {
	return "arn:aws:ssm:" + home + ":" + h.account + ":parameter/" + strings.TrimPrefix(name, "/")
}

// parameter makes a parameter of text.
func (s scene) parameter(name, value string, more ...in) {
	s.Helper()
	input := in{"Name": name, "Value": value, "Type": "String"}
	for _, m := range more {
		for k, v := range m {
			input[k] = v
		}
	}
	s.must("ssm:PutParameter", input)
}

func ssmParameters(t *testing.T, h *house) {
	s := h.scene(t)
	get := func(name string) in { return in{"Name": name} }

	// LS ssm/test_ssm.py test_put_parameters, test_get_parameter_by_arn, test_put_and_get_via_arn:
	// with the slash of the root and without it is one parameter, and is called as it was asked for
	s.wants(s.ok("ssm:PutParameter", in{"Name": "rec-param", "Description": "test", "Value": "123", "Type": "String"}, "Tier,Version"),
		map[string]string{"Tier": "Standard", "Version": "1"})
	for _, name := range []string{"rec-param", "/rec-param"} {
		s.wants(s.ok("ssm:GetParameter", get(name), one), map[string]string{
			"Parameter.Name": name, "Parameter.ARN": h.parameterARN("rec-param"), "Parameter.DataType": "text",
			"Parameter.Type": "String", "Parameter.Value": "123", "Parameter.Version": "1",
		})
		s.wants(s.ok("ssm:GetParameters", in{"Names": list{name}}, "InvalidParameters[],Parameters[ARN,DataType,LastModifiedDate,Name,Type,Value,Version]"),
			map[string]string{"Parameters.0.Name": name, "Parameters.0.Value": "123"})
	}
	s.wants(s.ok("ssm:GetParameter", get(h.parameterARN("rec-param")), one), map[string]string{"Parameter.Name": "rec-param"})
	s.parameter("/rec/bar", "myvalue")
	s.wants(s.ok("ssm:GetParameter", get(h.parameterARN("/rec/bar")), one),
		map[string]string{"Parameter.Name": "/rec/bar", "Parameter.ARN": h.parameterARN("/rec/bar"), "Parameter.Value": "myvalue"})

	// test_hierarchical_parameter
	s.parameter("/rec/b/c", "123")
	for _, name := range []string{"/rec//b//c", "rec/b/c"} {
		s.fails("ssm:GetParameter", get(name), 400, "ValidationException", ssmName)
		s.fails("ssm:GetParameters", in{"Names": list{name}}, 400, "ValidationException", ssmName)
	}
	// github.com/anomalyco/sst issue 4698: blanks within
	s.fails("ssm:GetParameter", get("/My App/x"), 400, "ValidationException", ssmName)

	// github.com/vandium-io/aws-param-store pull 8, awslabs/aws-simple-cicd issue 10,
	// aws/containers-roadmap issue 705, mattclay/aws-terminator issue 113: no word about it
	s.fails("ssm:GetParameter", get("rec-none"), 400, "ParameterNotFound", "-")
	s.fails("ssm:GetParameter", get("/rec/none:3"), 400, "ParameterNotFound", "-")
	s.fails("ssm:DeleteParameter", get("rec-none"), 400, "ParameterNotFound", "-")
	// getmoto/moto pulls 3977, 3984, made from AWS's answers
	s.fails("ssm:GetParameter", get("rec-param:2"), 400, "ParameterVersionNotFound",
		"Systems Manager could not find version 2 of rec-param. Verify the version and try again.")
	s.wants(s.ok("ssm:GetParameters", in{"Names": list{"rec-param:6", "rec-param:1", "rec-param", "rec-param"}},
		"InvalidParameters[*],Parameters[ARN,DataType,LastModifiedDate,Name,Type,Value,Version|ARN,DataType,LastModifiedDate,Name,Selector,Type,Value,Version]"),
		map[string]string{"InvalidParameters.0": "rec-param:6"})
	// remind101/ssm-env issue 10
	var eleven list
	for i := range 11 {
		eleven = append(eleven, fmt.Sprint("n", i))
	}
	for _, op := range []string{"ssm:GetParameters", "ssm:DeleteParameters"} {
		s.fails(op, in{"Names": eleven}, 400, "ValidationException",
			"1 validation error detected: Value '[n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	// CloudTrail's, facts 14.22: what is not there is listed
	s.wants(s.ok("ssm:DeleteParameters", in{"Names": list{"/rec/b/c", "rec-none"}}, "DeletedParameters[*],InvalidParameters[*]"),
		map[string]string{"DeletedParameters.0": "/rec/b/c", "InvalidParameters.0": "rec-none"})
	s.ok("ssm:DeleteParameter", get("/rec/bar"), "")
}

func ssmPut(t *testing.T, h *house) {
	s := h.scene(t)
	put := func(name, value string, more in) in {
		input := in{"Name": name, "Value": value, "Type": "String"}
		for k, v := range more {
			if input[k] = v; v == nil {
				delete(input, k)
			}
		}
		return input
	}
	fails := func(input in, code, message string) {
		t.Helper()
		s.fails("ssm:PutParameter", input, 400, code, message)
	}
	// MOTO test_ssm_boto3.py, confirmed by the model's documentation
	s.parameter("rec-put", "v1", in{"Description": "A test parameter"})
	fails(put("rec-put", "v2", nil), "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	fails(put("rec-put", "v2", in{"Overwrite": true, "Tags": list{in{"Key": "a", "Value": "b"}}}), "ValidationException",
		"Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	s.wants(s.ok("ssm:PutParameter", put("rec-put", "v2", in{"Overwrite": true, "Type": nil}), "Tier,Version"), map[string]string{"Version": "2"})
	fails(put("rec-new", "v", in{"Type": nil}), "ValidationException", "A parameter type is required when you create a parameter.")
	fails(put("rec-new", "v", in{"Type": "str"}), "ValidationException",
		"1 validation error detected: Value 'str' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]")
	fails(put("rec-new", "v", in{"DataType": "not_text"}), "ValidationException", "The following data type is not supported: not_text (Data type names are all lowercase.)")
	// ministryofjustice/modernisation-platform pull 8116, cloud-platform-infrastructure pull 3906: values are never repeated
	fails(put("rec-new", "", nil), "ValidationException",
		"1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	fails(put("rec-new", strings.Repeat("x", 32769), nil), "ValidationException",
		"1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length less than or equal to 32768")
	// TF issue 18521, ssm/parameter.go: what tiers hold, and that there is no way back
	fails(put("rec-new", strings.Repeat("x", 4097), nil), "ValidationException",
		"Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	s.wants(s.ok("ssm:PutParameter", put("rec-tier", strings.Repeat("x", 4097), in{"Tier": "Intelligent-Tiering"}), "Tier,Version"), map[string]string{"Tier": "Advanced"})
	fails(put("rec-tier", "x", in{"Tier": "Standard", "Overwrite": true}), "ValidationException",
		"This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	// pytorch/test-infra issue 6858
	policy := `{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2036-06-27T19:11:55.437Z"}}`
	fails(put("rec-policies", "v", in{"Tier": "Advanced", "Policies": policy}), "ValidationException", "Invalid policies input: "+policy+".")
	// PREFLIGHT pf-ssm-parameter-tier, …-name, …-value, …-allowed-pattern
	fails(put("rec-long", strings.Repeat("x", 8193), in{"Tier": "Advanced"}), "ValidationException", "The specified parameter value is too large. Advanced-tier parameters support a maximum parameter value of 8192 characters.")
	fails(put("rec-policies", "v", in{"Tier": "Standard", "Policies": "[" + policy + "]"}), "ValidationException", "You can't assign parameter policies to a standard-parameter tier.")
	fails(put("/rec/slash/", "v", nil), "ValidationException", "Parameter name must not end with slash.")
	fails(put("rec-"+strings.Repeat("n", 1011), "v", nil), "AccessDeniedException", "?")
	fails(put("rec-image", "a,b", in{"Type": "StringList", "DataType": "aws:ec2:image"}), "ValidationException", "The aws:ec2:image data type is not supported for the following input type: StringList")
	fails(put("rec-digits", "12x", in{"AllowedPattern": `^\d+$`}), "ParameterPatternMismatchException", `Parameter value, cannot be validated against allowedPattern: ^\d+$`)
	// PREFLIGHT pf-ssm-parameter-policies
	for _, x := range []struct{ policies, code, text string }{
		{`[{"Type":"Other","Version":"1.0","Attributes":{}}]`, "InvalidPolicyTypeException", "Policy type Other is not supported."},
		{`[{"Type":"Expiration","Version":"2.0","Attributes":{}}]`, "InvalidPolicyAttributeException", "Unsupported policy version."},
		{`[{"Type":"Expiration","Version":"1.0"}]`, "InvalidPolicyAttributeException", "Mandatory policy attribute Attributes is missing."},
		{`[{"Type":"Expiration","Version":"1.0","Attributes":{}}]`, "InvalidPolicyAttributeException", "A valid Expiration policy must have an attribute of Timestamp."},
		{`[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"soon"}}]`, "InvalidPolicyAttributeException", "Invalid timestamp format"},
		{`[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"Unit":"Days"}}]`, "InvalidPolicyAttributeException", "Mandatory policy attribute After is missing."},
		{`[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"-1","Unit":"Days"}}]`, "InvalidPolicyAttributeException", "Attribute After must be a positive integer."},
		{`[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Weeks"}}]`, "InvalidPolicyAttributeException", "Supported time units: DAYS HOURS"},
		{"[" + policy + "," + policy + "]", "IncompatiblePolicyException", "There can be only one expiration policy"},
		{`[{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"1","Unit":"Days"}}]`, "IncompatiblePolicyException", "Expiration notification policies are missing expiration policy"},
		{"[" + policy + strings.Repeat(`,{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"1","Unit":"Days"}}`, 10) + "]", "PoliciesLimitExceededException", "Number of policies attached to a parameter cannot exceed 10"},
	} {
		fails(put("rec-policies", "v", in{"Tier": "Advanced", "Policies": x.policies}), x.code, x.text)
	}
	// names: MOTO test_put_parameter_invalid_names; aws/aws-sdk-php issue 1952
	for _, name := range []string{"ssm_test", "SSM_TEST", "aws_test", "AWS_TEST"} {
		fails(put(name, "v", nil), "ValidationException", `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	}
	for _, name := range []string{"/ssm_test/path/to/var", "/SSM/PATH/TO/VAR", "/myPrefix/jmpt/jupport@gmail.com"} {
		fails(put(name, "v", nil), "ValidationException", ssmName)
	}
	for _, name := range []string{"/aws_test/path/to/var", "/AWS/PATH/TO/VAR"} {
		fails(put(name, "v", nil), "AccessDeniedException", "No access to reserved parameter name: "+name+".")
	}
	// binxio/aws-ssm-copy issue 10, cloudposse/docs issue 152: KMS's refusal stands in Parameter Store's
	gone := h.keyARN(home, unknownID)
	a := h.do(t, h.request(t, h.admin, "ssm:PutParameter", put("rec-key", "v", in{"Type": "SecureString", "KeyId": gone})))
	h.facts.Add(1)
	if text := a.str("message"); a.str("__type") != "InvalidKeyId" || !strings.HasPrefix(text, "Key '"+gone+"' does not exist (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Request ID: ") || !strings.HasSuffix(text, "; Proxy: null)") {
		t.Errorf("a key that is not there: %s", a.body)
	}
	// TF ssm/parameter_test.go TestAccSSMParameter_updateType: without a hierarchy a type may change
	s.parameter("rec-type", "v", in{"Type": "SecureString"})
	s.must("ssm:PutParameter", put("rec-type", "v", in{"Overwrite": true}))
	s.wants(s.must("ssm:GetParameter", in{"Name": "rec-type"}), map[string]string{"Parameter.Type": "String", "Parameter.Version": "2"})
}

func ssmSecure(t *testing.T, h *house) {
	s := h.scene(t)
	_, key := s.key(nil)
	s.parameter("/rec/secure", "hidden", in{"Type": "SecureString", "KeyId": key})
	s.wants(s.ok("ssm:GetParameter", in{"Name": "/rec/secure", "WithDecryption": true}, one), map[string]string{"Parameter.Value": "hidden", "Parameter.Type": "SecureString"})
	if v := s.must("ssm:GetParameter", in{"Name": "/rec/secure"}).str("Parameter.Value"); v == "hidden" || v == "" {
		t.Errorf("without decryption the value is %q", v)
	}
	// external-secrets/kubernetes-external-secrets issue 627: who may not use the key is told so with KMS's words
	reader := s.reader("ssm-reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"}]}`)
	a := h.do(t, h.request(t, reader, "ssm:GetParameter", in{"Name": "/rec/secure", "WithDecryption": true}))
	h.facts.Add(1)
	if text := a.str("Message"); a.status != 400 || a.str("__type") != "AccessDeniedException" || !strings.Contains(text, " (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: ") || !strings.HasSuffix(text, "; Proxy: null)") {
		t.Errorf("a key that one may not use: %d %s", a.status, a.body)
	}

	// LS ssm/test_ssm.py test_get_secret_parameter, test_get_inexistent_secret, test_get_parameters_and_secrets
	const prefix = "/aws/reference/secretsmanager/"
	s.secret("rec_secret_param", "my_secret", nil)
	a = s.ok("ssm:GetParameter", in{"Name": prefix + "rec_secret_param", "WithDecryption": true},
		"Parameter{ARN,DataType,LastModifiedDate,Name,SourceResult,Type,Value,Version}")
	s.wants(a, map[string]string{"Parameter.Name": prefix + "rec_secret_param", "Parameter.Value": "my_secret", "Parameter.Type": "SecureString", "Parameter.Version": "0"})
	if src := a.str("Parameter.SourceResult"); !strings.Contains(src, `"name":"rec_secret_param"`) || !strings.Contains(src, ":secretsmanager:") {
		t.Errorf("SourceResult is %s", src)
	}
	s.fails("ssm:GetParameter", in{"Name": "rec_secret_param", "WithDecryption": true}, 400, "ParameterNotFound", "-")
	s.fails("ssm:GetParameter", in{"Name": prefix + "inexistent", "WithDecryption": true}, 400, "ParameterNotFound",
		"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret "+prefix+"inexistent not found.")
	s.parameter("rec-beside", "123")
	a = s.must("ssm:GetParameters", in{"Names": list{"rec-beside", prefix + "rec_secret_param", "rec-none", prefix + "inexistent"}, "WithDecryption": true})
	found := map[string]bool{}
	for i := range 2 {
		found[a.str(fmt.Sprintf("Parameters.%d.Name", i))] = true
		found[a.str(fmt.Sprintf("InvalidParameters.%d", i))] = true
	}
	h.facts.Add(1)
	for _, name := range []string{"rec-beside", prefix + "rec_secret_param", "rec-none", prefix + "inexistent"} {
		if !found[name] {
			t.Errorf("%s is in no list: %s", name, a.body)
		}
	}
	// MOTO test_ssm_secretsmanager.py
	for _, input := range []in{{"Name": prefix + "sth"}, {"Name": prefix + "sth", "WithDecryption": false}} {
		s.fails("ssm:GetParameter", input, 400, "ValidationException", "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
}
