package cloudhsmv2_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudhsmv2"
	hsmtypes "github.com/aws/aws-sdk-go-v2/service/cloudhsmv2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/engine/pkcs11/softhsm"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

const (
	region    = "us-east-1"
	clusterID = "cluster-abcdefghijk"
)

var ctx = context.Background()

// code answers an error's AWS code, "" for none.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	PEM  string
}

func newAuthority(t *testing.T) *authority {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "customer"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(3652 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	return &authority{t, cert, key, encode(der)}
}

func (a *authority) issue(public crypto.PublicKey) string {
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "cluster"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return encode(der)
}

func encode(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// fixture is a server with one free token.
type fixture struct {
	t   *testing.T
	srv *redoubttest.Server
	hsm *cloudhsmv2.Client
	kms *kms.Client
}

func start(t *testing.T) *fixture {
	t.Helper()
	softhsm.New(t)
	srv := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) {
		c.CloudHSM = map[string]server.HSMCluster{clusterID: {Module: softhsm.Path(t), Token: softhsm.Label}}
	}})
	conf := srv.Admin.Config(region)
	return &fixture{t, srv, cloudhsmv2.NewFromConfig(conf), kms.NewFromConfig(conf)}
}

func (f *fixture) cluster() hsmtypes.Cluster {
	f.t.Helper()
	out, err := f.hsm.DescribeClusters(ctx, &cloudhsmv2.DescribeClustersInput{Filters: map[string][]string{"clusterIds": {clusterID}}})
	if err != nil || len(out.Clusters) != 1 {
		f.t.Fatal(out, err)
	}
	return out.Clusters[0]
}

func (f *fixture) pass() { f.srv.Clock.Advance(time.Minute) }

