package recordings

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func secretTags(t *testing.T, h *house) {
	s := h.scene(t)
	// LS secretsmanager/test_secretsmanager.py test_secret_tags: an empty list once there were some
	s.ok("secretsmanager:CreateSecret", in{"Name": "tagged", "ClientRequestToken": token()}, "ARN,Name")
	id := in{"SecretId": "tagged"}
	tags := func(want string) {
		t.Helper()
		fields := secretAbout + ",Tags[Key,Value]"
		switch want {
		case "none":
			fields = secretAbout
		case "":
			fields = secretAbout + ",Tags[]"
		}
		a := s.ok("secretsmanager:DescribeSecret", id, fields)
		var got []string
		for i := 0; a.str(fmt.Sprintf("Tags.%d.Key", i)) != ""; i++ {
			got = append(got, a.str(fmt.Sprintf("Tags.%d.Key", i))+"="+a.str(fmt.Sprintf("Tags.%d.Value", i)))
		}
		if strings.Join(got, " ") != strings.TrimSuffix(want, "none") {
			t.Errorf("tags are %q, want %q", got, want)
		}
	}
	tag := func(pairs ...string) {
		t.Helper()
		var l list
		for i := 0; i < len(pairs); i += 2 {
			l = append(l, in{"Key": pairs[i], "Value": pairs[i+1]})
		}
		s.ok("secretsmanager:TagResource", id.with(in{"Tags": l}), "")
	}
	untag := func(keys ...string) {
		t.Helper()
		s.ok("secretsmanager:UntagResource", id.with(in{"TagKeys": keys}), "")
	}
	tags("none")
	tag("tag1", "value1")
	tags("tag1=value1")
	tag("tag2", "value2")
	tags("tag1=value1 tag2=value2")
	untag("tag1")
	tags("tag2=value2")
	untag("tag2")
	tags("")
	tag("tag3", "value3", "tag4", "value4")
	tags("tag3=value3 tag4=value4")
	untag("tag3", "tag4")
	tags("")
}

// found are the names that ListSecrets answers for filters, of those that begin
// with a mark.
func (s scene) found(mark string, filters ...in) string {
	s.Helper()
	s.h.facts.Add(1)
	var all list
	for _, f := range filters {
		all = append(all, f)
	}
	var names []string
	next := ""
	for {
		input := in{"Filters": all}
		if next != "" {
			input["NextToken"] = next
		}
		a := s.must("secretsmanager:ListSecrets", input)
		for i := 0; a.str(fmt.Sprintf("SecretList.%d.Name", i)) != ""; i++ {
			if name := a.str(fmt.Sprintf("SecretList.%d.Name", i)); strings.Contains(name, mark) {
				names = append(names, name)
			}
		}
		if next = a.str("NextToken"); next == "" {
			return strings.ReplaceAll(strings.Join(names, " "), mark, "")
		}
	}
}

func by(key string, values ...string) in { return in{"Key": key, "Values": values} }

