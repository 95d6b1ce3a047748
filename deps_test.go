package redoubt

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/redoubt-sec/redoubt"

// allowed says which of our packages each part may import directly, and why.
// The most specific rule counts; a trailing /... covers what lies below.
var allowed = []struct {
	part    string
	imports []string
	why     string
}{
	{".", nil, "the vocabulary imports nothing of ours, so that everything may import it"},
	{"op/schema", nil, "tables of plain data"},
	{"op/schema/schematest", []string{"op/schema"}, "what tests ask of tables"},
	{"op", []string{".", "op/schema"}, "rows know their descriptors and the vocabulary"},
	{"api/all", []string{"api/...", "op/schema"}, "the list of all models"},
	{"api/...", []string{".", "op", "op/schema"}, "generated tables bind shapes to operations and know nothing else"},
	{"wire/...", []string{".", "op/schema", "wire/...", "api/all"}, "codecs walk schemas; they know no service"},
	{"sigv4", []string{"."}, "signatures are checked without knowing what is asked"},
	{"egress", []string{"."}, "the one way out knows no one who uses it"},
	{"store", nil, "records know nothing but the vocabulary"},
	{"store/...", []string{".", "store/..."}, "backends know the contract"},
	{"blob", nil, "bytes know nothing of what they mean"},
	{"blob/...", []string{".", "blob/..."}, "backends know the contract"},
	{"engine/...", []string{".", "store", "blob", "egress", "sigv4", "engine/..."}, "engines do the work and know neither wire nor service"},
	{"service/...", []string{".", "op", "op/schema", "api/...", "store", "blob", "engine/..."}, "rooms stand side by side: they reach each other through op.Invoker only"},
	{"front", []string{".", "op", "op/schema", "wire/...", "sigv4", "store", "engine/identity", "engine/policy", "engine/trail"}, "the one door"},
	{"front/http1", []string{"wire"}, "reads requests and writes answers; it knows nothing of what they are about"},
	{"server", []string{"..."}, "the only place that knows every part"},
	{"redoubttest", []string{".", "server", "store/..."}, "production's assembly is the tests' assembly"},
	{"bench", []string{"server", "sigv4"}, "a client that measures the server from outside"},
	{"proof/...", []string{".", "redoubttest", "server", "op", "op/schema", "api/...", "sigv4"}, "tests of the whole from outside"},
	{"cases", []string{"redoubttest"}, "scripts against a whole server"},
	{"cmd/apigen", []string{"op/schema"}, "a generator of tables"},
	{"cmd/redoubt", []string{"...", "!front", "!wire/..."}, "flags and subcommands"},
}

// servers are the only packages that may run an HTTP server.
var servers = []string{"front", "engine/edge", "engine/functions", "server", "bench"}

func TestImportRules(t *testing.T) {
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue // tests may reach across to check what users see
		}
		rule := ruleFor(f.dir)
		if rule < 0 {
			t.Errorf("%s: no rule for this package: add one to allowed, with its reason", f.path)
			continue
		}
		r := allowed[rule]
		for _, imp := range f.imports {
			if imp == "net/http" || imp == "net/http/httputil" {
				checkHTTP(t, f)
			}
			rel, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			rel = strings.TrimPrefix(rel, "/")
			if rel == "" {
				rel = "."
			}
			if rel == f.dir || strings.HasPrefix(rel, f.dir+"/internal/") {
				continue
			}
			if !permits(r.imports, rel) {
				t.Errorf("%s imports %s: %s", f.path, rel, r.why)
			}
			if strings.HasPrefix(f.dir, "service/") && strings.HasPrefix(rel, "service/") {
				t.Errorf("%s imports %s: services call each other through op.Invoker", f.path, rel)
			}
		}
	}
}

// checkHTTP keeps servers and outgoing requests in their places.
func checkHTTP(t *testing.T, f goFile) {
	ast.Inspect(f.file, func(n ast.Node) bool {
		name, made := "", false
		switch n := n.(type) {
		case *ast.SelectorExpr:
			name = httpName(n)
		case *ast.CompositeLit:
			name, made = httpName(n.Type), true
		}
		switch name {
		case "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS", "Server":
			if !slices.Contains(servers, f.dir) {
				t.Errorf("%s: http.%s: HTTP servers run only in %v", f.path, name, servers)
			}
		case "Client", "Transport":
			if !made {
				break // handing one on is fine; egress makes them
			}
			fallthrough
		case "Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport":
			if f.dir != "egress" && f.dir != "cmd/redoubt" && f.dir != "bench" {
				t.Errorf("%s: http.%s: outgoing requests go through egress", f.path, name)
			}
		}
		return true
	})
}

// httpName is X of an expression http.X.
func httpName(e ast.Expr) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "http" {
		return ""
	}
	return sel.Sel.Name
}

// TestOnlyTheDoorMakesCalls keeps identity a typed argument that only
// authentication can make.
func TestOnlyTheDoorMakesCalls(t *testing.T) {
	makers := map[string][]string{
		// identity and IAM also decide suppositions (does a role trust a service?
		// what could this user do?), STS callers that prove themselves by a token.
		"Call":      {"front", "engine/identity", "service/iam"},
		"Principal": {"front", "engine/identity", "service/iam", "service/sts"},
	}
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			sel, ok := lit.Type.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "redoubt" {
				if who, guarded := makers[sel.Sel.Name]; guarded && !slices.Contains(who, f.dir) && len(lit.Elts) > 0 {
					t.Errorf("%s makes a redoubt.%s: only %v may", f.path, sel.Sel.Name, who)
				}
			}
			return true
		})
	}
}

type goFile struct {
	path, dir string
	imports   []string
	file      *ast.File
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "." || d.Name() == "redoubt-data") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		mode := parser.SkipObjectResolution
		if strings.HasPrefix(filepath.ToSlash(path), "api/") {
			mode |= parser.ImportsOnly
		}
		file, err := parser.ParseFile(fset, path, nil, mode)
		if err != nil {
			return err
		}
		f := goFile{path: path, dir: filepath.ToSlash(filepath.Dir(path)), file: file}
		for _, i := range file.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ruleFor answers the most specific rule for a folder, or -1.
func ruleFor(dir string) int {
	best, length := -1, -1
	for i, r := range allowed {
		if covers(r.part, dir) && len(r.part) > length {
			best, length = i, len(r.part)
		}
	}
	return best
}

func covers(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == base || strings.HasPrefix(dir, base+"/")
	}
	return pattern == dir
}

func permits(patterns []string, dir string) bool {
	ok := false
	for _, p := range patterns {
		if not, neg := strings.CutPrefix(p, "!"); neg {
			if covers(not, dir) {
				return false
			}
		} else if covers(p, dir) {
			ok = true
		}
	}
	return ok
}
