package ssm_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// TestRestart: everything is there after a restart, and no value lies on the disk
// in the clear.
func TestRestart(t *testing.T) {
	server := redoubttest.Start(t, redoubttest.Options{Store: "pebble"})
	s := (&suite{T: t, Server: server}).as(server.Admin)
	const planted = "planted-where-the-search-must-find-it"
	values := map[string]string{}
	put := func(name string, change ...func(*ssm.PutParameterInput)) {
		text := "secret value " + strings.Repeat(fmt.Sprint(len(values)), 8) + " of " + strings.ToUpper(strings.ReplaceAll(name, "/", " "))
		values[name] = text
		s.put(name, text, change...)
	}
	put("/r/plain")
	put("/r/secure", secure)
	put("/r/advanced", secure, advanced, with("["+twoDaysNoNews+"]"))
	for i := range 6 {
		s.put("/r/versions", fmt.Sprint("secret version ", i), secure, overwrite)
	}
	_, err := s.label("/r/versions", 2, "stable")
	s.must(err)
	s.put("/r/"+planted, "secret value of no account")
	out, err := s.ssm.PutResourcePolicy(s.ctx, &ssm.PutResourcePolicyInput{ResourceArn: aws.String(s.arn("/r/advanced")), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + s.account.ID + `"},"Action":"ssm:GetParameter","Resource":"` + s.arn("/r/advanced") + `"}]}`)})
	s.must(err)

	if s.search(server.Data, planted) == 0 { // the log is not compressed
		t.Error("the search does not find what is there")
	}
	server = server.Restart(t)
	s = (&suite{T: t, Server: server}).as(server.Admin)
	for name, text := range values {
		s.equal(name, *s.get(name).Value, text)
	}
	s.equal("label", *s.get("/r/versions:stable").Value, "secret version 1")
	s.equal("newest", *s.get("/r/versions").Value, "secret version 5")
	s.equal("path", s.below("/r", false), "/r/advanced /r/plain /r/"+planted+" /r/secure /r/versions")
	s.standing("/r/advanced", "NoChangeNotification=Pending ")
	list, err := s.ssm.GetResourcePolicies(s.ctx, &ssm.GetResourcePoliciesInput{ResourceArn: aws.String(s.arn("/r/advanced"))})
	s.must(err)
	if len(list.Policies) != 1 || *list.Policies[0].PolicyHash != *out.PolicyHash {
		t.Errorf("%+v", list.Policies)
	}
	s.search(server.Data, planted)
}

// search looks for values in all files, and answers how often it finds what is
// planted among them in the clear.
func (s *suite) search(dir, planted string) (found int) {
	s.Helper()
	s.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found += bytes.Count(b, []byte(planted))
		for _, secret := range []string{"secret value", "secret version"} {
			if bytes.Contains(b, []byte(secret)) {
				s.Errorf("%s holds a value", path)
			}
		}
		return nil
	}))
	return found
}
