package redoubttest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/redoubt-sec/redoubt/server"
)

// blobsElsewhere starts another server, makes a bucket in it, and answers how a server is
// told to keep the data of objects there.
func blobsElsewhere(t testing.TB) func(*server.Config) {
	t.Helper()
	other := Start(t, Options{Store: "memory", Blob: "files"})
	if err := other.makeBucket("blobs"); err != nil {
		t.Fatal(err)
	}
	return func(c *server.Config) {
		c.Blob = "s3://blobs/data?endpoint=" + other.URL
		c.BlobCreds = filepath.Join(other.Data, "credentials")
	}
}

// makeBucket speaks to the server itself: a client library for one call would be
// linked into every test.
func (s *Server) makeBucket(name string) error {
	r, err := http.NewRequest(http.MethodPut, s.URL+"/"+name, nil)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(nil)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	by := aws.Credentials{AccessKeyID: s.Admin.AccessKeyID, SecretAccessKey: s.Admin.Secret}
	if err := v4.NewSigner().SignHTTP(context.Background(), by, r, hash, "s3", "us-east-1", time.Now()); err != nil {
		return err
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := r.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("making a bucket: %s", resp.Status)
	}
	return err
}