// activate makes a cluster and takes it to ACTIVE, with HSMs in two zones.
func (f *fixture) activate(ca *authority) {
	t := f.t
	t.Helper()
	created, err := f.hsm.CreateCluster(ctx, &cloudhsmv2.CreateClusterInput{
		HsmType: aws.String("hsm1.medium"), SubnetIds: []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"},
		TagList: []hsmtypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := created.Cluster
	if *c.ClusterId != clusterID || c.State != "CREATE_IN_PROGRESS" || c.Certificates != nil || c.Mode != "FIPS" || *c.BackupRetentionPolicy.Value != "90" ||
		c.SubnetMapping["us-east-1a"] != "subnet-0123456789abcdef0" || len(c.TagList) != 1 || c.Hsms == nil {
		t.Errorf("%+v", c)
	}
	f.pass()
	if c := f.cluster(); c.State != "UNINITIALIZED" || c.Certificates != nil {
		t.Errorf("%+v", c)
	}
	h, err := f.hsm.CreateHsm(ctx, &cloudhsmv2.CreateHsmInput{ClusterId: aws.String(clusterID), AvailabilityZone: aws.String("us-east-1a"), IpAddress: aws.String("10.0.0.4")})
	if err != nil || h.Hsm.State != "CREATE_IN_PROGRESS" || *h.Hsm.EniIp != "10.0.0.4" || *h.Hsm.SubnetId != "subnet-0123456789abcdef0" {
		t.Fatal(h, err)
	}
	f.pass()
	csr := f.cluster().Certificates.ClusterCsr
	block, _ := pem.Decode([]byte(*csr))
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.hsm.InitializeCluster(ctx, &cloudhsmv2.InitializeClusterInput{
		ClusterId: aws.String(clusterID), SignedCert: aws.String(newAuthority(t).issue(request.PublicKey)), TrustAnchor: &ca.PEM,
	}); code(err) != "CloudHsmInvalidRequestException" {
		t.Error("a certificate of another authority:", err)
	}
	out, err := f.hsm.InitializeCluster(ctx, &cloudhsmv2.InitializeClusterInput{
		ClusterId: aws.String(clusterID), SignedCert: aws.String(ca.issue(request.PublicKey)), TrustAnchor: &ca.PEM,
	})
	if err != nil || out.State != "INITIALIZE_IN_PROGRESS" {
		t.Fatal(out, err)
	}
	f.pass()
	if c := f.cluster(); c.State != "ACTIVE" || c.Certificates.ClusterCsr != nil || c.Certificates.ClusterCertificate == nil {
		t.Errorf("%+v", c)
	}
	if _, err := f.hsm.CreateHsm(ctx, &cloudhsmv2.CreateHsmInput{ClusterId: aws.String(clusterID), AvailabilityZone: aws.String("us-east-1b")}); err != nil {
		t.Fatal(err)
	}
	f.pass()
}

func TestClusterFromCreationToDeletion(t *testing.T) {
	f := start(t)
	if out, err := f.hsm.DescribeClusters(ctx, nil); err != nil || out.Clusters == nil || len(out.Clusters) != 0 {
		t.Fatal(out, err)
	}
	f.activate(newAuthority(t))
	if _, err := f.hsm.CreateCluster(ctx, &cloudhsmv2.CreateClusterInput{HsmType: aws.String("hsm1.medium"), SubnetIds: []string{"subnet-0123456789abcdef0"}}); code(err) != "CloudHsmServiceException" {
		t.Error("more clusters than tokens:", err)
	}

	id := aws.String(clusterID)
	if _, err := f.hsm.TagResource(ctx, &cloudhsmv2.TagResourceInput{ResourceId: id, TagList: []hsmtypes.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("team"), Value: aws.String("red")}}}); err != nil {
		t.Error(err)
	}
	if _, err := f.hsm.TagResource(ctx, &cloudhsmv2.TagResourceInput{ResourceId: id, TagList: []hsmtypes.Tag{{Key: aws.String("aws:x"), Value: aws.String("1")}}}); code(err) != "CloudHsmTagException" {
		t.Error(err)
	}
	tags, err := f.hsm.ListTags(ctx, &cloudhsmv2.ListTagsInput{ResourceId: id, MaxResults: aws.Int32(1)})
	if err != nil || len(tags.TagList) != 1 || *tags.TagList[0].Value != "red" || tags.NextToken == nil {
		t.Fatal(tags, err)
	}
	tags, err = f.hsm.ListTags(ctx, &cloudhsmv2.ListTagsInput{ResourceId: id, NextToken: tags.NextToken})
	if err != nil || len(tags.TagList) != 1 || *tags.TagList[0].Key != "a" || tags.NextToken != nil {
		t.Error(tags, err)
	}
	if _, err := f.hsm.UntagResource(ctx, &cloudhsmv2.UntagResourceInput{ResourceId: id, TagKeyList: []string{"a", "none"}}); err != nil {
		t.Error(err)
	}
	mod, err := f.hsm.ModifyCluster(ctx, &cloudhsmv2.ModifyClusterInput{ClusterId: id, BackupRetentionPolicy: &hsmtypes.BackupRetentionPolicy{Type: "DAYS", Value: aws.String("7")}})
	if err != nil || *mod.Cluster.BackupRetentionPolicy.Value != "7" || len(mod.Cluster.TagList) != 1 {
		t.Error(mod, err)
	}
	if _, err := f.hsm.ModifyCluster(ctx, &cloudhsmv2.ModifyClusterInput{ClusterId: id, BackupRetentionPolicy: &hsmtypes.BackupRetentionPolicy{Type: "DAYS", Value: aws.String("6")}}); code(err) != "CloudHsmInvalidRequestException" {
		t.Error(err)
	}
	for _, filter := range []map[string][]string{{"states": {"DELETED"}}, {"vpcIds": {"vpc-1"}}, {"clusterIds": {"cluster-zzzzzzzzzzz"}}} {
		if out, err := f.hsm.DescribeClusters(ctx, &cloudhsmv2.DescribeClustersInput{Filters: filter}); err != nil || len(out.Clusters) != 0 {
			t.Error(filter, out, err)
		}
	}
	if _, err := f.hsm.DescribeClusters(ctx, &cloudhsmv2.DescribeClustersInput{Filters: map[string][]string{"x": {"y"}}}); code(err) != "CloudHsmInvalidRequestException" {
		t.Error(err)
	}
	if _, err := f.hsm.DescribeBackups(ctx, nil); code(err) != "NotImplementedException" {
		t.Error("backups:", err)
	}

	if _, err := f.hsm.DeleteCluster(ctx, &cloudhsmv2.DeleteClusterInput{ClusterId: id}); code(err) != "CloudHsmInvalidRequestException" {
		t.Error("with HSMs:", err)
	}
	for i, h := range f.cluster().Hsms {
		in := &cloudhsmv2.DeleteHsmInput{ClusterId: id, HsmId: h.HsmId}
		if i == 0 {
			in = &cloudhsmv2.DeleteHsmInput{ClusterId: id, EniIp: h.EniIp}
		}
		if out, err := f.hsm.DeleteHsm(ctx, in); err != nil || *out.HsmId != *h.HsmId {
			t.Error(out, err)
		}
	}
	f.pass()
	if out, err := f.hsm.DeleteCluster(ctx, &cloudhsmv2.DeleteClusterInput{ClusterId: id}); err != nil || out.Cluster.State != "DELETE_IN_PROGRESS" {
		t.Error(out, err)
	}
	f.pass()
	if c := f.cluster(); c.State != "DELETED" {
		t.Error(c.State)
	}
	f.srv.Clock.Advance(2 * time.Hour)
	if _, err := f.hsm.DeleteCluster(ctx, &cloudhsmv2.DeleteClusterInput{ClusterId: id}); code(err) != "CloudHsmResourceNotFoundException" {
		t.Error("long gone:", err)
	}
	// Nobody else sees it, and somebody else may have the token now.
	other := cloudhsmv2.NewFromConfig(f.srv.NewAccount(t).Config(region))
	if out, err := other.DescribeClusters(ctx, nil); err != nil || len(out.Clusters) != 0 {
		t.Error(out, err)
	}
	if _, err := other.CreateCluster(ctx, &cloudhsmv2.CreateClusterInput{HsmType: aws.String("hsm2m.medium"), SubnetIds: []string{"subnet-0123456789abcdef0"}}); err != nil {
		t.Error(err)
	}
}

