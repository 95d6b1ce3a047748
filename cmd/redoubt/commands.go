package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/api/redoubtapi"
)

func statusCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how a running server is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var s struct {
				Version, Installation, Account, Store, Mode string
				Started, Now                                float64
				Revision                                    int64
				Seal                                        struct {
					Kind, Resealing string
					Sealed          bool
					Generation      int64
				}
				Problems []struct{ Name, Problem string }
				Services []struct {
					Name                    string
					Operations, Implemented int
				}
			}
			if err := c.call(cmd.Context(), http.MethodGet, "/_redoubt/v1/status", nil, &s); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			started := time.Unix(int64(s.Started), 0)
			fmt.Fprintf(w, "endpoint\t%s\nversion\t%s\nmode\t%s\nup since\t%s (%s)\n", c.url, s.Version, s.Mode,
				started.Format(time.RFC3339), time.Since(started).Round(time.Second))
			fmt.Fprintf(w, "installation\t%s, administered by account %s\nstore\t%s at revision %d\n", s.Installation, s.Account, s.Store, s.Revision)
			state := "unsealed"
			if s.Seal.Sealed {
				state = "SEALED"
			}
			fmt.Fprintf(w, "seal\t%s, %s, root key %d\n", s.Seal.Kind, state, s.Seal.Generation)
			if s.Seal.Resealing != "" {
				fmt.Fprintf(w, "\t%s\n", s.Seal.Resealing)
			}
			for _, x := range s.Services {
				fmt.Fprintf(w, "%s\t%d of %d operations\n", x.Name, x.Implemented, x.Operations)
			}
			for _, x := range s.Problems {
				fmt.Fprintf(w, "PROBLEM\t%s: %s\n", x.Name, x.Problem)
			}
			return w.Flush()
		},
	}
	p.flags(cmd)
	return cmd
}

func accountCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Make and list accounts"}
	cmd.AddCommand(accountCreateCommand(), accountListCommand())
	return cmd
}

func accountCreateCommand() *cobra.Command {
	var p pointer
	var name, out string
	cmd := &cobra.Command{
		Use:   "create [ACCOUNT-ID]",
		Short: "Make an account with an administrator, and write its credentials to a file",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			in := map[string]string{}
			if len(args) == 1 {
				in["AccountId"] = args[0]
			}
			if name != "" {
				in["Name"] = name
			}
			var a redoubtapi.CreateAccountResponse
			if err := c.call(cmd.Context(), http.MethodPost, "/_redoubt/v1/accounts", in, &a); err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(p.data, "credentials-"+*a.AccountId)
			}
			text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", *a.AccessKeyId, *a.SecretAccessKey)
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("account %s was made, but its credentials could not be written (%w); make new ones with: redoubt admin reset-credentials --of %s", *a.AccountId, err, *a.AccountId)
			}
			if _, err := f.WriteString(text); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "account %s, user %s: credentials in %s\n", *a.AccountId, *a.UserName, out)
			return err
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&name, "name", "", "a name for the account")
	cmd.Flags().StringVar(&out, "credentials", "", "file to write its credentials to; default: DATA/credentials-ACCOUNT")
	return cmd
}

func accountListCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ACCOUNT\tNAME\tCREATED")
			for next := ""; ; {
				var page struct {
					Accounts []struct {
						AccountId, Name string
						Created         float64
					}
					NextToken string
				}
				if err := c.call(cmd.Context(), http.MethodGet, "/_redoubt/v1/accounts"+next, nil, &page); err != nil {
					return err
				}
				for _, a := range page.Accounts {
					fmt.Fprintf(w, "%s\t%s\t%s\n", a.AccountId, a.Name, time.Unix(int64(a.Created), 0).UTC().Format(time.RFC3339))
				}
				if page.NextToken == "" {
					return w.Flush()
				}
				next = "?nextToken=" + url.QueryEscape(page.NextToken)
			}
		},
	}
	p.flags(cmd)
	return cmd
}

func explainCommand() *cobra.Command {
	var p pointer
	var principal, action, resource, policyFile string
	var conditions []string
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show why a principal may or may not do something",
		Long: "Evaluates every policy that applies to a principal, an action and a resource, and prints which statement of which\n" +
			"policy decided and why the others did not match. KMS keys and roles bring their own policy; for other resources\n" +
			"give it with --resource-policy.",
		Example: "  redoubt explain --principal arn:aws:iam::123456789012:user/ci --action kms:Decrypt \\\n" +
			"    --resource arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab \\\n" +
			"    --context kms:EncryptionContext:app=billing",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			in := map[string]any{"PrincipalArn": principal, "Action": action, "Region": p.region}
			if resource != "" {
				in["ResourceArn"] = resource
			}
			if policyFile != "" {
				b, err := os.ReadFile(policyFile)
				if err != nil {
					return err
				}
				in["ResourcePolicy"] = string(b)
			}
			context := map[string][]string{}
			for _, kv := range conditions {
				k, v, ok := strings.Cut(kv, "=")
				if !ok {
					return fmt.Errorf("--context %q is not KEY=VALUE", kv)
				}
				context[k] = append(context[k], v)
			}
			if len(context) > 0 {
				in["Context"] = context
			}
			var out struct {
				Allowed                bool
				Reason, Message, Trace string
			}
			if err := c.call(cmd.Context(), http.MethodPost, "/_redoubt/v1/explain", in, &out); err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), out.Trace)
			if !out.Allowed {
				fmt.Fprintln(cmd.OutOrStdout(), out.Message)
			}
			return nil
		},
	}
	p.flags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&principal, "principal", "", "ARN of a user, role, role session or account root")
	fs.StringVar(&action, "action", "", "the action, e.g. kms:Decrypt")
	fs.StringVar(&resource, "resource", "", "ARN of the resource; default: *")
	fs.StringVar(&policyFile, "resource-policy", "", "file with the resource's policy")
	fs.StringArrayVar(&conditions, "context", nil, "a condition key of the request, KEY=VALUE; can be repeated")
	cmd.MarkFlagRequired("principal")
	cmd.MarkFlagRequired("action")
	return cmd
}

