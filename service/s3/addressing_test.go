package s3_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/redoubt-sec/redoubt/sigv4"
)

// hostStyle is a client that writes buckets into host names, as SDKs do by default. A
// resolver that knows the names below localhost stands in for DNS.
func (w *world) hostStyle(c aws.Config) *s3.Client {
	_, port, _ := strings.Cut(strings.TrimPrefix(w.URL, "http://"), ":")
	address := strings.TrimPrefix(w.URL, "http://")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	return s3.NewFromConfig(c, func(o *s3.Options) {
		o.BaseEndpoint = aws.String("http://localhost:" + port)
		o.HTTPClient = &http.Client{Transport: transport}
	})
}

func (w *world) addressing(t *testing.T) {
	ctx, b := t.Context(), w.bucket(t)
	host := w.hostStyle(w.Admin.Config(region))
	dotted := w.bucket(t, func(in *s3.CreateBucketInput) { in.Bucket = aws.String("with.dots." + *in.Bucket) })
	for _, b := range []string{b, dotted} {
		_, err := host.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("a/b//c ü+%20"), Body: strings.NewReader("text")})
		ok(t, err)
		for _, c := range []*s3.Client{host, w.s3} {
			if text, _ := read(t, c, b, "a/b//c ü+%20"); text != "text" {
				t.Error(text)
			}
		}
		list, err := host.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b})
		ok(t, err)
		if len(list.Contents) != 1 || *list.Contents[0].Key != "a/b//c ü+%20" {
			t.Error(list.Contents)
		}
	}
	_, err := host.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("made-by-host")})
	ok(t, err)
	_, err = host.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("made-by-host")})
	ok(t, err)

	// Access points, by ARN and by alias, in both styles.
	control := w.control(w.Admin.Config(region))
	point, err := control.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{AccountId: &w.Admin.ID, Bucket: &b, Name: aws.String("addressed")})
	ok(t, err)
	for _, name := range []string{*point.AccessPointArn, *point.Alias} {
		if text, _ := read(t, host, name, "a/b//c ü+%20"); text != "text" {
			t.Error(name, text)
		}
	}
	if text, _ := read(t, w.s3, *point.Alias, "a/b//c ü+%20"); text != "text" {
		t.Error(text)
	}
	_, err = host.PutObject(ctx, &s3.PutObjectInput{Bucket: point.AccessPointArn, Key: aws.String("through"), Body: strings.NewReader("x")})
	ok(t, err)
	if text, _ := read(t, w.s3, b, "through"); text != "x" {
		t.Error(text)
	}
	_, err = w.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String(*point.AccessPointArn + "/object/through")})
	ok(t, err)
}

// Whoever reads from a bucket whose requesters pay must say that it will.
func (w *world) payers(t *testing.T) {
	ctx, b := t.Context(), w.bucket(t)
	w.put(t, b, "k", "x")
	_, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(allow(`{"AWS":"`+w.other.ID+`"}`, "s3:*", "arn:aws:s3:::"+b, "arn:aws:s3:::"+b+"/*"))})
	ok(t, err)
	_, err = w.s3.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: &b, RequestPaymentConfiguration: &types.RequestPaymentConfiguration{Payer: types.PayerRequester}})
	ok(t, err)
	other := client(w.other.Config(region))
	_, err = other.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("k")})
	refused(t, err, 403, "AccessDenied")
	_, err = other.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b})
	refused(t, err, 403, "AccessDenied")
	_, err = other.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("k2"), Body: strings.NewReader("x")})
	refused(t, err, 403, "AccessDenied")
	got, err := other.GetObject(ctx, &s3.GetObjectInput{Bucket: &b, Key: aws.String("k"), RequestPayer: types.RequestPayerRequester})
	ok(t, err)
	got.Body.Close()
	put, err := other.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("k2"), Body: strings.NewReader("x"), RequestPayer: types.RequestPayerRequester})
	ok(t, err)
	if got.RequestCharged != types.RequestChargedRequester || put.RequestCharged != types.RequestChargedRequester {
		t.Error(got.RequestCharged, put.RequestCharged)
	}
	if text, out := read(t, w.s3, b, "k2"); text != "x" || out.RequestCharged != "" {
		t.Error(text, out.RequestCharged)
	}
}

// A client that waits for a word before it sends its data gets it when it may send
// them, and is refused before otherwise.
func (w *world) waiting(t *testing.T) {
	b := w.bucket(t)
	_, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(`{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::` + b + `/shut"}}`)})
	ok(t, err)
	const text = "the data"
	send := func(key string) (first, last string) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
		ok(t, err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		r, err := http.NewRequest("PUT", w.URL+"/"+b+"/"+key, strings.NewReader(text))
		ok(t, err)
		(&sigv4.Signer{AccessKeyID: w.Admin.AccessKeyID, Secret: w.Admin.Secret, Region: region, Service: "s3", S3: true}).Sign(r, []byte(text), time.Now())
		fmt.Fprintf(conn, "PUT /%s/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", b, key, r.URL.Host, len(text))
		r.Header.Write(conn)
		io.WriteString(conn, "\r\n")
		in := bufio.NewReader(conn)
		first, err = in.ReadString('\n')
		ok(t, err)
		if !strings.Contains(first, " 100 ") {
			return first, first
		}
		in.ReadString('\n')
		io.WriteString(conn, text)
		resp, err := http.ReadResponse(in, r)
		ok(t, err)
		return first, resp.Status
	}
	if first, last := send("open"); !strings.Contains(first, " 100 ") || last != "200 OK" {
		t.Error(first, last)
	}
	if got, _ := read(t, w.s3, b, "open"); got != text {
		t.Error(got)
	}
	if first, _ := send("shut"); !strings.Contains(first, " 403 ") {
		t.Error(first)
	}
}
