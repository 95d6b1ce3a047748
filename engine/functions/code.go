package functions

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// CodeInfo is what Check learns of an archive.
type CodeInfo struct {
	SHA256   [32]byte
	Size     int64 // bytes of the archive
	Unzipped int64 // bytes of all files
	Files    int
}

// Check reads a whole archive as unpacking would, without writing anything. A
// refusal is a *CodeError.
//
// Refused: what is no zip archive; names that lead outside (absolute, "..",
// backslashes, NUL); links, devices, set-user-id and set-group-id bits; the same
// file twice or a file where a folder is; more than 250 MiB unpacked, whatever
// the headers claim; more than 100,000 entries. AWS takes links that stay inside;
// here they are refused, since each is a way around the checks on names.
func Check(archive []byte) (CodeInfo, error) {
	info := CodeInfo{SHA256: sha256.Sum256(archive), Size: int64(len(archive))}
	err := walk(archive, func(e entry) error {
		if e.dir {
			return nil
		}
		info.Files++
		n, err := e.copy(io.Discard, MaxUnzipped-info.Unzipped)
		info.Unzipped += n
		return err
	})
	if err == nil && info.Files == 0 {
		err = ErrEmpty
	}
	return info, err
}

// entry is a file or folder of an archive whose name was checked.
type entry struct {
	name string // cleaned, relative, with slashes
	dir  bool
	mode fs.FileMode // permission bits
	file *zip.File
}

// copy writes the content, at most limit bytes.
func (e entry) copy(w io.Writer, limit int64) (int64, error) {
	r, err := e.file.Open()
	if err != nil {
		return 0, ErrUnzip
	}
	defer r.Close()
	n, err := io.Copy(w, io.LimitReader(r, limit+1))
	switch {
	case n > limit:
		return n, ErrUnzipped
	case err != nil:
		if werr := (*fs.PathError)(nil); errors.As(err, &werr) {
			return n, err // ours, not the archive's
		}
		return n, ErrUnzip
	}
	return n, nil
}

