package ssm_test

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func (s *suite) label(name string, version int64, labels ...string) (*ssm.LabelParameterVersionOutput, error) {
	in := &ssm.LabelParameterVersionInput{Name: &name, Labels: labels}
	if version != 0 {
		in.ParameterVersion = &version
	}
	return s.ssm.LabelParameterVersion(s.ctx, in)
}

// kept are the numbers of the versions in the history.
func (s *suite) kept(name string) (list []int64, labels map[int64][]string) {
	s.Helper()
	labels = map[int64][]string{}
	p := ssm.NewGetParameterHistoryPaginator(s.ssm, &ssm.GetParameterHistoryInput{Name: &name, MaxResults: aws.Int32(7)})
	for p.HasMorePages() {
		out, err := p.NextPage(s.ctx)
		s.must(err)
		for _, h := range out.Parameters {
			list = append(list, h.Version)
			labels[h.Version] = h.Labels
			s.equal("value", *h.Value, "v"+strconv.Itoa(int(h.Version)))
		}
	}
	return list, labels
}

func versions(s *suite) {
	for i := 1; i <= 100; i++ {
		s.put("v", fmt.Sprint("v", i), overwrite)
	}
	list, _ := s.kept("v")
	s.equal("all", []int64{int64(len(list)), list[0], list[99]}, []int64{100, 1, 100})
	_, err := s.label("v", 1, "keep")
	s.must(err)
	_, err = s.tryPut("v", "v101", overwrite)
	s.refused(err, "ParameterMaxVersionLimitExceeded", "You attempted to create a new version of v by calling the PutParameter API with the overwrite flag. Version 1, the oldest version, can't be deleted because it has a label associated with it.")
	_, err = s.label("v", 50, "keep")
	s.must(err)
	for i := 101; i <= 107; i++ {
		s.put("v", fmt.Sprint("v", i), overwrite)
	}
	list, labels := s.kept("v")
	s.equal("hundred", []int64{int64(len(list)), list[0], list[99]}, []int64{100, 8, 107})
	s.equal("label", labels[50], "[keep]")
	_, err = s.tryGet("v:7", false)
	s.refused(err, "ParameterVersionNotFound", "Systems Manager could not find version 7 of v. Verify the version and try again.")
	s.equal("by label", s.get("v:keep").Version, 50)
	_, err = s.ssm.DeleteParameter(s.ctx, &ssm.DeleteParameterInput{Name: aws.String("v")})
	s.must(err)
	s.put("v", "v1")
	list, labels = s.kept("v")
	s.equal("anew", fmt.Sprint(list, labels[1]), "[1] []")
}

func selectors(s *suite) {
	s.put("/s/a", "one")
	s.put("/s/a", "two", overwrite)
	_, err := s.label("/s/a", 1, "prod")
	s.must(err)
	p := s.get("/s/a:1")
	s.equal("by number", []any{*p.Value, p.Version, *p.Selector, *p.Name}, []any{"one", 1, ":1", "/s/a"})
	p = s.get("/s/a:prod")
	s.equal("by label", []any{*p.Value, p.Version, *p.Selector}, []any{"one", 1, ":prod"})
	p = s.get(s.arn("/s/a") + ":prod")
	s.equal("by ARN and label", []any{*p.Value, *p.Name, *p.ARN}, []any{"one", "/s/a", s.arn("/s/a")})
	if p = s.get("/s/a"); p.Selector != nil || *p.DataType != "text" || p.SourceResult != nil {
		s.Errorf("%+v", p)
	}
	for name, want := range map[string][2]string{
		"/s/a:3":                    {"ParameterVersionNotFound", "Systems Manager could not find version 3 of /s/a. Verify the version and try again."},
		"/s/a:0":                    {"ParameterVersionNotFound", "*"},
		"/s/a:dev":                  {"ParameterVersionNotFound", "*"},
		"/s/a:":                     {"ParameterVersionNotFound", "*"},
		"/s/a:1:2":                  {"ParameterNotFound", ""},
		"/s/none:2":                 {"ParameterNotFound", ""},
		"/s/a:99999999999999999999": {"ParameterVersionNotFound", "*"},
	} {
		_, err := s.tryGet(name, false)
		s.refused(err, want[0], want[1])
	}
}

