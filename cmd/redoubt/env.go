package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/server"
)

// pointer is what points a client at a server: its endpoint and credentials.
type pointer struct {
	data, endpoint, region, profile string
}

func (p *pointer) flags(cmd *cobra.Command) {
	d := server.Defaults()
	fs := cmd.Flags()
	fs.StringVar(&p.data, "data", env("REDOUBT_DATA", d.Data), "the server's data directory")
	fs.StringVar(&p.endpoint, "endpoint", "", "the server's address; default: the one it wrote to the data directory")
	fs.StringVar(&p.region, "region", env("AWS_REGION", env("AWS_DEFAULT_REGION", d.Region)), "AWS region")
	fs.StringVar(&p.profile, "profile", "default", "profile in the credentials file")
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// url is the server's address.
func (p *pointer) url() (string, error) {
	if p.endpoint != "" {
		return strings.TrimRight(p.endpoint, "/"), nil
	}
	b, err := os.ReadFile(filepath.Join(p.data, "endpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no server has run on %s: start one (redoubt serve), or name its --data or --endpoint", p.data)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

// variables are what AWS clients read. Source: AWS SDKs and Tools Reference
// Guide, "Environment variables support".
func (p *pointer) variables() ([][2]string, error) {
	url, err := p.url()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(p.data)
	if err != nil {
		return nil, err
	}
	vars := [][2]string{
		{"AWS_ENDPOINT_URL", url},
		{"AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials")},
		{"AWS_REGION", p.region},
		{"AWS_DEFAULT_REGION", p.region},
		// Clients that find no credentials otherwise ask the network for some.
		{"AWS_EC2_METADATA_DISABLED", "true"},
	}
	if strings.HasPrefix(url, "https:") {
		vars = append(vars, [2]string{"AWS_CA_BUNDLE", filepath.Join(dir, "ca.pem")})
	}
	return vars, nil
}

// hiding are variables that would win over the credentials file.
var hiding = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"}

func envCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:     "env",
		Short:   "Print the shell lines that point AWS clients at the server",
		Example: `  eval "$(redoubt env)"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			vars, err := p.variables()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintln(out, "unset", strings.Join(hiding, " "))
			for _, v := range vars {
				fmt.Fprintf(out, "export %s=%s\n", v[0], quote(v[1]))
			}
			return nil
		},
	}
	p.flags(cmd)
	return cmd
}

func execCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:     "exec -- COMMAND [ARGUMENT...]",
		Short:   "Run a command with endpoint and credentials set",
		Example: "  redoubt exec -- aws kms list-keys",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			vars, err := p.variables()
			if err != nil {
				return err
			}
			c := exec.CommandContext(cmd.Context(), args[0], args[1:]...)
			c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			for _, kv := range os.Environ() {
				name, _, _ := strings.Cut(kv, "=")
				if !contains(hiding, name) {
					c.Env = append(c.Env, kv)
				}
			}
			for _, v := range vars {
				c.Env = append(c.Env, v[0]+"="+v[1])
			}
			return c.Run()
		},
	}
	p.flags(cmd)
	return cmd
}

// exitCode is the code of a command that exec ran.
func exitCode(err error) (int, bool) {
	var e *exec.ExitError
	if errors.As(err, &e) && e.ExitCode() >= 0 {
		return e.ExitCode(), true
	}
	return 0, false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// quote makes s one word of a POSIX shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
