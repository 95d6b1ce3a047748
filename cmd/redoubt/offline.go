package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/server"
)

func adminCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "Work on the data directory of a stopped server"}
	cmd.AddCommand(resetCredentialsCommand())
	return cmd
}

func resetCredentialsCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:   "reset-credentials",
		Short: "Give an account's administrator a new access key in place of all it had",
		Long: "Works on the data directory of a stopped server, opened with its seal. The administrator is made again if it is gone.\n" +
			"The new key is written to the data directory.",
		Args: cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	cmd.Flags().StringVar(&account, "of", "", "account; default: the first one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := loadConfig(cmd.Flags(), os.Getenv)
		if err != nil {
			return err
		}
		path, err := server.ResetCredentials(cmd.Context(), conf, account, logger(conf, cmd.ErrOrStderr()))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "new credentials in", path)
		return err
	}
	return cmd
}
