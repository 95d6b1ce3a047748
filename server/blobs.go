package server

import (
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/blob/files"
	"github.com/redoubt-sec/redoubt/blob/s3"
	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// openBlobs opens where the data of objects are kept.
func openBlobs(c *Config) (blob.Store, error) {
	switch {
	case c.Blob == "files" && c.Store == "memory":
		// What the store knows of them ends with the process.
		dir := filepath.Join(c.Data, "blobs-memory")
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("blob: %w", err)
		}
		return files.Open(dir)
	case c.Blob == "files":
		return files.Open(filepath.Join(c.Data, "blobs"))
	case strings.HasPrefix(c.Blob, "file://"):
		return files.Open(strings.TrimPrefix(c.Blob, "file://"))
	}
	return bucketOfBlobs(c, "")
}

// openBlocks opens where the blocks of the logs are kept: in the data directory,
// or where several servers share a store, beside the data of objects if those lie
// where all servers reach them, in a place of the installation's own. Nil: nowhere.
func (s *Server) openBlocks() (blob.Store, error) {
	dir, shelf := strings.CutPrefix(s.conf.Blob, "file://")
	own := "logs/" + s.dir.state.Installation
	switch {
	case !s.conf.shared():
		return files.Open(filepath.Join(s.conf.Data, "logs"))
	case shelf:
		return files.Open(filepath.Join(dir, own))
	case strings.HasPrefix(s.conf.Blob, "s3://"):
		return bucketOfBlobs(&s.conf, own+"/")
	}
	return nil, nil
}

// blobBucket is what "s3://BUCKET/PREFIX?endpoint=URL&region=REGION&ca=FILE" says.
type blobBucket struct{ bucket, prefix, endpoint, region, ca string }

func parseBlobBucket(text, region string) (b blobBucket, err error) {
	u, err := neturl.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return b, fmt.Errorf("%q is none of files, file:///DIR, s3://BUCKET/PREFIX?endpoint=URL", text)
	}
	b = blobBucket{bucket: u.Host, prefix: strings.Trim(u.Path, "/"), region: region}
	if b.prefix != "" {
		b.prefix += "/"
	}
	for k, v := range u.Query() {
		switch k {
		case "endpoint":
			b.endpoint = v[0]
		case "region":
			b.region = v[0]
		case "ca":
			b.ca = v[0]
		default:
			return b, fmt.Errorf("%q is not known in %q", k, text)
		}
	}
	if b.endpoint == "" {
		b.endpoint = "https://s3." + b.region + ".amazonaws.com"
	}
	return b, nil
}

// bucketOfBlobs opens the bucket, or a part of it. Names of blobs hold no slash, so
// that one part never takes another's blobs for its own.
func bucketOfBlobs(c *Config, part string) (blob.Store, error) {
	b, err := parseBlobBucket(c.Blob, c.Region)
	if err != nil {
		return nil, err
	}
	signer := &sigv4.Signer{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Region: b.region, Service: "s3", S3: true,
	}
	if c.BlobCreds != "" {
		if signer.AccessKeyID, signer.Secret, err = ReadCredentials(c.BlobCreds, "default"); err != nil {
			return nil, err
		}
		signer.SessionToken = ""
	}
	if signer.AccessKeyID == "" {
		return nil, errors.New("set blob-credentials, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	u, err := neturl.Parse(b.endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	host := u.Host
	if u.Port() == "" {
		host += map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	}
	// The operator named this endpoint: it may be anywhere, this machine included.
	gate, err := egress.New(egress.Config{Allow: []string{host}})
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	// A reader that is slower than this goes on with another request.
	o := egress.Options{Plain: u.Scheme == "http", Timeout: 5 * time.Minute, MaxResponse: 1 << 50, Idle: 32}
	if b.ca != "" {
		if o.Roots, err = readPool(b.ca); err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
	}
	return s3.New(s3.Config{Endpoint: b.endpoint, Bucket: b.bucket, Prefix: b.prefix + part, Client: gate.Client("blob", o), Signer: signer})
}

// openObjects opens the object store.
func (s *Server) openObjects() (err error) {
	if s.blobs, err = openBlobs(&s.conf); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	s.objects = objects.New(objects.Deps{
		DB: s.db, Blobs: s.blobs, Keys: s.keyring, Clock: s.clock, Log: s.log,
		Alone: !s.conf.shared(),
	})
	s.keyring.Register(s.objects.Owner())
	return nil
}
