package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func load(t *testing.T, file string, env map[string]string, args ...string) (c struct {
	Listen, Data string
	Drain        time.Duration
	Hosts        []string
	Dev          bool
	Quota        float64
}, err error) {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(fs)
	if file != "" {
		path := filepath.Join(t.TempDir(), "redoubt.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	conf, err := loadConfig(fs, func(k string) string { return env[k] })
	c.Listen, c.Data, c.Drain, c.Hosts, c.Dev = conf.Listen, conf.Data, conf.DrainTimeout, conf.Hosts, conf.Dev
	c.Quota = conf.Quotas["kms:Encrypt"]
	return c, err
}

func TestFlagsWinOverEnvironmentOverFile(t *testing.T) {
	file := "listen: 127.0.0.1:1\ndata: /file\ndrain-timeout: 5s\nquotas:\n  kms:Encrypt: 2.5\n"
	c, err := load(t, file, nil)
	if err != nil || c.Listen != "127.0.0.1:1" || c.Data != "/file" || c.Drain != 5*time.Second || c.Quota != 2.5 {
		t.Fatalf("%+v %v", c, err)
	}
	env := map[string]string{"REDOUBT_LISTEN": "127.0.0.1:2", "REDOUBT_HOSTS": "a.example,b.example"}
	c, err = load(t, file, env)
	if err != nil || c.Listen != "127.0.0.1:2" || len(c.Hosts) != 2 {
		t.Fatalf("%+v %v", c, err)
	}
	c, err = load(t, file, env, "--listen", "127.0.0.1:3", "--dev", "--hosts", "c.example")
	if err != nil || c.Listen != "127.0.0.1:3" || !c.Dev || len(c.Hosts) != 1 || c.Hosts[0] != "c.example" {
		t.Fatalf("%+v %v", c, err)
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	_, err := load(t, "lisen: 127.0.0.1:1\n", nil)
	if err == nil || !strings.Contains(err.Error(), "lisen") {
		t.Fatalf("%v", err)
	}
}

func TestBadValuesNameTheirSource(t *testing.T) {
	_, err := load(t, "", map[string]string{"REDOUBT_DEV": "maybe"})
	if err == nil || !strings.Contains(err.Error(), "REDOUBT_DEV") {
		t.Fatalf("%v", err)
	}
}
