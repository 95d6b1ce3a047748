// Apigen writes the api packages from the AWS service models in botocore's
// format:
//
//	apigen [-models DIR] [-authorization DIR] [-out DIR] [-only]
//	apigen -vectors DIR -out DIR
//
// The first form reads DIR/<service>/service-2.json and paginators-1.json (or a
// botocore checkout, DIR/<service>/<version>/service-2.json.gz) and the IAM
// actions of DIR/<prefix>.json, and writes OUT/<service>api, and OUT/all, which
// lists them. The second writes
// the inline models of the protocol test suites as one package, for the tests
// of package wire.
//
// What it writes depends on the models alone and carries none of their
// documentation.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/redoubt-sec/redoubt/op/schema"
)

func main() {
	models := flag.String("models", "../shared/aws-models/services", "service models, or a botocore checkout's data `directory`")
	auth := flag.String("authorization", "../shared/aws-models/authorization", "`directory` of the IAM actions by prefix")
	protocolTests := flag.String("vectors", "", "`directory` of the protocol tests; write their models instead")
	out := flag.String("out", "api", "`directory` to write to")
	only := flag.Bool("only", false, "write the services' packages only, not the lists of all of them")
	flag.Parse()
	err := errors.New("no arguments are known")
	switch {
	case flag.NArg() > 0:
	case *protocolTests != "":
		err = vectors(*protocolTests, *out)
	default:
		err = generate(*models, *auth, *out, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

// generate writes a package for every service in models.
func generate(models, auth, out string, only bool) error {
	list, err := sources(models)
	if err != nil {
		return err
	}
	var units []*unit
	for _, src := range list {
		u, err := load(src, auth)
		if err != nil {
			return err
		}
		if err := emit(u).write(filepath.Join(out, packageName(src.name))); err != nil {
			return fmt.Errorf("%s: %w", src.name, err)
		}
		units = append(units, u)
	}
	if only {
		return nil
	}
	if err := index(units).write(filepath.Join(out, "all")); err != nil {
		return err
	}
	return proof(units).write(out)
}

// load reads one service.
func load(src source, auth string) (*unit, error) {
	m := new(model)
	if err := read(filepath.Join(src.dir, "service-2.json"), m); err != nil {
		return nil, err
	}
	u, err := build(src.name, m, "")
	if err != nil {
		return nil, err
	}
	var p pagination
	if err := read(filepath.Join(src.dir, "paginators-1.json"), &p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, op := range slices.Sorted(maps.Keys(p.Pagination)) {
		x := p.Pagination[op]
		u.service.Paginators = append(u.service.Paginators, schema.Paginator{
			Operation: op, InputToken: x.InputToken, OutputToken: x.OutputToken,
			LimitKey: x.LimitKey, ResultKey: x.ResultKey, MoreResults: x.MoreResults,
		})
	}
	a, err := readAuthorization(auth, u.service.IAMPrefix)
	if err != nil {
		return nil, err
	}
	authorize(&u.service, a, m.Operations)
	return u, nil
}
