package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/server"
)

func blobCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "blob", Short: "Work on the data of objects"}
	cmd.AddCommand(blobVerifyCommand())
	return cmd
}

var errFaults = errors.New("there are faults")

func blobVerifyCommand() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the data of every object are there, unchanged and authentic",
		Long: "Works on the data directory of a stopped server, opened with its seal, and reads everything. Data under the root key\n" +
			"(SSE-S3) are decrypted; of data under KMS or customer keys, the ciphertext is compared with its checksum. Listings must\n" +
			"agree with versions. Blobs that nothing refers to, as they are left when the store was restored from a backup, are counted.\n" +
			"Exits with 1 if there are faults.",
		Args: cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&remove, "remove-orphans", false, "remove blobs that nothing refers to")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := loadConfig(cmd.Flags(), os.Getenv)
		if err != nil {
			return err
		}
		p := &scrubbing{out: cmd.ErrOrStderr(), began: time.Now()}
		r, err := server.VerifyBlobs(cmd.Context(), conf, remove, p.tell, logger(conf, cmd.ErrOrStderr()))
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
	fmt.Fprintf(out, "%d blobs: %d wait to be written or removed, %d belong to nothing", r.Blobs, r.Waiting, r.Orphans)
	if r.Removed > 0 {
		fmt.Fprintf(out, ", %d of them removed", r.Removed)
	}
	fmt.Fprintf(out, "\n%d faults\n", r.Bad)
}
