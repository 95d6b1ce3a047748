package policy

import "testing"

func TestDocument(t *testing.T) {
	text := `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"One","Effect":"Allow","Principal":{"AWS":["` + home + `","` + alice + `"],"Service":"s3.amazonaws.com"},"Action":"kms:*","Resource":"*"},{"Effect":"Deny","NotPrincipal":"*","Action":"kms:*","Resource":"*"}]}`
	d := must(t, KeyPolicy, text)
	if d.Text() != text || d.Kind() != KeyPolicy || d.Version() != Version2012 || d.ID() != "key-default-1" || d.Len() != 2 {
		t.Errorf("%+v", d)
	}
	if d.Sid(0) != "One" || d.Sid(1) != "" || d.Denies(0) || !d.Denies(1) {
		t.Error("statements are mixed up")
	}
	want := []Named{
		{Statement: 0, Type: "AWS", Value: home}, {Statement: 0, Type: "AWS", Value: alice},
		{Statement: 0, Type: "Service", Value: "s3.amazonaws.com"}, {Statement: 1, Value: "*", Not: true},
	}
	got := d.Principals()
	for i := range got {
		got[i].start, got[i].end = 0, 0
		if i >= len(want) || got[i] != want[i] {
			t.Errorf("principal %d: %+v", i, got[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d principals", len(got))
	}
}

func TestSyntaxErrorText(t *testing.T) {
	_, err := Parse(one(`"Effect":"Allow","Action":"list","Resource":"*"`), Identity)
	want := `Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: "list" (Statement.Action) at line 1, column 64`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// Names that would break out of a JSON string stay inside.
func TestRenameQuotes(t *testing.T) {
	d := must(t, Trust, one(`"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`))
	text := d.Rename(func(Named) string { return "a\"b\\c\n" })
	root, fault := readJSON(text)
	if fault != nil {
		t.Fatal(fault.why)
	}
	if got := root.find("Statement").find("Principal").find("AWS").text; got != "a\"b\\c\n" {
		t.Errorf("%q", got)
	}
}

func TestJSONStrings(t *testing.T) {
	for text, want := range map[string]string{
		`"\b\f\n\r\t\/\\\""`: "\b\f\n\r\t/\\\"", `"\u00e9\ud83d\ude00é"`: "é😀é", `""`: "", `"\ufffd"`: "\ufffd",
	} {
		n, fault := readJSON(text)
		if fault != nil || n.text != want {
			t.Errorf("%s: %+v", text, fault)
		}
	}
	for _, text := range []string{`"`, `"\`, `"\u12`, `"\u+123"`, `"\ud83d"`, `"\ud83d\n"`, `"\ud83d\u0041"`, `"\ude00"`, `"a` + "\t" + `"`, `"\x"`, `-`, `1.`, `1e`, `tru`, `01`, `{"a"}`, `{"a":1,}`, `[1 2]`, `{a:1}`, ``} {
		if _, fault := readJSON(text); fault == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}