// sealStatus is the seal as the server reports it.
type sealStatus struct {
	Kind, Resealing             string
	Sealed                      bool
	Generation                  int64
	Threshold, Shares, Progress int
}

func sealCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "seal", Short: "Show, open and change the seal of the root key"}
	cmd.AddCommand(sealStatusCommand(), sealRotateCommand(), unsealCommand())
	return cmd
}

func sealStatusCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the seal; works while sealed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.control(cmd, http.MethodGet, "seal", nil)
		},
	}
	p.flags(cmd)
	return cmd
}

func unsealCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:   "open",
		Short: "Hand in one share (read from standard input), or try an automatic seal again",
		Long: "Reads one share per call from standard input, so that it appears neither in the process list nor in the\n" +
			"shell's history. With nothing on standard input, a seal that opens by itself (a token or another KMS that was\n" +
			"away) is tried again.",
		Example: "  redoubt seal open < share-1.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			share, err := readLine(cmd.InOrStdin())
			if err != nil {
				return err
			}
			return p.control(cmd, http.MethodPost, "unseal", map[string]string{"share": share})
		},
	}
	p.flags(cmd)
	return cmd
}

func sealRotateCommand() *cobra.Command {
	var p pointer
	in := struct {
		RotateRoot                                                                                                bool
		Kind, KeyFile, PassphraseFile, Module, Token, PinFile, Label, KeyId, Endpoint, KmsRegion, CredentialsFile string `json:",omitempty"`
		Shares, Threshold                                                                                         int    `json:",omitempty"`
	}{}
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Put the root key under a new seal, or a new root key under everything",
		Long: "The new wrap of the root key is written and proven by an unseal before the old one is removed. Paths are read by\n" +
			"the server. Afterwards the server's own configuration must name the new seal.\n\n" +
			"Old wraps live on in backups and storage logs: if the old seal leaked, use --rotate-root, which makes a new root\n" +
			"key and seals everything anew.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			for _, path := range []*string{&in.KeyFile, &in.PassphraseFile, &in.PinFile, &in.CredentialsFile} {
				if *path == "" {
					continue
				}
				if *path, err = filepath.Abs(*path); err != nil {
					return err
				}
			}
			var out struct {
				Seal   sealStatus
				Shares []string
			}
			if err := c.call(cmd.Context(), http.MethodPost, "/_redoubt/v1/seal/rotate", in, &out); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			for i, s := range out.Shares {
				fmt.Fprintf(w, "share %d: %s\n", i+1, s)
			}
			if len(out.Shares) > 0 {
				fmt.Fprintf(w, "\nGive each share to a different person. %d of them open the seal; they are not shown again.\n\n", out.Seal.Threshold)
			}
			_, err = fmt.Fprintf(w, "the root key (%d) is under a seal of kind %s\n", out.Seal.Generation, out.Seal.Kind)
			return err
		},
	}
	p.flags(cmd)
	fs := cmd.Flags()
	fs.BoolVar(&in.RotateRoot, "rotate-root", false, "make a new root key and seal everything anew")
	fs.StringVar(&in.Kind, "kind", "", "kind of the new seal; default: the present one's")
	fs.StringVar(&in.KeyFile, "seal-key", "", "file seal: path of the new key")
	fs.StringVar(&in.PassphraseFile, "passphrase-file", "", "passphrase seal: file that holds the new one")
	fs.StringVar(&in.Module, "pkcs11-module", "", "pkcs11 seal: module")
	fs.StringVar(&in.Token, "pkcs11-token", "", "pkcs11 seal: token label")
	fs.StringVar(&in.PinFile, "pkcs11-pin-file", "", "pkcs11 seal: file that holds the PIN")
	fs.StringVar(&in.Label, "pkcs11-label", "", "pkcs11 seal: key label")
	fs.StringVar(&in.KeyId, "kms-key", "", "awskms seal: key")
	fs.StringVar(&in.Endpoint, "kms-endpoint", "", "awskms seal: endpoint")
	fs.StringVar(&in.KmsRegion, "kms-region", "", "awskms seal: region")
	fs.StringVar(&in.CredentialsFile, "kms-credentials", "", "awskms seal: credentials file")
	fs.IntVar(&in.Shares, "shares", 0, "shamir seal: number of shares")
	fs.IntVar(&in.Threshold, "threshold", 0, "shamir seal: how many open it")
	return cmd
}

// control calls a path that is not signed but carries the token from the data
// directory, and prints the answer.
func (p *pointer) control(cmd *cobra.Command, method, name string, in any) error {
	c, err := p.plain()
	if err != nil {
		return err
	}
	var out map[string]any
	if err := c.control(cmd.Context(), method, name, in, &out); err != nil {
		return err
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), string(b))
	return err
}
