package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// suite is one entry of a protocol test file: a model and cases over it.
type suite struct {
	Metadata metadata               `json:"metadata"`
	Shapes   map[string]*modelShape `json:"shapes"`
	Cases    []struct {
		ID    string          `json:"id"`
		Given json.RawMessage `json:"given"`
	} `json:"cases"`
}

// vectorPackage is the name of the package that vectors writes.
const vectorPackage = "vectorapi"

// vectors writes the models of the protocol tests in dir/{input,output}/*.json
// as one package: a file per test file, and a list of the suites.
func vectors(dir, out string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return fmt.Errorf("no protocol tests in %s", dir)
	}
	slices.Sort(paths)
	f := files{}
	list := f.open("suites.go", vectorPackage, "", "the protocol tests")
	list.WriteString("var suites = []Suite{\n")
	for _, path := range paths {
		var suites []suite
		if err := read(path, &suites); err != nil {
			return err
		}
		name := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path) // input/json.json
		if err := vectorFile(f, list, name, suites); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	list.WriteString("}\n")
	return f.write(out)
}

// vectorFile writes the suites of one test file and their entries in list.
func vectorFile(f files, list *bytes.Buffer, name string, suites []suite) error {
	if len(suites) == 0 {
		return nil
	}
	stem := strings.TrimSuffix(name, ".json")
	var body bytes.Buffer
	imports := map[string]bool{schemaImport: true}
	for i := range suites {
		u, err := suites[i].unit(stem, i)
		if err != nil {
			return fmt.Errorf("suite %d: %w", i, err)
		}
		table(&body, u.unexported("shapes"), u.service.Shapes)
		table(&body, u.unexported("operations"), u.service.Operations)
		fmt.Fprintf(&body, "var %s = ", u.unexported("model"))
		u.printModel(&body)
		for _, p := range u.printTypes(&body) {
			imports[p] = true
		}
		for _, o := range u.service.Operations {
			fmt.Fprintf(list, "{File: %q, Index: %d, Service: &%s, Operation: %q,\n", name, i, u.unexported("model"), o.Name)
			fmt.Fprintf(list, "NewInput: func() any { return new(%s) },\nNewOutput: func() any { return new(%s) },\n", u.inputs[o.Name], u.outputs[o.Name])
			u.printNewError(list, o.Errors)
			list.WriteString("},\n")
		}
	}
	var sorted []string
	for p := range imports {
		sorted = append(sorted, p)
	}
	slices.Sort(sorted)
	f.open(strings.NewReplacer("/", "_", "-", "_").Replace(stem)+".go", vectorPackage, "", name, sorted...).Write(body.Bytes())
	return nil
}

// unit makes the tables of the i-th suite of a file. Its cases share one
// operation, or have several by name.
func (s *suite) unit(stem string, i int) (*unit, error) {
	m := &model{Metadata: s.Metadata, Shapes: s.Shapes, Operations: map[string]modelOperation{}}
	seen := map[string]string{}
	for _, c := range s.Cases {
		var o modelOperation
		if err := json.Unmarshal(c.Given, &o); err != nil {
			return nil, fmt.Errorf("%s: %w", c.ID, err)
		}
		if have, ok := seen[o.Name]; ok && have != string(c.Given) {
			return nil, fmt.Errorf("%s: another operation %s than the case before", c.ID, o.Name)
		}
		seen[o.Name] = string(c.Given)
		m.Operations[o.Name] = o
	}
	return build(stem+"/"+strconv.Itoa(i), m, constant(stem)+"Suite"+strconv.Itoa(i))
}

func (u *unit) printNewError(b *bytes.Buffer, errors []schema.Index) {
	if len(errors) == 0 {
		return
	}
	b.WriteString("NewError: func(shape string) any {\nswitch shape {\n")
	for _, at := range errors {
		fmt.Fprintf(b, "case %q: return new(%s)\n", u.service.At(at).Name, u.types[at])
	}
	b.WriteString("}\nreturn nil\n},\n")
}
