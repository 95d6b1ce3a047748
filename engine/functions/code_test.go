package functions

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// archive makes a zip archive; names that end in "/" are folders.
func archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	b, err := zipOf(files)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipOf(files map[string]string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		if strings.HasSuffix(name, "/") {
			h.SetMode(0o755 | fs.ModeDir)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		f.Write([]byte(text))
	}
	err := w.Close()
	return b.Bytes(), err
}

func code(b []byte) Code {
	info, _ := Check(b)
	return Code{info.SHA256, func(context.Context) ([]byte, error) { return b, nil }}
}

// raw makes an archive of one entry with a header of its own.
func raw(t *testing.T, h zip.FileHeader, text string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&h)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

func mode(name string, m fs.FileMode) zip.FileHeader {
	h := zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(m)
	return h
}

func TestArchivesRefused(t *testing.T) {
	bomb := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, n := range []string{"a", "b", "c"} {
			f, _ := w.Create(n)
			f.Write(make([]byte, 90<<20))
		}
		w.Close()
		return b.Bytes()
	}()
	// The headers of a liar claim that its file is empty.
	liar := bytes.Clone(raw(t, mode("x", 0o644), strings.Repeat("x", 4<<20)))
	many := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for i := range maxFiles + 1 {
			w.CreateHeader(&zip.FileHeader{Name: strings.Repeat("a", 1+i%200) + string(rune('0'+i%10)) + "/"})
		}
		w.Close()
		return b.Bytes()
	}()
	for name, c := range map[string]struct {
		zip  []byte
		want string
	}{
		"empty":             {nil, ErrEmpty.Text},
		"no zip":            {[]byte("hello"), ErrUnzip.Text},
		"cut":               {liar[:len(liar)/2], ErrUnzip.Text},
		"folders only":      {archive(t, map[string]string{"a/": ""}), ErrEmpty.Text},
		"parent":            {archive(t, map[string]string{"../x": "1"}), "invalid name"},
		"parent inside":     {archive(t, map[string]string{"a/../../x": "1"}), "invalid name"},
		"absolute":          {archive(t, map[string]string{"/etc/passwd": "1"}), "invalid name"},
		"backslash":         {archive(t, map[string]string{`..\x`: "1"}), "invalid name"},
		"NUL":               {archive(t, map[string]string{"a\x00b": "1"}), "invalid name"},
		"long":              {archive(t, map[string]string{strings.Repeat("x/", 600) + "x": "1"}), "invalid name"},
		"link":              {raw(t, mode("x", fs.ModeSymlink|0o777), "/etc/shadow"), "is a link"},
		"set-user-id":       {raw(t, mode("x", fs.ModeSetuid|0o755), "1"), "set-user-id"},
		"set-group-id":      {raw(t, mode("x", fs.ModeSetgid|0o755), "1"), "set-user-id"},
		"device":            {raw(t, mode("x", fs.ModeDevice|0o666), ""), "neither a file nor a folder"},
		"pipe":              {raw(t, mode("x", fs.ModeNamedPipe|0o666), ""), "neither a file nor a folder"},
		"file below a file": {archive(t, map[string]string{"a": "1", "a/b": "2"}), "a"},
		"bomb":              {bomb, ErrUnzipped.Text},
		"many":              {many, "more than 100000 entries"},
	} {
		_, err := Check(c.zip)
		if bad := (*CodeError)(nil); !errors.As(err, &bad) || !strings.Contains(bad.Text, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestUnpack(t *testing.T) {
	old := syscall.Umask(0o077) // a server's
	defer syscall.Umask(old)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range []zip.FileHeader{mode("a/b/run", 0o775), mode("a/private", 0o600), {Name: "plain"}} {
		f, _ := w.CreateHeader(&h)
		f.Write([]byte(h.Name))
	}
	w.Close()
	d, err := openCodeDir(filepath.Join(t.TempDir(), "code"))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := d.use(t.Context(), code(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"a": fs.ModeDir | 0o755, "a/b": fs.ModeDir | 0o755, "a/b/run": 0o755, "a/private": 0o600, "plain": 0o755} {
		i, err := os.Stat(filepath.Join(tr.path, name))
		if err != nil || i.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, i.Mode(), err, want)
		}
	}
	d.release(tr)
	again, err := d.use(t.Context(), Code{tr.hash, nil}) // not loaded twice
	if err != nil || again != tr {
		t.Error("unpacked again:", err)
	}
	_, err = d.use(t.Context(), Code{[32]byte{1}, func(context.Context) ([]byte, error) { return b.Bytes(), nil }})
	if err == nil || len(d.trees) != 1 {
		t.Error("another archive was taken:", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(archive(f, map[string]string{"a": "1", "b/c": "2"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Check(b); err != nil {
			return
		}
		dir := t.TempDir()
		if _, err := unpackAll(t.Context(), []Code{code(b)}, filepath.Join(dir, "x")); err != nil {
			t.Errorf("checked, but not unpacked: %v", err)
		}
		if names, _ := os.ReadDir(dir); len(names) != 1 {
			t.Error("something lies beside the folder")
		}
	})
}
