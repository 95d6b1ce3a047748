package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func rotationCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "rotation", Short: "Look after the rotation of secrets"}
	cmd.AddCommand(diagnoseCommand(), manageCommand())
	return cmd
}

func diagnoseCommand() *cobra.Command {
	var p pointer
	cmd := &cobra.Command{
		Use:   "diagnose SECRET",
		Short: "Show where a secret's rotation stands, and what keeps it from succeeding",
		Long: "Prints the state of a secret's rotation, its last runs step by step with the errors of the function, the function's\n" +
			"log as far as there is one, and the likely cause of a failure. SECRET is a name or an ARN.",
		Example: "  redoubt rotation diagnose prod/db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var out struct{ Report string }
			in := map[string]any{"SecretId": args[0], "Region": p.region}
			if err := c.call(cmd.Context(), http.MethodPost, "/_redoubt/v1/rotation/diagnose", in, &out); err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), out.Report)
			return nil
		},
	}
	p.flags(cmd)
	return cmd
}

func manageCommand() *cobra.Command {
	var p pointer
	users := "one"
	cmd := &cobra.Command{
		Use:   "manage SECRET",
		Short: "Put a secret's rotation into the server's own hands",
		Long: "From then on rotate-secret takes no function for the secret, which shows redoubt as its owning service. The secret's value\n" +
			"says what kind of database it is for. SECRET is a name or an ARN.",
		Example: "  redoubt rotation manage prod/db --users two\n  aws secretsmanager rotate-secret --secret-id prod/db --rotation-rules AutomaticallyAfterDays=30",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var out struct{ SecretArn, OwningService string }
			in := map[string]any{"SecretId": args[0], "Region": p.region, "Users": users}
			if err := c.call(cmd.Context(), http.MethodPost, "/_redoubt/v1/rotation/manage", in, &out); err != nil {
				return err
			}
			if out.OwningService == "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s rotates by a function again, once one is named\n", out.SecretArn)
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is managed by %s: aws secretsmanager rotate-secret needs no function for it\n", out.SecretArn, out.OwningService)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&users, "users", users, "one user, two that take `turns` (one, two), or none to end it")
	p.flags(cmd)
	return cmd
}
