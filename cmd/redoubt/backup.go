package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/engine/backup"
	"github.com/redoubt-sec/redoubt/server"
)

func backupCommand() *cobra.Command {
	var p pointer
	var recipient string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write an encrypted backup of a running server",
		Long: "Writes one consistent state to FILE, encrypted to the recipient whose secret half is kept away from the server\n" +
			"(redoubt backup keygen). The ledger, which tells a later restore what was revoked in the meantime, is written to\n" +
			"FILE.ledger; the server keeps its own in the data directory. A restore wants the newest ledger there is.",
		Example: "  redoubt backup keygen backup.key                 # once, elsewhere; prints the recipient\n" +
			"  redoubt backup monday.redoubt --recipient redoubt-backup-recipient-1:…",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			body, err := c.stream(cmd.Context(), http.MethodPost, "/_redoubt/v1/backup", map[string]string{"Recipient": recipient})
			if err != nil {
				return err
			}
			defer body.Close()
			size, err := backup.Save(args[0], &progress{Reader: body, out: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes\n", args[0], size)
			return copyLedger(filepath.Join(p.data, "ledger"), args[0]+".ledger", cmd.OutOrStdout())
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&recipient, "recipient", "", "whom to encrypt to: what keygen printed")
	cmd.MarkFlagRequired("recipient")
	cmd.AddCommand(keygenCommand(), verifyCommand())
	return cmd
}

// copyLedger leaves the ledger beside the backup. A server on another machine
// keeps it there.
func copyLedger(from, to string, out io.Writer) error {
	b, err := os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		_, err := fmt.Fprintln(out, "the ledger lies in the server's data directory, which is not here: copy it too")
		return err
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, to)
	return err
}

// progress says on a terminal how far a long copy has come.
type progress struct {
	io.Reader
	out  io.Writer
	n    int64
	last time.Time
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.n += int64(n)
	if f, ok := p.out.(*os.File); ok && time.Since(p.last) > 500*time.Millisecond {
		if info, e := f.Stat(); e == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintf(f, "\r%d MiB ", p.n>>20)
		}
		p.last = time.Now()
	}
	return n, err
}

func keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make the key pair of a recipient: the secret half in FILE, the public half printed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := backup.Keygen()
			if err != nil {
				return err
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(f, "# secret: opens redoubt backups\n%s\n", id.Secret()); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), id.Recipient())
			return err
		},
	}
}

func verifyCommand() *cobra.Command {
	var identity string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Read a whole backup and check that it is authentic and complete",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(identity)
			if err != nil {
				return err
			}
			id, err := backup.ParseIdentity(string(text))
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			s, err := backup.Verify(f, id)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "whole and authentic: %d records at revision %d, made %s\n", s.Records, s.Revision, s.Created.Format(time.RFC3339))
			return err
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "file with the recipient's secret half")
	cmd.MarkFlagRequired("identity")
	return cmd
}

func restoreCommand() *cobra.Command {
	var plan server.RestorePlan
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a new data directory of a backup",
		Long: "Fills a new --data directory from a backup. A restore sets time back, so it wants the newest ledger there is: KMS\n" +
			"keys that were deleted and access keys that were revoked since the backup was made stay so. Without a ledger it must\n" +
			"be told so, and lists what came back.\n\n" +
			"The seal that was in force when the backup was made opens the root key in it.",
		Args: cobra.ExactArgs(1),
	}
	addFlags(cmd.Flags())
	fs := cmd.Flags()
	fs.StringVar(&plan.Identity, "identity", "", "file with the recipient's secret half")
	fs.StringVar(&plan.Ledger, "ledger", "", "ledger file")
	fs.BoolVar(&plan.WithoutLedger, "without-ledger", false, "restore although nobody knows what was revoked since")
	fs.StringSliceVar(&plan.Withhold, "withhold", nil, `kinds of which nothing is to come back, e.g. "access key"`)
	fs.BoolVar(&plan.Changed, "changed", false, "let access keys come back that were changed (not deleted) since")
	cmd.MarkFlagRequired("identity")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		conf, err := loadConfig(cmd.Flags(), os.Getenv)
		if err != nil {
			return err
		}
		r, err := server.Restore(cmd.Context(), conf, args[0], plan, logger(conf, cmd.ErrOrStderr()))
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%d records of %s restored to %s\n", r.Restored, r.Created.Format(time.RFC3339), conf.Data)
		for _, i := range r.Withheld {
			fmt.Fprintln(out, "withheld:", i)
		}
		for _, i := range r.Older {
			fmt.Fprintln(out, "came back as it was before a later change:", i)
		}
		for _, i := range r.Returned {
			fmt.Fprintln(out, "came back, perhaps revoked since:", i)
		}
		if !r.KnownThrough.IsZero() {
			fmt.Fprintf(out, "The ledger knows of revocations until %s; what was revoked later came back.\n", r.KnownThrough.Format(time.RFC3339))
		}
		fmt.Fprintln(out, "Review what came back: policies that were tightened since are as they were.")
		return nil
	}
	return cmd
}
