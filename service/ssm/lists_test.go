package ssm_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func tag(k, v string) []types.Tag { return []types.Tag{{Key: &k, Value: &v}} }

func byPath(s *suite) {
	for _, n := range []string{"/foo/name1", "/foo/name2", "/bar/name3", "/bar/name3/name4", "/bar-x/y", "/bar.x/y", "foo", "/baz", "/baz/pwd"} {
		if n == "/baz/pwd" {
			s.put(n, "x", secure)
			continue
		}
		s.put(n, "x")
	}
	for _, x := range []struct {
		path      string
		recursive bool
		want      string
	}{
		{"/", false, "/baz foo"},
		{"/", true, "/bar-x/y /bar.x/y /bar/name3 /bar/name3/name4 /baz /baz/pwd /foo/name1 /foo/name2 foo"},
		{"/foo", false, "/foo/name1 /foo/name2"},
		{"/foo/", false, "/foo/name1 /foo/name2"},
		{"/fo", true, ""},
		{"/bar", false, "/bar/name3"},
		{"/bar", true, "/bar/name3 /bar/name3/name4"},
		{"/bar/name3", true, "/bar/name3/name4"},
		{"/nothing", true, ""},
	} {
		s.equal(fmt.Sprint(x.path, x.recursive), s.below(x.path, x.recursive), x.want)
	}
	s.equal("type", s.below("/", true, filter("Type", "", "SecureString")), "/baz/pwd")
	s.equal("types", s.below("/foo", true, filter("Type", "BeginsWith", "Str")), "/foo/name1 /foo/name2")
	s.equal("key", s.below("/", true, filter("KeyId", "Equals", "alias/aws/ssm")), "/baz/pwd")
	s.put("/foo/name1", "newer", overwrite)
	_, err := s.label("/foo/name1", 1, "tested")
	s.must(err)
	out, err := s.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: aws.String("/foo"), ParameterFilters: []types.ParameterStringFilter{filter("Label", "", "tested")}})
	s.must(err)
	if len(out.Parameters) != 1 || *out.Parameters[0].Value != "x" || out.Parameters[0].Version != 1 {
		s.Errorf("by label: %+v", out.Parameters)
	}
	get := func(path string, f ...types.ParameterStringFilter) error {
		_, err := s.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: &path, ParameterFilters: f})
		return err
	}
	const text = `The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/".`
	for _, path := range []string{"foo", "//", "/foo//", "/###", "/a b"} {
		s.refused(get(path), "ValidationException", text)
	}
	s.refused(get("/baz", filter("Name", "", "error")), "InvalidFilterKey", "*")
	s.refused(get("/baz", filter("Label", "BeginsWith", "x")), "InvalidFilterOption", "*")
	s.refused(get("/baz", filter("Type", "Contains", "x")), "InvalidFilterOption", "The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals].")
}

// byPathRights: the right on a path reveals what lies below, denied or not.
func byPathRights(s *suite) {
	s.put("/a/b/c", "1")
	s.put("/z/y", "1")
	u := s.user("pathfinder", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":["`+s.arn("/a")+`","`+s.arn("/a/*")+`"]},
		{"Effect":"Deny","Action":"ssm:*","Resource":"`+s.arn("/a/b*")+`"}]}`)
	s.equal("revealed", u.below("/a", true), "/a/b/c")
	_, err := u.tryGet("/a/b/c", false)
	s.refused(err, "AccessDeniedException", "*")
	for _, path := range []string{"/a/b", "/z", "/"} {
		_, err := u.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: &path})
		s.refused(err, "AccessDeniedException", "*")
	}
	shallow := s.user("shallow", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:GetParametersByPath","Resource":"*","Condition":{"StringEquals":{"ssm:Recursive":"false"}}}]}`)
	s.equal("one level", shallow.below("/z", false), "/z/y")
	_, err = shallow.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: aws.String("/z"), Recursive: aws.Bool(true)})
	s.refused(err, "AccessDeniedException", "*")
}

