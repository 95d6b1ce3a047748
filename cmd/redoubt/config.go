package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/redoubt-sec/redoubt/server"
)

// Settings come from the file, the environment and flags, each winning over the
// one before. All three know a setting by its yaml tag in server.Config.

// setting is one field of server.Config.
type setting struct {
	name, help string
	field      int
	kind       reflect.Type
}

// env is the environment variable of a setting: listen-tls, REDOUBT_LISTEN_TLS.
func (s setting) env() string {
	return "REDOUBT_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// scalar reports whether the setting has a flag and an environment variable;
// maps and structures are for the file only.
func (s setting) scalar() bool {
	return s.kind.Kind() != reflect.Map && s.kind.Kind() != reflect.Struct
}

func settings() []setting {
	t := reflect.TypeFor[server.Config]()
	var all []setting
	for i := range t.NumField() {
		f := t.Field(i)
		all = append(all, setting{f.Tag.Get("yaml"), f.Tag.Get("help"), i, f.Type})
	}
	return all
}

// addFlags declares a flag for every scalar setting.
func addFlags(fs *pflag.FlagSet) {
	defaults := reflect.ValueOf(server.Defaults())
	fs.String("config", "", "configuration file (YAML); also REDOUBT_CONFIG")
	for _, s := range settings() {
		if !s.scalar() {
			continue
		}
		switch d := defaults.Field(s.field).Interface().(type) {
		case bool:
			fs.Bool(s.name, d, s.help)
		case int:
			fs.Int(s.name, d, s.help)
		case int64:
			fs.Int64(s.name, d, s.help)
		case time.Duration:
			fs.Duration(s.name, d, s.help)
		case []string:
			fs.StringSlice(s.name, d, s.help)
		case string:
			fs.String(s.name, d, s.help)
		default:
			panic("no flag for " + s.name)
		}
	}
}

// loadConfig puts the settings together, completes and checks them.
func loadConfig(fs *pflag.FlagSet, getenv func(string) string) (server.Config, error) {
	var c server.Config
	path := getenv("REDOUBT_CONFIG")
	if f := fs.Lookup("config"); f != nil && f.Changed {
		path = f.Value.String()
	}
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("configuration: %w", err)
		}
		if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
			return c, fmt.Errorf("configuration %s:\n%s", path, yaml.FormatError(err, false, true))
		}
	}
	var errs []error
	v := reflect.ValueOf(&c).Elem()
	for _, s := range settings() {
		if !s.scalar() {
			continue
		}
		if text := getenv(s.env()); text != "" {
			if err := set(v.Field(s.field), text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.env(), err))
			}
		}
		if f := fs.Lookup(s.name); f != nil && f.Changed {
			text := f.Value.String()
			if f.Value.Type() == "stringSlice" {
				text = strings.Trim(text, "[]")
			}
			if err := set(v.Field(s.field), text); err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", s.name, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	return c, c.Complete()
}

// set reads text into a field.
func set(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		*p = n
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is no duration such as 90s or 24h", text)
		}
		*p = d
	case *[]string:
		*p = strings.Split(text, ",")
	default:
		return errors.New("can only be set in the configuration file")
	}
	return nil
}
