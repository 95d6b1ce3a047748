package server

import (
	"strings"
	"testing"
)

func TestZeroConfigIsUsable(t *testing.T) {
	var c Config
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:4566" || c.ListenXKS != "off" || c.Account != "123456789012" {
		t.Fatalf("%+v", c)
	}
}

func TestConfigSaysEveryProblem(t *testing.T) {
	c := Config{Account: "12", Region: "moon", Seal: "wax", Dev: true, Listen: "0.0.0.0:1", TrustedProxies: []string{"x"}}
	err := c.Complete()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{"account:", "region:", "seal:", "listen:", "trusted-proxies:"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("nothing about %s in:\n%v", key, err)
		}
	}
}

func TestDevModeStaysOnLoopback(t *testing.T) {
	c := Config{Dev: true, Listen: "192.0.2.1:4566"}
	if err := c.Complete(); err == nil {
		t.Fatal("dev mode may listen on 192.0.2.1")
	}
	c.DevAllowRemote = true
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
}