func describe(s *suite) {
	s.put("/d/a", "x", secure, func(in *ssm.PutParameterInput) { in.Description = aws.String("what it is") })
	m := s.describe("/d/a")
	s.equal("metadata", []any{*m.Name, *m.ARN, m.Type, *m.KeyId, *m.Description, m.Version, m.Tier, *m.DataType, m.Policies != nil},
		[]any{"/d/a", s.arn("/d/a"), "SecureString", "alias/aws/ssm", "what it is", 1, "Standard", "text", true})
	shared, err := s.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{Shared: aws.Bool(true)})
	s.must(err)
	s.equal("shared", len(shared.Parameters), 0)
}

func filters(s *suite) {
	for _, n := range []string{"param", "/param-2", "/tangent-3", "tangram-4", "standby-5", "/foo/name1", "/foo/name2", "/foo/deep/er"} {
		s.put(n, "x")
	}
	s.put("/sec/a", "x", secure, advanced, func(in *ssm.PutParameterInput) { in.Tags = tag("env", "prod") })
	s.put("/sec/b", "x", secure, func(in *ssm.PutParameterInput) { in.Tags = tag("env", "dev") })
	for _, x := range []struct {
		f    []types.ParameterStringFilter
		want string
	}{
		{[]types.ParameterStringFilter{filter("Name", "", "param")}, "param"},
		{[]types.ParameterStringFilter{filter("Name", "", "/param", "param-2", "none")}, "/param-2 param"},
		{[]types.ParameterStringFilter{filter("Name", "BeginsWith", "param")}, "/param-2 param"},
		{[]types.ParameterStringFilter{filter("Name", "BeginsWith", "/foo/n", "tang")}, "/foo/name1 /foo/name2 /tangent-3 tangram-4"},
		{[]types.ParameterStringFilter{filter("Name", "BeginsWith", "/foo")}, "/foo/deep/er /foo/name1 /foo/name2"},
		{[]types.ParameterStringFilter{filter("Name", "BeginsWith", "/")}, "/foo/deep/er /foo/name1 /foo/name2 /param-2 /sec/a /sec/b /tangent-3 param standby-5 tangram-4"},
		{[]types.ParameterStringFilter{filter("Name", "Contains", "ram")}, "/param-2 param tangram-4"},
		{[]types.ParameterStringFilter{filter("Name", "Contains", "/tan")}, "/tangent-3 tangram-4"},
		{[]types.ParameterStringFilter{filter("Path", "", "/fo")}, ""},
		{[]types.ParameterStringFilter{filter("Path", "", "/foo")}, "/foo/name1 /foo/name2"},
		{[]types.ParameterStringFilter{filter("Path", "OneLevel", "/foo/", "/sec")}, "/foo/name1 /foo/name2 /sec/a /sec/b"},
		{[]types.ParameterStringFilter{filter("Path", "Recursive", "/foo")}, "/foo/deep/er /foo/name1 /foo/name2"},
		{[]types.ParameterStringFilter{filter("Path", "", "/")}, "/param-2 /tangent-3 param standby-5 tangram-4"},
		{[]types.ParameterStringFilter{filter("Type", "", "SecureString")}, "/sec/a /sec/b"},
		{[]types.ParameterStringFilter{filter("KeyId", "BeginsWith", "alias")}, "/sec/a /sec/b"},
		{[]types.ParameterStringFilter{filter("Tier", "", "Advanced")}, "/sec/a"},
		{[]types.ParameterStringFilter{filter("DataType", "", "aws:ec2:image")}, ""},
		{[]types.ParameterStringFilter{filter("tag:env", "", "prod", "test")}, "/sec/a"},
		{[]types.ParameterStringFilter{filter("tag:env", "")}, "/sec/a /sec/b"},
		{[]types.ParameterStringFilter{filter("tag:env", "BeginsWith", "d")}, "/sec/b"},
		{[]types.ParameterStringFilter{filter("tag:env", ""), filter("Name", "", "/sec/b", "param")}, "/sec/b"},
		{[]types.ParameterStringFilter{filter("Path", "Recursive", "/sec"), filter("Tier", "", "Standard"), filter("Type", "", "SecureString")}, "/sec/b"},
	} {
		s.equal(fmt.Sprintf("%s %v %v", *x.f[0].Key, aws.ToString(x.f[0].Option), x.f[0].Values), s.found(x.f...), x.want)
	}
	old, err := s.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{Filters: []types.ParametersFilter{{Key: "Name", Values: []string{"/sec/"}}}})
	s.must(err)
	s.equal("old filters", len(old.Parameters), 2)
}

