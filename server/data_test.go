package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModesDoNotMix(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := openData(dir, false, "123456789012"); err != nil {
		t.Fatal(err)
	}
	if _, err := openData(dir, true, "123456789012"); err == nil || !strings.Contains(err.Error(), "production mode") {
		t.Fatalf("dev mode opened production data: %v", err)
	}
	d, err := openData(dir, false, "999999999999")
	if err != nil || d.fresh || d.state.Account != "123456789012" {
		t.Fatalf("%+v %v", d, err)
	}
}

func TestLooseModesAreRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	d, err := openData(dir, false, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, stateFile), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := openData(dir, false, "123456789012"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("%v", err)
	}
	os.Chmod(filepath.Join(dir, stateFile), 0o600)
	os.Chmod(dir, 0o755)
	if _, err := openData(dir, false, "123456789012"); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Fatalf("%v", err)
	}
	os.Chmod(dir, 0o700)
	if err := d.create("secret", nil); err != nil {
		t.Fatal(err)
	}
	if err := d.create("secret", nil); err == nil {
		t.Fatal("overwrote a file that was there")
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	d, err := openData(dir, false, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "elsewhere")
	os.WriteFile(target, []byte("theirs"), 0o600)
	os.Symlink(target, filepath.Join(dir, "credentials"))
	if _, err := d.read("credentials"); err == nil {
		t.Fatal("followed a link when reading")
	}
	if err := d.create("credentials", []byte("x")); err == nil {
		t.Fatal("followed a link when writing")
	}
	if b, _ := os.ReadFile(target); string(b) != "theirs" {
		t.Fatal("the target was changed")
	}
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600)
	if _, err := openData(dir, false, "123456789012"); err == nil {
		t.Fatal("settled in someone's directory")
	}
}

func TestUnknownFormatIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	d, err := openData(dir, false, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	d.state.Format = dataFormat + 1
	d.saveState()
	if _, err := openData(dir, false, "123456789012"); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Fatalf("%v", err)
	}
}
