// Redoubt is the server and its command line.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/engine/functions"
)

// version is set at build time.
var version = "devel"

func main() {
	functions.Sandboxed() // this program is also what surrounds functions
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		if code, ok := exitCode(err); ok {
			os.Exit(code)
		}
		fmt.Fprintln(os.Stderr, "redoubt:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "redoubt",
		Short:         "AWS's security services on your own machines",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	cmd.SetVersionTemplate("redoubt {{.Version}}\n")
	cmd.AddCommand(
		serveCommand(), checkCommand(),
		envCommand(), execCommand(), statusCommand(),
		accountCommand(), explainCommand(), rotationCommand(),
		sealCommand(), backupCommand(), restoreCommand(), adminCommand(), blobCommand(),
		versionCommand(), docsCommand(),
	)
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "redoubt", version)
			return err
		},
	}
}