func walk(archive []byte, f func(entry) error) error {
	if len(archive) == 0 {
		return ErrEmpty
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return ErrUnzip
	}
	if len(z.File) > maxFiles {
		return badCode("Archive has more than %d entries", maxFiles)
	}
	var claimed uint64
	for _, file := range z.File {
		if claimed += file.UncompressedSize64; claimed > MaxUnzipped || file.UncompressedSize64 > MaxUnzipped {
			return ErrUnzipped
		}
	}
	seen := map[string]bool{} // name: is a folder
	for _, file := range z.File {
		e, err := check(file)
		if err != nil {
			return err
		}
		if e.name == "." {
			continue
		}
		for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
			folder, known := seen[dir]
			if known && !folder {
				return badCode("Archive entry %q is a file and a folder", dir)
			}
			if known {
				break
			}
			seen[dir] = true
		}
		if folder, known := seen[e.name]; known && !(folder && e.dir) {
			return badCode("Archive entry %q exists twice", e.name)
		}
		seen[e.name] = e.dir
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// check judges an entry by its header.
func check(file *zip.File) (entry, error) {
	name := file.Name
	if name == "" || len(name) > maxPath || !utf8.ValidString(name) || strings.ContainsAny(name, "\\\x00") || strings.HasPrefix(name, "/") {
		return entry{}, badCode("Archive entry %q has an invalid name", short(name))
	}
	for _, part := range strings.Split(strings.TrimSuffix(name, "/"), "/") {
		if part == ".." || len(part) > 255 {
			return entry{}, badCode("Archive entry %q has an invalid name", short(name))
		}
	}
	e := entry{name: path.Clean(name), dir: strings.HasSuffix(name, "/"), file: file}
	mode := file.Mode()
	switch {
	case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return entry{}, badCode("Archive entry %q has a set-user-id or set-group-id bit", short(name))
	case mode&fs.ModeType == fs.ModeSymlink:
		return entry{}, badCode("Archive entry %q is a link", short(name))
	case mode.IsDir() != e.dir || mode&fs.ModeType&^fs.ModeDir != 0:
		return entry{}, badCode("Archive entry %q is neither a file nor a folder", short(name))
	case file.Flags&1 != 0:
		return entry{}, badCode("Archive entry %q is encrypted", short(name))
	}
	e.mode = mode.Perm() &^ 0o022
	if file.CreatorVersion>>8 == 0 || file.ExternalAttrs>>16 == 0 {
		e.mode = 0o755 // made where files have no permissions
	}
	return e, nil
}

func short(name string) string {
	if len(name) > 200 {
		return strings.ToValidUTF8(name[:200], "") + "…"
	}
	return name
}

// codeDir keeps unpacked archives, each in a folder named by its hash. It is a
// cache: what is in it can be made again, and it is emptied at start.
type codeDir struct {
	root string

	mu    sync.Mutex
	trees map[[32]byte]*tree
}

// tree is an unpacked archive.
type tree struct {
	hash  [32]byte
	path  string
	size  int64
	users int
	used  time.Time
	done  chan struct{} // closed when unpacking ended
	err   error
}

// maxCached is how many bytes of trees without users are kept.
const maxCached = 2 << 30

func openCodeDir(root string) (*codeDir, error) {
	if err := os.RemoveAll(root); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	return &codeDir{root: root, trees: map[[32]byte]*tree{}}, nil
}

// use answers the unpacked archives, laid over each other in order. They stay
// until release is called.
func (d *codeDir) use(ctx context.Context, codes ...Code) (*tree, error) {
	hash := codes[0].SHA256
	if len(codes) > 1 {
		h := sha256.New()
		for _, c := range codes {
			h.Write(c.SHA256[:])
		}
		hash = [32]byte(h.Sum(nil))
	}
	d.mu.Lock()
	t := d.trees[hash]
	first := t == nil
	if first {
		t = &tree{hash: hash, path: path.Join(d.root, hex.EncodeToString(hash[:])), done: make(chan struct{})}
		d.trees[hash] = t
	}
	t.users++
	t.used = time.Now()
	d.mu.Unlock()
	if first {
		t.size, t.err = unpackAll(ctx, codes, t.path)
		close(t.done)
	} else {
		select {
		case <-t.done:
		case <-ctx.Done():
			d.release(t)
			return nil, ctx.Err()
		}
	}
	if t.err != nil {
		d.release(t)
		return nil, t.err
	}
	return t, nil
}

// release gives a tree back, and removes what the cache has no room for.
func (d *codeDir) release(t *tree) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.users--
	if t.err != nil && t.users == 0 {
		d.drop(t)
	}
	for {
		var idle int64
		var oldest *tree
		for _, x := range d.trees {
			if x.users == 0 {
				idle += x.size
				if oldest == nil || x.used.Before(oldest.used) {
					oldest = x
				}
			}
		}
		if idle <= maxCached {
			return
		}
		d.drop(oldest)
	}
}

func (d *codeDir) drop(t *tree) {
	if d.trees[t.hash] == t {
		delete(d.trees, t.hash)
		os.RemoveAll(t.path)
	}
}

// unpackAll loads archives and unpacks them into one folder.
func unpackAll(ctx context.Context, codes []Code, to string) (size int64, err error) {
	if err := errors.Join(os.RemoveAll(to), os.Mkdir(to, 0o755)); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	err = root.Chmod(".", 0o755)
	for _, c := range codes {
		if err == nil {
			err = unpack(ctx, c, root, &size)
		}
	}
	if err != nil {
		os.RemoveAll(to)
		return 0, fmt.Errorf("unpacking: %w", err)
	}
	return size, nil
}

// unpack adds an archive to a folder; its files replace those of the same name.
func unpack(ctx context.Context, c Code, root *os.Root, size *int64) error {
	archive, err := c.Load(ctx)
	if err != nil {
		return err
	}
	if sha256.Sum256(archive) != c.SHA256 {
		return errors.New("the archive that was loaded is not the one that was asked for")
	}
	folders := map[string]bool{".": true}
	// folder makes a folder and those above it, readable whatever the umask.
	folder := func(name string) error {
		var missing []string
		for ; !folders[name]; name = path.Dir(name) {
			missing, folders[name] = append(missing, name), true
		}
		for _, name := range slices.Backward(missing) {
			if err := root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			if err := root.Chmod(name, 0o755); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(archive, func(e entry) error {
		if e.dir {
			return folder(e.name)
		}
		if err := folder(path.Dir(e.name)); err != nil {
			return err
		}
		if err := root.Remove(e.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		f, err := root.OpenFile(e.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		n, err := e.copy(f, MaxUnzipped-*size)
		*size += n
		// The mode that the archive names, whatever the umask.
		return errors.Join(err, f.Chmod(e.mode), f.Close())
	})
}