func secretLists(t *testing.T, h *house) {
	s := h.scene(t)
	is := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
	// LS secretsmanager/test_secretsmanager.py test_list_secrets_filtering
	for name, description := range map[string]string{"testing1/one-31": "a secret", "/testing2/two-31": "an secret", "testing3/three-31": "asecret", "/testing4/four-31": "thesecret"} {
		s.secret(name, "secret", in{"Description": description})
	}
	set := func(filters ...in) string {
		t.Helper()
		names := strings.Fields(s.found("-31", filters...))
		for i := range names {
			names[i] = strings.Trim(names[i][strings.IndexByte(names[i], 'g')+1:], "/")[:1]
		}
		slices.Sort(names)
		return strings.Join(names, "")
	}
	is(set(by("name", "/")), "24")
	is(set(by("name", "!/")), "13")
	is(set(by("name", "testing1 one")), "")
	is(set(by("description", "a")), "123")
	is(set(by("description", "!a")), "4")
	is(set(by("description", "a secret")), "12")
	is(set(by("description", "a"), by("name", "secret")), "")
	is(set(by("description", "a"), by("name", "an")), "")
	is(set(by("description", "!c")), "1234")
	// test_call_lists_secrets_multiple_times_snapshots, test_create_multi_secrets_snapshot
	s.ok("secretsmanager:ListSecrets", in{"Filters": list{by("name", "testing1/one-31")}}, "SecretList[ARN,CreatedDate,Description,LastChangedDate,Name,SecretVersionsToStages{"+
		s.must("secretsmanager:GetSecretValue", in{"SecretId": "testing1/one-31"}).str("VersionId")+"[*]},LastAccessedDate]")
	// MOTO test_list_secrets.py test_with_no_filter_key, test_with_no_filter_values, test_with_invalid_filter_key
	s.fails("secretsmanager:ListSecrets", in{"Filters": list{in{"Values": list{"foo"}}}}, 400, "InvalidParameterException", "Invalid filter key")
	s.fails("secretsmanager:ListSecrets", in{"Filters": list{in{"Key": "description"}}}, 400, "InvalidParameterException", "Invalid filter values for key: description")
	s.fails("secretsmanager:ListSecrets", in{"Filters": list{by("invalid", "foo")}}, 400, "ValidationException",
		"1 validation error detected: Value 'invalid' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: [all, name, tag-key, description, tag-value]")
	// MOTO test_with_include_planned_deleted_secrets
	s.secret("planned-31", "v", nil)
	s.must("secretsmanager:DeleteSecret", in{"SecretId": "planned-31"})
	is(s.found("-31", by("name", "planned")), "")
	s.wants(s.must("secretsmanager:ListSecrets", in{"IncludePlannedDeletion": true, "Filters": list{by("name", "planned-31")}}), map[string]string{"SecretList.0.Name": "planned-31"})

	// MOTO test_secretsmanager.py test_batch_get_secret_value_*
	s.secret("batch-a", "va", nil)
	s.secret("batch-b", "vb", nil)
	a := s.ok("secretsmanager:BatchGetSecretValue", in{"SecretIdList": list{"batch-a", "batch-b", "batch-none"}}, "Errors[ErrorCode,Message,SecretId],SecretValues["+secretValue+"]")
	s.wants(a, map[string]string{"SecretValues.0.SecretString": "va", "SecretValues.1.SecretString": "vb", "Errors.0.SecretId": "batch-none",
		"Errors.0.ErrorCode": "ResourceNotFoundException", "Errors.0.Message": "Secrets Manager can't find the specified secret."})
	s.wants(s.must("secretsmanager:BatchGetSecretValue", in{"Filters": list{by("name", "batch-a", "batch-b")}}), map[string]string{"SecretValues.0.Name": "batch-a", "SecretValues.1.Name": "batch-b"})
	s.fails("secretsmanager:BatchGetSecretValue", in{"Filters": list{by("name", "a")}, "SecretIdList": list{"b"}}, 400, "InvalidParameterException",
		"Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	s.fails("secretsmanager:BatchGetSecretValue", in{"MaxResults": 10, "SecretIdList": list{"foo"}}, 400, "InvalidParameterException",
		"'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
}

func secretWords(t *testing.T, h *house) {
	s := h.scene(t)
	is := func(want string, filters ...in) {
		t.Helper()
		if got := s.found("7f3e2b", filters...); got != want {
			t.Errorf("%v finds %q, want %q", filters, got, want)
		}
	}
	// MOTO test_list_secrets.py test_with_all_filter, verified against AWS
	for _, x := range []struct {
		name string
		more in
	}{
		{"SecretOne7f3e2b", nil}, {"SecretTwo7f3e2b", in{"Description": "DescTwo"}}, {"Thirdsecret7f3e2b", nil},
		{"SecretFTag7f3e2b", in{"Tags": list{in{"Key": "1", "Value": "foo"}}}}, {"SecretFValue7f3e2b", in{"Tags": list{in{"Key": "foo", "Value": "v"}}}}, {"else7f3e2b", nil},
	} {
		s.secret(x.name, "s", x.more)
	}
	is("SecretOne", by("all", "SecretOne"))
	is("SecretFTag SecretFValue", by("all", "foo"))
	for _, word := range []string{"Secret", "secret", "sec"} {
		is("SecretOne SecretTwo SecretFTag SecretFValue", by("all", word))
	}
	is("", by("all", "ret"))
	is("", by("all", "SomeSecret"))
	is("SecretTwo", by("all", "d"))
	is("SecretTwo", by("all", "d t"))
	is("SecretTwo Thirdsecret SecretFTag", by("all", "t"))
	// test_with_all_filter_special_characters, verified against AWS
	var marked []string
	for _, mark := range []string{"/", "_", "+", "=", ".", "@", "-"} {
		name := strings.Join([]string{"prod", "AppBeta", ""}, mark)
		marked = append(marked, name)
		s.secret(name+"7f3e2b", "s", nil)
	}
	s.secret("uat/COMPANY/7f3e2b", "s", nil)
	s.secret("uat/COMPANYthings/7f3e2b", "s", nil)
	all := strings.Join(marked, " ")
	is(all, by("all", "AppBeta"))
	is(all, by("all", "Beta"))
	is(all, by("all", "AppBeta", "prod"))
	is("", by("all", "+"))
	is(all+" uat/COMPANY/ uat/COMPANYthings/", by("all", "7f3e2b"))
	is("uat/COMPANY/", by("all", "company"))
	is("uat/COMPANYthings/", by("all", "Ythings"))
	for _, word := range []string{"things", "N", "pany"} {
		is("", by("all", word))
	}
	// test_with_duplicate_filter_keys, test_with_filter_with_value_with_multiple_words, verified against AWS
	for _, d := range []string{"one two", "one and two", "one", "two", "unrelated"} {
		s.secret(strings.ReplaceAll(d, " ", "-")+"-7f3e2b", "s", in{"Description": d})
	}
	is("one-two- one-and-two-", by("description", "one"), by("description", "two"))
	is("one-two- one-and-two-", by("description", "one two"))
	is("one-two- one-and-two-", by("description", "o t"))
	is("SecretTwo one-two- one-and-two- two-", by("description", "t"))
	// test_with_filter_with_negation
	is("one-two- one-and-two- one- unrelated-", by("description", "one", "!two"), by("name", "one", "two", "unrelated"))
}
