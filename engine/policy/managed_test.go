package policy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Every policy that AWS manages must be accepted as it is. The documents lie
// beside the project, not in it.
func TestManagedPolicies(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/aws-models/managed-policies/*.json")
	if len(files) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("the managed policies are missing beside the project")
		}
		t.Skip("the managed policies are not beside the project")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Name     string
			Document json.RawMessage
		}
		if err := json.Unmarshal(raw, &m); err != nil || m.Name == "" || len(m.Document) == 0 {
			t.Errorf("%s: no managed policy: %v", file, err)
			continue
		}
		d, err := ParseManaged(string(m.Document))
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		for _, kind := range []Kind{Boundary, SessionPolicy} {
			if _, err := Parse(string(m.Document), kind); err != nil {
				t.Errorf("%s as %v: %v", m.Name, kind, err)
			}
		}
		if d.Len() == 0 {
			t.Errorf("%s: no statements", m.Name)
		}
	}
}
