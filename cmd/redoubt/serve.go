package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/server"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server until it is told to stop (SIGTERM, interrupt); running calls are finished first.\n\n" +
			"Every flag can also be set in the configuration file or as an environment variable: --listen-tls is\n" +
			"listen-tls in the file and REDOUBT_LISTEN_TLS in the environment.",
		Args: cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	var profile string
	cmd.Flags().StringVar(&profile, "cpu-profile", "", "write a CPU profile (pprof) of the whole run to this file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := loadConfig(cmd.Flags(), os.Getenv)
		if err != nil {
			return err
		}
		log := logger(conf, cmd.ErrOrStderr())
		if profile != "" {
			f, err := os.OpenFile(profile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		s, err := server.Start(cmd.Context(), conf, server.Options{Log: log, Version: version})
		if err != nil {
			return err
		}
		go tendMemory(cmd.Context())
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "redoubt %s is listening on %s\n", version, s.URL())
		if u := s.TLSURL(); u != "" {
			fmt.Fprintf(out, "and, with the CA in %s/ca.pem, on %s\n", conf.Data, u)
		}
		exe := os.Args[0]
		data := ""
		if conf.Data != server.Defaults().Data {
			data = " --data " + quote(conf.Data)
		}
		fmt.Fprintf(out, "\nTo use it from a shell:\n\n    eval \"$(%s env%s)\"\n\n", exe, data)
		return s.Wait(cmd.Context())
	}
	return cmd
}

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration without starting anything",
		Args:  cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := loadConfig(cmd.Flags(), os.Getenv)
		if err != nil {
			return err
		}
		for _, w := range conf.Warnings() {
			fmt.Fprintln(cmd.OutOrStdout(), "warning:", w)
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "configuration ok")
		return err
	}
	return cmd
}

func logger(c server.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(c.LogLevel)) // Complete has checked it
	opts := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
