package etcd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
)

func TestParse(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "password")
	os.WriteFile(secret, []byte("p@ss\n"), 0o600)
	for _, c := range []struct{ text, bad string }{
		{"etcd://localhost", ""},
		{"etcd://127.0.0.1:1,[::1]:2/a/b", ""},
		{"etcd://10.0.0.1?tls=off", ""},
		{"etcd://10.0.0.1?tls=on", ""},
		{"etcd://u:p%40ss@localhost", ""},
		{"etcd://u@localhost?password-file=" + secret, ""},
		{"http://localhost", "etcd://"},
		{"etcd://", "host is missing"},
		{"etcd://a,,b?tls=off", "host is missing"},
		{"etcd://10.0.0.1", "not loopback"},
		{"etcd://localhost?color=red", "unknown"},
		{"etcd://localhost?lease=1ms", "from 1s"},
		{"etcd://localhost?lease=soon", "lease"},
		{"etcd://localhost?lease=2s&lease=3s", "more than once"},
		{"etcd://localhost?tls=maybe", "on or off"},
		{"etcd://localhost?tls=off&ca=x", "tls=off"},
		{"etcd://localhost?ca=/nowhere", "no such file"},
		{"etcd://localhost?ca=" + secret, "no certificate"},
		{"etcd://localhost?tls=on&cert=x", "go together"},
		{"etcd://localhost/" + strings.Repeat("x", 70), "prefix"},
		{"etcd://:secret@localhost", "without a user"},
		{"etcd://u:sec%ret@localhost", "URL-encoded"},
	} {
		_, err := Parse(c.text)
		if (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%s: %v", c.text, err)
		}
		if err != nil && strings.Contains(err.Error(), "sec%ret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	c, err := Parse("etcd://127.0.0.1:1,[::1]:2,[::1],localhost/a/b/?lease=7s&compact=off")
	if err != nil || strings.Join(c.Endpoints, " ") != "127.0.0.1:1 [::1]:2 [::1]:2379 localhost:2379" || c.Prefix != "a/b/" || c.Lease != 7*time.Second || !c.KeepHistory || c.TLS != nil {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = Parse("etcd://u@localhost?password-file=" + secret)
	if err != nil || c.Username != "u" || c.Password != "p@ss" || c.Prefix != "redoubt/" {
		t.Errorf("%+v, %v", c, err)
	}
}

// authority makes a CA and certificates of it, as files.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	n    int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a *authority) issue(name string) (cert, key string) {
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.n++
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(a.n + 1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a.cert, &k.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	kder, _ := x509.MarshalECPrivateKey(k)
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+"-key.pem", "EC PRIVATE KEY", kder)
}

// Errors at the start say what is wrong.
func TestStart(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.issue("member")
	ccert, ckey := a.issue("client")
	ca := filepath.Join(a.dir, "ca.pem")
	other := filepath.Join(newAuthority(t).dir, "ca.pem")
	secure := etcdtest.Start(t, 1, etcdtest.Options{CertFile: cert, KeyFile: key, TrustedCA: ca})
	plain := etcdtest.Start(t, 1, etcdtest.Options{})
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()

	client, err := clientv3.New(clientv3.Config{Endpoints: []string{plain.Hosts()}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()
	for _, f := range []func() error{
		func() error { _, err := client.UserAdd(ctx, "root", "rootpw"); return err },
		func() error { _, err := client.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := client.RoleAdd(ctx, "redoubt"); return err },
		func() error {
			_, err := client.RoleGrantPermission(ctx, "redoubt", "ours/", clientv3.GetPrefixRangeEnd("ours/"), clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := client.UserAdd(ctx, "redoubt", "s3cret"); return err },
		func() error { _, err := client.UserGrantRole(ctx, "redoubt", "redoubt"); return err },
		func() error { _, err := client.AuthEnable(ctx); return err },
	} {
		if err := f(); err != nil && !strings.Contains(err.Error(), "already exists") {
			t.Fatal(err)
		}
	}

	for _, c := range []struct{ name, url, want string }{
		{"nobody there", "etcd://" + nobody.Addr().String(), "connection refused"},
		{"TLS missing", "etcd://" + secure.Hosts() + "/ours", "wants TLS"},
		{"TLS too much", "etcd://" + plain.Hosts() + "/ours?tls=on", "does not speak TLS"},
		{"wrong CA", secure.URL("ours", "ca="+other+"&cert="+ccert+"&key="+ckey), "unknown authority"},
		{"client certificate missing", secure.URL("ours", "ca="+ca), "certificate required"},
		{"with certificates", secure.URL("ours", "ca="+ca+"&cert="+ccert+"&key="+ckey), ""},
		{"no user", plain.URL("ours", ""), "wants a user"},
		{"wrong password", "etcd://redoubt:wrong@" + plain.Hosts() + "/ours", "password is wrong"},
		{"wrong prefix", "etcd://redoubt:s3cret@" + plain.Hosts() + "/theirs", "role for our prefix"},
		{"with a user", "etcd://redoubt:s3cret@" + plain.Hosts() + "/ours", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
			defer cancel()
			b, err := Open(ctx, cfg, Options{})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("opened: %v", err)
				}
				if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "wrong@")) {
					t.Errorf("the error shows the password: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if _, err := b.Commit(ctx, store.Commit{Writes: []store.Write{{Key: "k", Value: []byte("v")}}}); err != nil {
				t.Error(err)
			}
		})
	}
}