// badFilters: the SDK does not read the text of InvalidFilterKey, whose shape has
// no member for it.
func badFilters(s *suite) {
	try := func(code, message string, f ...types.ParameterStringFilter) {
		s.Helper()
		_, err := s.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{ParameterFilters: f})
		s.refused(err, code, message)
	}
	try("ValidationException", "1 validation error detected: Value 'key' at 'parameterFilters.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType", filter("key", "", "x"))
	try("InvalidFilterKey", "*", filter("Label", "", "x"))
	try("InvalidFilterValue", "The following filter values are missing : null for filter key Name", filter("Name", ""))
	try("InvalidFilterKey", "*", filter("Name", "", "a"), filter("Name", "", "b"))
	try("ValidationException", `Filters for common parameters can't be prefixed with "aws" or "ssm" (case-insensitive).`, filter("Path", "", "/aws", "/ssm"))
	try("InvalidFilterOption", "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel]", filter("Path", "Equals", "test"))
	try("InvalidFilterOption", "The following filter value is not valid: test. Valid values include: [Standard, Advanced, Intelligent-Tiering]", filter("Tier", "", "test"))
	try("InvalidFilterOption", "The following filter value is not valid: test. Valid values include: [String, StringList, SecureString]", filter("Type", "", "test"))
	try("InvalidFilterOption", "The following filter option is not valid: option. Valid options include: [BeginsWith, Equals].", filter("Name", "option", "test"))
	for _, path := range []string{"/###", "//", "test"} {
		try("ValidationException", "The parameter doesn't meet the parameter name requirements", filter("Path", "", path))
	}
	_, err := s.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{
		Filters: []types.ParametersFilter{{Key: "Name", Values: []string{"x"}}}, ParameterFilters: []types.ParameterStringFilter{filter("Name", "", "x")},
	})
	s.refused(err, "ValidationException", "You can use either Filters or ParameterFilters in a single request.")
}

func pages(s *suite) {
	for i := range 23 {
		s.put(fmt.Sprintf("/p/%02d", i), "x")
	}
	out, err := s.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: aws.String("/p")})
	s.must(err)
	if len(out.Parameters) != 10 || out.NextToken == nil {
		s.Fatalf("%d, %v", len(out.Parameters), out.NextToken)
	}
	s.equal("all pages", len(strings.Fields(s.below("/p", false))), 23)
	next := &ssm.GetParametersByPathInput{Path: aws.String("/p"), NextToken: out.NextToken, MaxResults: aws.Int32(4)}
	more, err := s.ssm.GetParametersByPath(s.ctx, next)
	s.must(err)
	s.equal("goes on", *more.Parameters[0].Name, "/p/10")
	s.equal("at most", len(more.Parameters), 4)

	// A token is good for its own list only.
	other := &ssm.GetParametersByPathInput{Path: aws.String("/"), NextToken: out.NextToken}
	_, err = s.ssm.GetParametersByPath(s.ctx, other)
	s.refused(err, "InvalidNextToken", "The specified token is invalid.")
	_, err = s.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{NextToken: out.NextToken})
	s.refused(err, "InvalidNextToken", "*")
	_, err = s.as(s.NewAccount(s)).ssm.GetParametersByPath(s.ctx, next)
	s.refused(err, "InvalidNextToken", "*")
	_, err = s.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: aws.String("/p"), MaxResults: aws.Int32(11)})
	s.refused(err, "ValidationException", "1 validation error detected: Value '11' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 10")
	d, err := s.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{MaxResults: aws.Int32(5)})
	s.must(err)
	s.equal("describe", len(d.Parameters), 5)
	s.equal("describe, all", len(s.described()), 23)
}
