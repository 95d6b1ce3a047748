package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func rotationCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "rotation", Short: "Look at the rotation of secrets"}
	cmd.AddCommand(diagnoseCommand())
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
