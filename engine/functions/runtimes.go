package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// interpreter is a program of this host that runs functions.
type interpreter struct {
	family  string // "python" or "nodejs"
	path    string
	prefix  string   // where its library lies
	version string   // "3.11.2"
	sdk     bool     // it comes with boto3, as AWS's does
	site    []string // folders of packages of this host
}

// interpreters finds the host's interpreters, once.
var interpreters = sync.OnceValue(func() []interpreter {
	var names []string
	for minor := 30; minor >= 8; minor-- {
		names = append(names, fmt.Sprintf("python3.%d", minor))
	}
	names = append(names, "python3", "node", "nodejs")
	dirs := append([]string{"/usr/bin", "/usr/local/bin"}, filepath.SplitList(os.Getenv("PATH"))...)
	var found []interpreter
	asked := map[string]bool{}
	for _, dir := range dirs {
		for _, name := range names {
			path := filepath.Join(dir, name)
			real, err := filepath.EvalSymlinks(path)
			if err != nil || asked[real] || !filepath.IsAbs(real) {
				continue
			}
			asked[real] = true
			if name != "python3" && name != "node" && isScript(real) {
				continue // version switchers have one for every version that exists
			}
			if i, ok := ask(path); ok && !asked["= "+i.path] {
				asked["= "+i.path], asked[i.path] = true, true
				found = append(found, i)
			}
		}
	}
	return found
})

func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	var b [2]byte
	n, _ := f.Read(b[:])
	return n < 2 || string(b[:]) == "#!"
}

// Programs by which interpreters tell what they are.
const (
	askPython = `import sys,json,site,importlib.util as u;print(json.dumps({"path":sys.executable,"prefix":sys.base_prefix,"version":"%d.%d.%d"%sys.version_info[:3],"sdk":bool(u.find_spec("boto3")),"site":[p for p in sys.path if p in site.getsitepackages()]}))`
	askNode   = `console.log(JSON.stringify({path:process.execPath,version:process.versions.node}))`
)

func ask(path string) (interpreter, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	i := interpreter{family: "python"}
	args := []string{"-I", "-c", askPython}
	if strings.HasPrefix(filepath.Base(path), "node") {
		i.family, args = "nodejs", []string{"-e", askNode}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Dir = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, "/"
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return i, false
	}
	var told struct {
		Path, Prefix, Version string
		SDK                   bool
		Site                  []string
	}
	if json.Unmarshal(out, &told) != nil {
		return i, false
	}
	i.path, i.prefix, i.version, i.sdk, i.site = told.Path, told.Prefix, told.Version, told.SDK, told.Site
	if real, err := filepath.EvalSymlinks(i.path); err == nil && i.family == "nodejs" {
		i.path = real
	}
	return i, filepath.IsAbs(i.path) && i.version != ""
}

var (
	pythonName   = regexp.MustCompile(`^python3\.(\d{1,2})$`)
	nodeName     = regexp.MustCompile(`^nodejs(\d{1,2})\.x$`)
	providedName = regexp.MustCompile(`^provided\.al2(023)?$`)
)

// resolve finds what runs a runtime here.
func resolve(name string, strict bool) (Runtime, interpreter, error) {
	rt := Runtime{Name: name}
	if providedName.MatchString(name) {
		return rt, interpreter{}, nil
	}
	family, wanted, place := "", 0, 0
	if m := pythonName.FindStringSubmatch(name); m != nil {
		family, place = "python", 1
		wanted, _ = strconv.Atoi(m[1])
	} else if m := nodeName.FindStringSubmatch(name); m != nil {
		family = "nodejs"
		wanted, _ = strconv.Atoi(m[1])
	} else {
		return rt, interpreter{}, fmt.Errorf("%w: %q is none of python3.N, nodejsN.x, provided.al2, provided.al2023", ErrRuntime, name)
	}
	distance := func(i interpreter) int {
		n, _ := strconv.Atoi(strings.Split(i.version+".", ".")[place])
		return max(n-wanted, wanted-n)
	}
	fit := slices.DeleteFunc(slices.Clone(interpreters()), func(i interpreter) bool {
		return i.family != family || family == "python" && !strings.HasPrefix(i.version, "3.")
	})
	if len(fit) == 0 {
		return rt, interpreter{}, fmt.Errorf("%w: no interpreter for %s is installed", ErrRuntime, name)
	}
	slices.SortStableFunc(fit, func(a, b interpreter) int {
		if d := distance(a) - distance(b); d != 0 {
			return d
		}
		return ranked(a.sdk) - ranked(b.sdk)
	})
	best := fit[0]
	rt.Interpreter, rt.Version = best.path, best.version
	if distance(best) != 0 {
		if strict {
			return rt, best, fmt.Errorf("%w: %s: this host has version %s only", ErrRuntime, name, best.version)
		}
		rt.Note = fmt.Sprintf("%s runs on version %s, the nearest on this host", name, best.version)
	}
	return rt, best, nil
}

func ranked(sdk bool) int {
	if sdk {
		return 0
	}
	return 1
}

// known are the runtimes that hosts may have, for Capabilities.
func known(strict bool) []Runtime {
	var all []Runtime
	add := func(name string) {
		if rt, _, err := resolve(name, strict); err == nil {
			all = append(all, rt)
		}
	}
	add("provided.al2")
	add("provided.al2023")
	for minor := 9; minor <= 14; minor++ {
		add(fmt.Sprintf("python3.%d", minor))
	}
	for major := 18; major <= 24; major += 2 {
		add(fmt.Sprintf("nodejs%d.x", major))
	}
	return all
}
