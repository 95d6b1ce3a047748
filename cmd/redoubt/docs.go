package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/server"
)

// docsCommand writes the pages that are made from the program itself. They are
// committed; make check holds that they are current.
func docsCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "docs",
		Short:  "Write docs/status.md and docs/configuration.md",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := os.WriteFile(filepath.Join(dir, "status.md"), []byte(statusPage()), 0o644); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "configuration.md"), []byte(configurationPage()), 0o644)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "docs", "where to write")
	return cmd
}

// statusPage lists every operation of every known service.
func statusPage() string {
	var b strings.Builder
	b.WriteString("# Status\n\nMade by `make generate`. An operation that is not implemented answers HTTP 501 with the code `NotImplementedException`.\n\n")
	b.WriteString("| service | operations | implemented |\n|---|---:|---:|\n")
	catalog := server.Catalog()
	for _, s := range catalog {
		fmt.Fprintf(&b, "| [%s](#%s) | %d | %d |\n", s.Name, s.Name, len(s.Operations), s.Implemented())
	}
	for _, s := range catalog {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Name, s.FullName)
		if n := s.Implemented(); n == 0 {
			b.WriteString("\nNot implemented: no operation yet.\n")
			continue
		} else if n == len(s.Operations) {
			b.WriteString("\nAll operations are implemented.\n")
		}
		var done, missing []string
		for _, o := range s.Operations {
			if o.Done {
				done = append(done, o.Name)
			} else {
				missing = append(missing, o.Name)
			}
		}
		fmt.Fprintf(&b, "\nImplemented: %s\n", strings.Join(done, ", "))
		if len(missing) > 0 {
			fmt.Fprintf(&b, "\nNot implemented: %s\n", strings.Join(missing, ", "))
		}
	}
	return b.String()
}

// configurationPage lists every setting.
func configurationPage() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nMade by `make generate`. Settings come from the configuration file (`--config FILE` or `REDOUBT_CONFIG`, YAML), the environment and flags,\n" +
		"each winning over the one before. `redoubt check` says what is wrong with them. Unknown keys are refused.\n\n" +
		"| key in the file | flag | environment | default | meaning |\n|---|---|---|---|---|\n")
	defaults := reflect.ValueOf(server.Defaults())
	for _, s := range settings() {
		flag, env := "–", "–"
		if s.scalar() {
			flag, env = "`--"+s.name+"`", "`"+s.env()+"`"
		}
		value := ""
		if v := defaults.Field(s.field); s.scalar() && !v.IsZero() {
			value = fmt.Sprintf("`%v`", v.Interface())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.name, flag, env, value, s.help)
	}
	b.WriteString("\n" + configurationExample)
	return b.String()
}

const configurationExample = "## A file\n\n```yaml\n" +
	"data: /var/lib/redoubt\n" +
	"listen: off\n" +
	"listen-tls: 0.0.0.0:4567\n" +
	"hosts: [redoubt.example.com]\n" +
	"seal: file\n" +
	"seal-key: /etc/redoubt/seal.key\n" +
	"quotas:            # calls per second, account and Region\n" +
	"  kms:Encrypt: 5000\n" +
	"limits:            # resource quotas per account and Region, in place of AWS's\n" +
	"  ssm:StandardParameters: 1000000\n" +
	"  ssm:AdvancedParameters: 200000\n" +
	"cloudhsm:          # CloudHSM clusters of AWS_CLOUDHSM key stores, as PKCS#11 tokens\n" +
	"  cluster-1a23b4cdefg:\n" +
	"    module: /usr/lib/softhsm/libsofthsm2.so\n" +
	"    token: redoubt\n" +
	"    trust-anchor: /etc/redoubt/customerCA.crt\n" +
	"```\n"