// The whole way of a CloudHSM key store: cluster, store, key, use, loss, return.
func TestKeyStoreOnACluster(t *testing.T) {
	f := start(t)
	ca := newAuthority(t)
	f.activate(ca)
	in := &kms.CreateCustomKeyStoreInput{
		CustomKeyStoreName: aws.String("hsm"), CloudHsmClusterId: aws.String(clusterID),
		KeyStorePassword: aws.String(softhsm.PIN), TrustAnchorCertificate: aws.String(newAuthority(t).PEM),
	}
	if _, err := f.kms.CreateCustomKeyStore(ctx, in); code(err) != "IncorrectTrustAnchorException" {
		t.Error(err)
	}
	in.TrustAnchorCertificate = &ca.PEM
	in.KeyStorePassword = aws.String("not the PIN")
	made, err := f.kms.CreateCustomKeyStore(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	store := made.CustomKeyStoreId
	state := func(want types.ConnectionStateType) types.CustomKeyStoresListEntry {
		t.Helper()
		var e types.CustomKeyStoresListEntry
		redoubttest.Eventually(t, func() error {
			out, err := f.kms.DescribeCustomKeyStores(ctx, &kms.DescribeCustomKeyStoresInput{CustomKeyStoreId: store})
			if err != nil {
				return err
			}
			if e = out.CustomKeyStores[0]; e.ConnectionState != want {
				return fmt.Errorf("%s (%s), not %s", e.ConnectionState, e.ConnectionErrorCode, want)
			}
			return nil
		})
		return e
	}
	connect := func() {
		t.Helper()
		if _, err := f.kms.ConnectCustomKeyStore(ctx, &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: store}); err != nil {
			t.Fatal(err)
		}
	}
	disconnect := func() {
		t.Helper()
		if _, err := f.kms.DisconnectCustomKeyStore(ctx, &kms.DisconnectCustomKeyStoreInput{CustomKeyStoreId: store}); err != nil {
			t.Fatal(err)
		}
	}
	newKey := &kms.CreateKeyInput{Origin: types.OriginTypeAwsCloudhsm, CustomKeyStoreId: store}
	if _, err := f.kms.CreateKey(ctx, newKey); code(err) != "CustomKeyStoreInvalidStateException" {
		t.Error("before it is connected:", err)
	}
	connect()
	if e := state("FAILED"); e.ConnectionErrorCode != "INVALID_CREDENTIALS" {
		t.Errorf("%+v", e)
	}
	disconnect()
	if _, err := f.kms.UpdateCustomKeyStore(ctx, &kms.UpdateCustomKeyStoreInput{CustomKeyStoreId: store, KeyStorePassword: aws.String(softhsm.PIN)}); err != nil {
		t.Fatal(err)
	}
	connect()
	state("CONNECTED")

	created, err := f.kms.CreateKey(ctx, newKey)
	if err != nil {
		t.Fatal(err)
	}
	m := created.KeyMetadata
	if m.Origin != "AWS_CLOUDHSM" || m.KeyState != "Enabled" || *m.CustomKeyStoreId != *store || *m.CloudHsmClusterId != clusterID {
		t.Errorf("%+v", m)
	}
	key := m.KeyId
	enc, err := f.kms.Encrypt(ctx, &kms.EncryptInput{KeyId: key, Plaintext: []byte("attack at dawn"), EncryptionContext: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	decrypt := func() ([]byte, error) {
		out, err := f.kms.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}})
		if err != nil {
			return nil, err
		}
		return out.Plaintext, nil
	}
	if got, err := decrypt(); err != nil || string(got) != "attack at dawn" {
		t.Fatal(string(got), err)
	}
	if _, err := f.kms.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob}); code(err) != "InvalidCiphertextException" {
		t.Error("without its context:", err)
	}
	data, err := f.kms.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: key, KeySpec: "AES_256"})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := f.kms.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob}); err != nil || !bytes.Equal(out.Plaintext, data.Plaintext) {
		t.Error(err)
	}
	if out, err := f.kms.GenerateRandom(ctx, &kms.GenerateRandomInput{NumberOfBytes: aws.Int32(16), CustomKeyStoreId: store}); err != nil || len(out.Plaintext) != 16 {
		t.Error(err)
	}

	disconnect()
	state("DISCONNECTED")
	if _, err := decrypt(); code(err) != "KMSInvalidStateException" {
		t.Error("disconnected:", err)
	}
	if out, err := f.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key}); err != nil || out.KeyMetadata.KeyState != "Unavailable" {
		t.Error(out, err)
	}
	if _, err := f.kms.DeleteCustomKeyStore(ctx, &kms.DeleteCustomKeyStoreInput{CustomKeyStoreId: store}); code(err) != "CustomKeyStoreHasCMKsException" {
		t.Error(err)
	}
	connect()
	state("CONNECTED")
	if got, err := decrypt(); err != nil || string(got) != "attack at dawn" {
		t.Error(string(got), err)
	}
}

// What nobody may do, nobody learns about either.
func TestWithoutRights(t *testing.T) {
	f := start(t)
	f.activate(newAuthority(t))
	other := cloudhsmv2.NewFromConfig(f.srv.NewAccount(t).Config(region))
	if _, err := other.DeleteCluster(ctx, &cloudhsmv2.DeleteClusterInput{ClusterId: aws.String(clusterID)}); code(err) != "CloudHsmResourceNotFoundException" {
		t.Error("another account's cluster:", err)
	}
	if _, err := other.CreateHsm(ctx, &cloudhsmv2.CreateHsmInput{ClusterId: aws.String(clusterID), AvailabilityZone: aws.String("us-east-1a")}); code(err) != "CloudHsmResourceNotFoundException" {
		t.Error(err)
	}
}
