package recordings

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// versionsOf writes what ListSecretVersionIds answers as "1:AWSCURRENT+PUT1 2:…",
// with the number that each version has among ids, and checks the fields.
func (s scene) versionsOf(name string, all bool, ids ...string) string {
	s.Helper()
	s.h.facts.Add(1)
	a := s.must("secretsmanager:ListSecretVersionIds", in{"SecretId": name, "IncludeDeprecated": all})
	s.wants(a, map[string]string{"Name": name, "NextToken": ""})
	var out []string
	for i := 0; a.str(fmt.Sprintf("Versions.%d.VersionId", i)) != ""; i++ {
		at := fmt.Sprintf("Versions.%d.", i)
		s.wants(a, map[string]string{at + "KmsKeyIds.0": "DefaultEncryptionKey"})
		var labels []string
		for j := 0; a.str(fmt.Sprint(at, "VersionStages.", j)) != ""; j++ {
			labels = append(labels, a.str(fmt.Sprint(at, "VersionStages.", j)))
		}
		if _, ok := a.at(at + "VersionStages"); ok != (len(labels) > 0) {
			s.Errorf("VersionStages of a version without labels is there: %s", a.body)
		}
		read := ""
		if _, ok := a.at(at + "LastAccessedDate"); ok {
			read = "!"
		}
		out = append(out, fmt.Sprint(1+slices.Index(ids, a.str(at+"VersionId")), read, ":", strings.Join(labels, "+")))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// put writes a value with labels and answers its version.
func (s scene) putValue(name, value string, labels ...string) string {
	s.Helper()
	id := token()
	input := in{"SecretId": name, "SecretString": value, "ClientRequestToken": id}
	fields := "ARN,Name,VersionId,VersionStages[*]"
	if len(labels) > 0 {
		input["VersionStages"] = labels
	} else {
		labels = []string{"AWSCURRENT"}
	}
	a := s.ok("secretsmanager:PutSecretValue", input, fields)
	for i, l := range slices.Sorted(slices.Values(labels)) {
		s.wants(a, map[string]string{fmt.Sprint("VersionStages.", i): l, "VersionId": id})
	}
	return id
}

// moves moves AWSCURRENT.
func (s scene) moves(name, from, to string) {
	s.Helper()
	s.ok("secretsmanager:UpdateSecretVersionStage", in{"SecretId": name, "VersionStage": "AWSCURRENT", "RemoveFromVersionId": from, "MoveToVersionId": to}, "ARN,Name")
}

func secretVersions(t *testing.T, h *house) {
	s := h.scene(t)
	is := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("versions are %q, want %q", got, want)
		}
	}
	current := func(name, value, version string) {
		t.Helper()
		s.wants(s.ok("secretsmanager:GetSecretValue", in{"SecretId": name}, secretValue), map[string]string{"SecretString": value, "VersionId": version})
	}
	// LS secretsmanager/test_secretsmanager.py test_put_secret_value_with_version_stages
	_, v1 := s.secret("stages", "secret_string_v0", nil)
	current("stages", "secret_string_v0", v1)
	s.putValue("stages", "secret_string_v1", "SAMPLESTAGE1", "SAMPLESTAGE0")
	current("stages", "secret_string_v0", v1)
	s.putValue("stages", "secret_string_v2", "SAMPLESTAGE1", "SAMPLESTAGE0")
	s.putValue("stages", "secret_string_v3", "AWSPENDING")
	current("stages", "secret_string_v0", v1)
	current("stages", "secret_string_v4", s.putValue("stages", "secret_string_v4"))

	// test_update_secret_version_stages_current_previous
	_, v1 = s.secret("previous", "secret_string_v0", nil)
	is(s.versionsOf("previous", false, v1), "1:AWSCURRENT")
	v2 := s.must("secretsmanager:UpdateSecret", in{"SecretId": "previous", "SecretString": "secret_string_v1", "ClientRequestToken": token()}).str("VersionId")
	is(s.versionsOf("previous", false, v1, v2), "1:AWSPREVIOUS 2:AWSCURRENT")

	// test_update_secret_version_stages_current_pending, …_return_type: AWSPENDING goes with the label that it waited for
	_, v1 = s.secret("pending", "Something1", nil)
	v2 = s.putValue("pending", "Something2", "AWSPENDING")
	is(s.versionsOf("pending", false, v1, v2), "1:AWSCURRENT 2:AWSPENDING")
	s.moves("pending", v1, v2)
	is(s.versionsOf("pending", false, v1, v2), "1:AWSPREVIOUS 2:AWSCURRENT+AWSPENDING")
	v3 := s.putValue("pending", "SS3")
	is(s.versionsOf("pending", false, v1, v2, v3), "2:AWSPREVIOUS 3:AWSCURRENT")

	// test_update_secret_version_stages_current_pending_cycle
	_, v1 = s.secret("cycle", "S1", nil)
	v2 = s.putValue("cycle", "S2", "AWSPENDING")
	current("cycle", "S1", v1)
	s.moves("cycle", v1, v2)
	is(s.versionsOf("cycle", false, v1, v2), "1!:AWSPREVIOUS 2:AWSCURRENT+AWSPENDING")
	current("cycle", "S2", v2)
	v3 = s.putValue("cycle", "S3", "AWSPENDING")
	is(s.versionsOf("cycle", false, v1, v2, v3), "1!:AWSPREVIOUS 2!:AWSCURRENT 3:AWSPENDING")
	s.moves("cycle", v2, v3)
	is(s.versionsOf("cycle", false, v1, v2, v3), "2!:AWSPREVIOUS 3:AWSCURRENT+AWSPENDING")
	current("cycle", "S3", v3)

	// …_custom_stages_1
	_, v1 = s.secret("custom1", "S1", nil)
	v2 = s.putValue("custom1", "S2", "AWSPENDING", "AWSSOMETHING", "PUT1")
	s.moves("custom1", v1, v2)
	v3 = s.putValue("custom1", "S3", "AWSPENDING", "PUT2")
	is(s.versionsOf("custom1", false, v1, v2, v3), "1:AWSPREVIOUS 2:AWSCURRENT+AWSSOMETHING+PUT1 3:AWSPENDING+PUT2")
	s.moves("custom1", v2, v3)
	is(s.versionsOf("custom1", false, v1, v2, v3), "2:AWSPREVIOUS+AWSSOMETHING+PUT1 3:AWSCURRENT+AWSPENDING+PUT2")
	// …_custom_stages_2
	_, v1 = s.secret("custom2", "SS", nil)
	v2 = s.putValue("custom2", "S1", "AWSCURRENT", "PUT0")
	v3 = s.putValue("custom2", "S2", "AWSPENDING", "PUT1")
	is(s.versionsOf("custom2", false, v1, v2, v3), "1:AWSPREVIOUS 2:AWSCURRENT+PUT0 3:AWSPENDING+PUT1")
	s.moves("custom2", v2, v3)
	is(s.versionsOf("custom2", false, v1, v2, v3), "2:AWSPREVIOUS+PUT0 3:AWSCURRENT+AWSPENDING+PUT1")
	v4 := s.putValue("custom2", "S3", "AWSPENDING", "PUT2")
	is(s.versionsOf("custom2", false, v1, v2, v3, v4), "2:AWSPREVIOUS+PUT0 3:AWSCURRENT+PUT1 4:AWSPENDING+PUT2")
	s.moves("custom2", v3, v4)
	is(s.versionsOf("custom2", false, v1, v2, v3, v4), "2:PUT0 3:AWSPREVIOUS+PUT1 4:AWSCURRENT+AWSPENDING+PUT2")
	// …_custom_stages_3
	_, v1 = s.secret("custom3", "SS", nil)
	v2 = s.putValue("custom3", "S1", "PENDING")
	s.moves("custom3", v1, v2)
	s.ok("secretsmanager:UpdateSecretVersionStage", in{"SecretId": "custom3", "VersionStage": "PENDING", "RemoveFromVersionId": v2}, "ARN,Name")
	is(s.versionsOf("custom3", false, v1, v2), "1:AWSPREVIOUS 2:AWSCURRENT")

	// test_non_versioning_version_stages_replacement, …_no_replacement
	_, v1 = s.secret("replaced", "v", nil)
	v2 = s.putValue("replaced", "a", "one", "two", "three")
	v3 = s.putValue("replaced", "b", "one", "two", "three", "four")
	is(s.versionsOf("replaced", false, v1, v2, v3), "1:AWSCURRENT 3:four+one+three+two")
	_, v1 = s.secret("kept", "v", nil)
	v2 = s.putValue("kept", "a", "one", "two", "three")
	v3 = s.putValue("kept", "b", "one", "two", "four")
	is(s.versionsOf("kept", false, v1, v2, v3), "1:AWSCURRENT 2:three 3:four+one+two")

	// test_deprecated_secret_version_stage
	_, v1 = s.secret("deprecated", "v", nil)
	v2, v3 = s.putValue("deprecated", "2"), s.putValue("deprecated", "3")
	is(s.versionsOf("deprecated", false, v1, v2, v3), "2:AWSPREVIOUS 3:AWSCURRENT")
	is(s.versionsOf("deprecated", true, v1, v2, v3), "1: 2:AWSPREVIOUS 3:AWSCURRENT")
	v4 = s.putValue("deprecated", "4")
	is(s.versionsOf("deprecated", true, v1, v2, v3, v4), "1: 2: 3:AWSPREVIOUS 4:AWSCURRENT")
}

