package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
)

// A server with a data directory of its own must not make of a store what its
// records are not: production's data are not for dev mode, and the account that
// administers an installation is not for the next server to choose.
func TestServersBelongToTheirStore(t *testing.T) {
	store := etcdtest.Start(t, 1, etcdtest.Options{}).URL("redoubt", "")
	seal := filepath.Join(t.TempDir(), "seal.key")
	first := redoubttest.Start(t, redoubttest.Options{Store: store, Change: func(c *server.Config) { c.SealKey, c.Account = seal, "111122223333" }})
	if first.Admin == nil {
		t.Fatal("no first account")
	}
	conf := server.Config{Data: filepath.Join(t.TempDir(), "data"), Store: store, SealKey: seal, Listen: "127.0.0.1:0", ListenTLS: "off", Dev: true}
	if err := conf.Complete(); err != nil {
		t.Fatal(err)
	}
	if s, err := server.Start(t.Context(), conf, server.Options{}); err == nil || !strings.Contains(err.Error(), "production mode") {
		if err == nil {
			s.Close()
		}
		t.Errorf("dev mode on a store of production: %v", err)
	}
	second := redoubttest.Start(t, redoubttest.Options{Store: store, Change: func(c *server.Config) { c.SealKey, c.Account = seal, "444455556666" }})
	if second.Admin != nil {
		t.Error("the second server made an account of its own, which administers the installation")
	}
	for _, s := range []*redoubttest.Server{first, second} {
		b, err := os.ReadFile(filepath.Join(s.Data, "redoubt.json"))
		if err != nil || !strings.Contains(string(b), `"account": "111122223333"`) {
			t.Errorf("%v %s", err, b)
		}
	}
	again := second.Restart(t)
	if again.Admin != nil {
		t.Error("the second server made an account when it started again")
	}
}

// A second server waits for the shares that there are, and makes none.
func TestSharesOfASecondServer(t *testing.T) {
	store := etcdtest.Start(t, 1, etcdtest.Options{}).URL("redoubt", "")
	shamir := func(c *server.Config) { c.Seal = "shamir" }
	first := redoubttest.Start(t, redoubttest.Options{Store: store, Change: shamir})
	var shares []string
	for _, name := range []string{"share-1", "share-2", "share-3"} {
		b, err := os.ReadFile(filepath.Join(first.Data, name))
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, strings.TrimSpace(string(b)))
	}
	second := redoubttest.Start(t, redoubttest.Options{Store: store, Change: shamir})
	if files, _ := filepath.Glob(filepath.Join(second.Data, "share-*")); len(files) > 0 {
		t.Errorf("shares of nothing: %v", files)
	}
	for _, share := range shares {
		if code := post(t, second, "/_redoubt/unseal", `{"share":"`+share+`"}`, second.ControlToken); code != 200 {
			t.Errorf("share: %d", code)
		}
	}
	redoubttest.Eventually(t, func() error {
		_, err := second.CreateAccount(t.Context(), "", "x")
		return err
	})
}
