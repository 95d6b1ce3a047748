package main

import (
	"fmt"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// index makes package all, which lists the packages of services.
func index(units []*unit) files {
	f := files{}
	imports := []string{schemaImport}
	for _, u := range units {
		imports = append(imports, rootImport+"/api/"+packageName(u.service.Name))
	}
	b := f.open("all.go", "all", "Package all lists every generated model. Whoever imports it links all of them;\na service imports its own api package only.", "the packages beside this one", imports...)
	b.WriteString("// Services answers the models, by name. They are shared: do not change them.\nfunc Services() []*schema.Service {\nreturn []*schema.Service{\n")
	for _, u := range units {
		fmt.Fprintf(b, "&%s.Model,\n", packageName(u.service.Name))
	}
	b.WriteString("}\n}\n")
	return f
}

// proof makes the table of Go types that the api packages' own test compares
// with the shape tables. That it compiles proves that every operation has its
// descriptor, and every modelled error its kind.
func proof(units []*unit) files {
	f := files{}
	imports := []string{rootImport, schemaImport}
	for _, u := range units {
		imports = append(imports, rootImport+"/api/"+packageName(u.service.Name))
	}
	b := f.open("models_test.go", "api", "", "the packages in this folder", imports...)
	b.WriteString(`type described struct {
	model      *schema.Service
	operations []describedOperation
	errors     []describedError
}

type describedOperation struct {
	desc          string
	input, output any
}

type describedError struct {
	shape string
	value any
	kind  redoubt.ErrorKind
}

`)
	b.WriteString("var models = []described{\n")
	for _, u := range units {
		pkg := packageName(u.service.Name)
		fmt.Fprintf(b, "{model: &%s.Model", pkg)
		if !u.listed {
			b.WriteString(", operations: []describedOperation{\n")
			for i := range u.service.Operations {
				n := u.service.Operations[i].Name
				fmt.Fprintf(b, "{%[1]s.%[2]s.Name, (*%[1]s.%[3]s)(nil), (*%[1]s.%[4]s)(nil)},\n", pkg, u.descs[n], u.inputs[n], u.outputs[n])
			}
			b.WriteString("}, errors: []describedError{\n")
			for i := range u.service.Shapes {
				if s := &u.service.Shapes[i]; s.Has(schema.Exception) {
					fmt.Fprintf(b, "{%[2]q, (*%[1]s.%[3]s)(nil), %[1]s.%[4]s},\n", pkg, s.Name, u.types[schema.Index(i)], u.errors[schema.Index(i)])
				}
			}
			b.WriteString("}")
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	return f
}