func secretLabels(t *testing.T, h *house) {
	s := h.scene(t)
	// MOTO test_update_secret_version_stage_manually, …_dont_specify_current_stage, verified against AWS
	s.secret("manual", "old_secret", nil)
	was := s.putValue("manual", "previous_secret", "AWSCURRENT")
	next := s.putValue("manual", "new_secret", "AWSPENDING")
	s.fails("secretsmanager:UpdateSecretVersionStage", in{"SecretId": "manual", "VersionStage": "AWSCURRENT", "MoveToVersionId": next}, 400, "InvalidParameterException",
		"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "+was+", so you must explicitly reference that version in RemoveFromVersionId.")
	s.moves("manual", was, next)
	s.wants(s.ok("secretsmanager:GetSecretValue", in{"SecretId": "manual", "VersionStage": "AWSPREVIOUS"}, secretValue), map[string]string{"SecretString": "previous_secret", "VersionStages.0": "AWSPREVIOUS"})
	// TF secretsmanager/secret_version.go quotes this one
	s.fails("secretsmanager:UpdateSecretVersionStage", in{"SecretId": "manual", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": next}, 400, "InvalidParameterException",
		"You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
	// MOTO test_put_secret_value_versions_adds_awscurrent_label_in_first_version, the model's documentation of PutSecretValue
	s.must("secretsmanager:CreateSecret", in{"Name": "first", "ClientRequestToken": token()})
	s.putValue("first", "v", "AWSPENDING", "AWSCURRENT")
	s.must("secretsmanager:CreateSecret", in{"Name": "first2", "ClientRequestToken": token()})
	a := s.must("secretsmanager:PutSecretValue", in{"SecretId": "first2", "SecretString": "v", "VersionStages": list{"AWSPENDING"}, "ClientRequestToken": token()})
	h.facts.Add(1)
	if text := string(a.body); !strings.Contains(text, "AWSPENDING") || !strings.Contains(text, "AWSCURRENT") {
		t.Errorf("the first version has %s", text)
	}
}

func secretTokens(t *testing.T, h *house) {
	s := h.scene(t)
	// LS secretsmanager/test_secretsmanager.py test_no_client_request_token
	const none = "You must provide a ClientRequestToken value. We recommend a UUID-type value."
	value := in{"SecretString": "thisisthesecret", "Description": "My secret string"}
	s.fails("secretsmanager:CreateSecret", value.with(in{"Name": "tokenless"}), 400, "InvalidRequestException", none)
	for op, code := range map[string]string{"UpdateSecret": "InvalidRequestException", "RotateSecret": "InvalidParameterException", "PutSecretValue": "InvalidRequestException"} {
		s.fails("secretsmanager:"+op, value.with(in{"SecretId": "tokenless"}), 400, code, none)
	}
	// MOTO test_create_duplicate_secret_with_same_token and the six behind it, verified against AWS
	id := token()
	create := in{"Name": "tokens", "SecretString": "Hello", "ClientRequestToken": id}
	arn := s.ok("secretsmanager:CreateSecret", create, "ARN,Name,VersionId").str("ARN")
	s.wants(s.ok("secretsmanager:CreateSecret", create, "ARN,Name,VersionId"), map[string]string{"ARN": arn, "VersionId": id})
	taken := "You can't use ClientRequestToken " + id + " because that value is already in use for a version of secret " + arn + "."
	s.fails("secretsmanager:CreateSecret", create.with(in{"SecretString": "Hi"}), 400, "ResourceExistsException", taken)
	again := in{"SecretId": "tokens", "SecretString": "Hello", "ClientRequestToken": id}
	s.wants(s.ok("secretsmanager:PutSecretValue", again, "ARN,Name,VersionId,VersionStages[*]"), map[string]string{"ARN": arn, "VersionId": id, "VersionStages.0": "AWSCURRENT"})
	s.wants(s.ok("secretsmanager:UpdateSecret", again, "ARN,Name,VersionId"), map[string]string{"ARN": arn, "VersionId": id})
	for _, op := range []string{"PutSecretValue", "UpdateSecret"} {
		s.fails("secretsmanager:"+op, again.with(in{"SecretString": "Hi"}), 400, "ResourceExistsException", taken)
	}
	// MOTO test_put_secret_binary_requires_either_string_or_binary
	s.fails("secretsmanager:PutSecretValue", in{"SecretId": "tokens", "ClientRequestToken": token()}, 400, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	// kubernetes-sigs/cluster-api-provider-aws issue 1531, when 10,240 was the most: values are not repeated
	s.fails("secretsmanager:PutSecretValue", in{"SecretId": "tokens", "SecretBinary": make([]byte, 65537), "ClientRequestToken": token()}, 400, "ValidationException",
		"1 validation error detected: Value at 'secretBinary' failed to satisfy constraint: Member must have length less than or equal to 65536")
}
