package functions

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// environment is what the runtime finds in its environment: the function's own
// variables first, then those that AWS reserves ("Defined runtime environment
// variables"), which win.
func environment(f *Function, rt Runtime, c Credentials, stream, endpoint string, p places, site []string) []string {
	task, opt, runtimeDir := p.task, p.opt, p.runtime
	env := make([]string, 0, len(f.Env)+32)
	add := func(name, value string) { env = append(env, name+"="+value) }
	own := func(name string) bool { _, ok := f.Env[name]; return ok }
	for name, value := range f.Env {
		add(name, value)
	}
	byDefault := func(name, value string) {
		if !own(name) {
			add(name, value)
		}
	}
	byDefault("PATH", "/usr/local/bin:/usr/bin:/bin:"+opt+"/bin")
	byDefault("LD_LIBRARY_PATH", task+":"+task+"/lib:"+opt+"/lib")
	byDefault("LANG", "en_US.UTF-8")
	byDefault("TZ", ":UTC")
	byDefault("PWD", task)
	byDefault("SHLVL", "0")
	byDefault("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR")
	switch {
	case strings.HasPrefix(rt.Name, "nodejs"):
		major := strings.SplitN(rt.Version, ".", 2)[0]
		byDefault("NODE_PATH", strings.Join([]string{opt + "/nodejs/node" + major + "/node_modules", opt + "/nodejs/node_modules", runtimeDir + "/node_modules"}, ":"))
	case strings.HasPrefix(rt.Name, "python"):
		// The runtime client puts the layers' folders on the path itself: this
		// variable would reach programs that the function starts.
		byDefault("PYTHONPATH", runtimeDir)
		add("REDOUBT_SITE", strings.Join(site, ":"))
	}
	if !strings.HasPrefix(rt.Name, "provided") {
		add("AWS_EXECUTION_ENV", "AWS_Lambda_"+rt.Name)
	}
	add("_HANDLER", f.Handler)
	add("LAMBDA_TASK_ROOT", task)
	add("LAMBDA_RUNTIME_DIR", runtimeDir)
	add("REDOUBT_LAYERS", opt)
	add("AWS_REGION", f.Region)
	add("AWS_DEFAULT_REGION", f.Region)
	add("AWS_LAMBDA_FUNCTION_NAME", f.Name)
	add("AWS_LAMBDA_FUNCTION_VERSION", f.Version)
	add("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(f.Memory))
	add("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
	add("AWS_LAMBDA_LOG_GROUP_NAME", f.LogGroup)
	add("AWS_LAMBDA_LOG_STREAM_NAME", stream)
	if f.JSON {
		level := f.Level
		if level == "" {
			level = "INFO"
		}
		add("AWS_LAMBDA_LOG_FORMAT", "JSON")
		add("AWS_LAMBDA_LOG_LEVEL", level)
	}
	if c.AccessKeyID != "" {
		add("AWS_ACCESS_KEY_ID", c.AccessKeyID)
		add("AWS_SECRET_ACCESS_KEY", c.SecretAccessKey)
		add("AWS_SESSION_TOKEN", c.SessionToken)
	}
	if endpoint != "" {
		byDefault("AWS_ENDPOINT_URL", endpoint)
	}
	return env
}

// places are where a function finds what, inside its sandbox.
type places struct{ task, opt, runtime string }

var sandboxed = places{"/var/task", "/opt", "/var/runtime"}

// command is what starts the runtime.
func command(rt Runtime, p places, bootstrap string) []string {
	switch {
	case strings.HasPrefix(rt.Name, "python"):
		return []string{rt.Interpreter, "-S", path.Join(p.runtime, "bootstrap.py")}
	case strings.HasPrefix(rt.Name, "nodejs"):
		return []string{rt.Interpreter, path.Join(p.runtime, "bootstrap.mjs")}
	}
	return []string{bootstrap}
}

// findBootstrap answers the program of a provided runtime, or "".
func findBootstrap(dirs ...string) string {
	for _, d := range dirs {
		if d == "" {
			continue
		}
		p := path.Join(d, "bootstrap")
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p
		}
	}
	return ""
}