func labels(s *suite) {
	s.put("l", "v1")
	s.put("l", "v2", overwrite)
	out, err := s.label("l", 0, "good", "9bad", "awsbad", "SSMbad", "a/b")
	s.must(err)
	s.equal("invalid", fmt.Sprint(out.InvalidLabels, out.ParameterVersion), "[9bad awsbad SSMbad a/b] 2")
	_, err = s.label("l", 1, "good", "more")
	s.must(err)
	_, have := s.kept("l")
	s.equal("moved", fmt.Sprint(have), "map[1:[good more] 2:[]]")
	_, err = s.label("l", 1, "a", "b", "c", "d", "e", "f", "g", "h", "i")
	s.refused(err, "ParameterVersionLabelLimitExceeded", "*")
	_, err = s.label("l", 9, "a")
	s.refused(err, "ParameterVersionNotFound", "Systems Manager could not find version 9 of l.")
	_, err = s.label("none", 1, "a")
	s.refused(err, "ParameterNotFound", "")
	un, err := s.ssm.UnlabelParameterVersion(s.ctx, &ssm.UnlabelParameterVersionInput{Name: aws.String("l"), ParameterVersion: aws.Int64(1), Labels: []string{"more", "none"}})
	s.must(err)
	s.equal("unlabelled", fmt.Sprint(un.RemovedLabels, un.InvalidLabels), "[more] [none]")
	_, err = s.tryGet("l:more", false)
	s.refused(err, "ParameterVersionNotFound", "*")
	s.equal("the other stays", s.get("l:good").Version, 1)
}

func history(s *suite) {
	s.put("h", "one", secure, func(in *ssm.PutParameterInput) { in.Description = aws.String("d1") })
	s.put("h", "two", secure, overwrite, func(in *ssm.PutParameterInput) { in.Description = aws.String("d2") })
	out, err := s.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: aws.String(s.arn("h")), WithDecryption: aws.Bool(true)})
	s.must(err)
	a, b := out.Parameters[0], out.Parameters[1]
	s.equal("first", []any{a.Version, *a.Value, *a.Description, *a.KeyId, a.Tier, a.Type}, []any{1, "one", "d1", "alias/aws/ssm", "Standard", "SecureString"})
	s.equal("second", []any{b.Version, *b.Value, *b.Description, b.Labels != nil, b.Policies != nil}, []any{2, "two", "d2", true, true})
	out, err = s.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: aws.String("h")})
	s.must(err)
	if *out.Parameters[0].Value == "one" || out.NextToken != nil {
		s.Errorf("%+v", out)
	}
	_, err = s.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: aws.String("none")})
	s.refused(err, "ParameterNotFound", "")
	_, err = s.ssm.GetParameterHistory(s.ctx, &ssm.GetParameterHistoryInput{Name: aws.String("h"), NextToken: aws.String("x")})
	s.refused(err, "InvalidNextToken", "The specified token is invalid.")
}

func tags(s *suite) {
	s.put("t", "x", func(in *ssm.PutParameterInput) { in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}} })
	id := aws.String("t")
	add := func(pairs ...string) error {
		in := &ssm.AddTagsToResourceInput{ResourceType: "Parameter", ResourceId: id}
		for i := 0; i < len(pairs); i += 2 {
			in.Tags = append(in.Tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		_, err := s.ssm.AddTagsToResource(s.ctx, in)
		return err
	}
	list := func() string {
		out, err := s.ssm.ListTagsForResource(s.ctx, &ssm.ListTagsForResourceInput{ResourceType: "Parameter", ResourceId: id})
		s.must(err)
		text := ""
		for _, t := range out.TagList {
			text += *t.Key + "=" + *t.Value + " "
		}
		return text
	}
	s.must(add("b", "2", "a", "3"))
	s.equal("added", list(), "a=3 b=2 ")
	_, err := s.ssm.RemoveTagsFromResource(s.ctx, &ssm.RemoveTagsFromResourceInput{ResourceType: "Parameter", ResourceId: id, TagKeys: []string{"a", "none"}})
	s.must(err)
	s.equal("removed", list(), "b=2 ")
	s.refused(add("aws:x", "1"), "ValidationException", "*")
	s.refused(add("c", "1", "c", "2"), "ValidationException", "*")
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	s.refused(add(many...), "TooManyTagsError", "*")
	id = aws.String("none")
	s.refused(add("a", "1"), "InvalidResourceId", "")
	_, err = s.ssm.ListTagsForResource(s.ctx, &ssm.ListTagsForResourceInput{ResourceType: "Document", ResourceId: aws.String("t")})
	s.refused(err, "InvalidResourceId", "")
}
