package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/service/admin"
)

func blobCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "blob", Short: "Work on the data of objects"}
	cmd.AddCommand(blobVerifyCommand())
	return cmd
}

var errFaults = errors.New("there are faults")

func blobVerifyCommand() *cobra.Command {
	var remove, online bool
	var endpoint, profile string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the data of every object are there, unchanged and authentic",
		Long: "Reads everything, on the data directory of a stopped server, opened with its seal, or with --online through a running\n" +
			"one, which takes the right redoubt:VerifyBlobs. Data under the root key (SSE-S3) are decrypted. So are data under KMS\n" +
			"keys by a running server, as far as the caller may use the keys (kms:Decrypt). Of all others the ciphertext is compared\n" +
			"with its checksum, and the reason is told. Listings must agree with versions. Blobs that nothing refers to, as they are\n" +
			"left when the store was restored from a backup, are counted. Exits with 1 if there are faults.",
		Args: cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&remove, "remove-orphans", false, "remove blobs that nothing refers to")
	cmd.Flags().BoolVar(&online, "online", false, "let the running server do it")
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "with --online: the server's address; default: the one it wrote to the data directory")
	cmd.Flags().StringVar(&profile, "profile", "default", "with --online: profile in the credentials file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := loadConfig(cmd.Flags(), os.Getenv)
		if err != nil {
			return err
		}
		p := &scrubbing{out: cmd.ErrOrStderr(), began: time.Now()}
		var r *objects.Report
		if online {
			at := pointer{data: conf.Data, endpoint: endpoint, region: env("AWS_REGION", env("AWS_DEFAULT_REGION", conf.Region)), profile: profile}
			r, err = verifyOnline(cmd.Context(), at, remove, p.tell)
		} else {
			r, err = server.VerifyBlobs(cmd.Context(), conf, remove, p.tell, logger(conf, cmd.ErrOrStderr()))
		}
		p.end()
		if r != nil && (err == nil || r.Versions > 0) {
			printReport(cmd.OutOrStdout(), r)
		}
		if err == nil && r.Bad > 0 {
			err = errFaults
		}
		return err
	}
	return cmd
}

// verifyOnline has a running server do it.
func verifyOnline(ctx context.Context, at pointer, remove bool, progress func(objects.Progress)) (*objects.Report, error) {
	c, err := at.client()
	if err != nil {
		return nil, err
	}
	body, err := c.stream(ctx, http.MethodPost, "/_redoubt/v1/blob/verify", map[string]bool{"RemoveOrphans": remove})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	for lines := json.NewDecoder(body); ; {
		var l admin.Line
		if err := lines.Decode(&l); err != nil {
			return nil, fmt.Errorf("the server stopped before the end: %w", err)
		}
		switch {
		case l.Progress != nil:
			progress(*l.Progress)
			continue
		case l.Error != "":
			return l.Report, errors.New(l.Error)
		case l.Report == nil:
			return nil, errors.New("the server told no end")
		}
		for _, f := range l.Faults {
			l.Report.Faults = append(l.Report.Faults, objects.Fault{Bucket: f.Bucket, Key: f.Key, Version: f.Version, Segment: f.Segment, Err: errors.New(f.Problem)})
		}
		return l.Report, nil
	}
}

// scrubbing says on a terminal how far verification has come.
type scrubbing struct {
	out   io.Writer
	began time.Time
	last  time.Time
	shown bool
}

func (s *scrubbing) tell(p objects.Progress) {
	f, ok := s.out.(*os.File)
	if !ok || time.Since(s.last) < 500*time.Millisecond {
		return
	}
	s.last = time.Now()
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	s.shown = true
	rate := float64(p.Bytes>>20) / max(time.Since(s.began).Seconds(), 0.001)
	fmt.Fprintf(f, "\r%d blobs found, %d versions and %d parts read, %d MiB, %.0f MiB/s ", p.Blobs, p.Versions, p.Parts, p.Bytes>>20, rate)
}

func (s *scrubbing) end() {
	if s.shown {
		fmt.Fprintln(s.out)
	}
}

func printReport(out io.Writer, r *objects.Report) {
	for _, f := range r.Faults {
		if f.Key == "" && f.Bucket == "" {
			fmt.Fprintf(out, "fault: %v\n", f.Err)
			continue
		}
		fmt.Fprintf(out, "fault: bucket %s key %q version %s: %v", f.Bucket, f.Key, f.Version, f.Err)
		if f.Segment != "" {
			fmt.Fprintf(out, " (segment %s)", f.Segment)
		}
		fmt.Fprintln(out)
	}
	if more := r.Bad - int64(len(r.Faults)); more > 0 {
		fmt.Fprintf(out, "and %d more faults\n", more)
	}
	fmt.Fprintf(out, "%d versions, %d parts of uploads: %d segments, %d bytes read, %d decrypted, %d compared with their checksum\n",
		r.Versions, r.Parts, r.Segments, r.Bytes, r.Decrypted, r.Segments-r.Decrypted)
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(out, "  %d not decrypted: %s\n", r.Skipped[why], why)
	}
	fmt.Fprintf(out, "%d blobs: %d wait to be written or removed, %d belong to nothing", r.Blobs, r.Waiting, r.Orphans)
	if r.Removed > 0 {
		fmt.Fprintf(out, ", %d of them removed", r.Removed)
	}
	fmt.Fprintf(out, "\n%d faults\n", r.Bad)
}
