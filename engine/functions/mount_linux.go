package functions

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// system are the parts of the host that every sandbox sees, read-only.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
	"/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust",
}

// devices are those without which little works.
var devices = []string{"null", "zero", "full", "random", "urandom"}

// mounts puts the new root together and moves there. The old root is out of
// reach afterwards.
func (b *sandbox) mounts() error {
	s := &b.spec
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	// Names inside must not depend on the server's umask.
	unix.Umask(0o022)
	if err := unix.Mount("root", s.Stage, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=4m,nr_inodes=4k"); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if err := os.Chdir(s.Stage); err != nil {
		return err
	}
	for _, p := range system {
		if err := bindSystem(p); err != nil {
			return err
		}
	}
	for _, x := range s.Binds {
		if err := bindMount(x.From, "."+x.To); err != nil {
			return err
		}
	}
	for _, p := range s.Hide {
		if err := hide("." + p); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"etc/passwd":        fmt.Sprintf("root:x:0:0::/:/usr/sbin/nologin\nsbx_user1051:x:%d:%d::/tmp:/bin/sh\n", b.user(), b.user()),
		"etc/group":         fmt.Sprintf("root:x:0:\nsbx_user1051:x:%d:\n", b.user()),
		"etc/hosts":         "127.0.0.1 localhost\n",
		"etc/resolv.conf":   "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := b.dev(); err != nil {
		return err
	}
	for _, d := range []string{"tmp", "proc", "opt", "var/task", "old"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	opts := fmt.Sprintf("mode=700,uid=%d,gid=%d,size=%dm,nr_inodes=%d", b.user(), b.user(), s.Tmp, s.Tmp*64)
	if err := unix.Mount("tmp", "tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, opts); err != nil {
		return fmt.Errorf("/tmp: %w", err)
	}
	if err := unix.Mount("proc", "proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	if err := unix.PivotRoot(".", "old"); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/old", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("old root: %w", err)
	}
	if err := os.Remove("/old"); err != nil {
		return err
	}
	if err := readOnly("/", false); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("sandbox")); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	return nil
}

// user is the user of the function as seen inside.
func (b *sandbox) user() int {
	if b.spec.UID != 0 {
		return b.spec.UID
	}
	return os.Getuid()
}

func (b *sandbox) dev() error {
	if err := os.Mkdir("dev", 0o755); err != nil {
		return err
	}
	for _, d := range devices {
		if err := touch("dev/" + d); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+d, "dev/"+d, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("/dev/%s: %w", d, err)
		}
		// Not read-only: writing to null is what it is for.
		if err := unix.MountSetattr(unix.AT_FDCWD, "dev/"+d, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC}); err != nil {
			return fmt.Errorf("/dev/%s: %w", d, err)
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, "dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// bindSystem makes a path of the host visible, if it exists. Links such as /bin
// to usr/bin stay links.
func bindSystem(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	if info.Mode()&os.ModeSymlink != 0 {
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll("."+filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.Symlink(to, "."+path)
	}
	return bindMount(path, "."+path)
}

// bindMount binds from to the relative path to, with what is mounted below, all
// read-only and without devices and set-user-id bits.
func bindMount(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(to, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(to), 0o755); err == nil {
		err = touch(to)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", from, err)
	}
	return readOnly(to, true)
}

func readOnly(path string, below bool) error {
	flags := uint(0)
	if below {
		flags = unix.AT_RECURSIVE
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &attr); err != nil {
		return fmt.Errorf("read-only %s: %w", path, err)
	}
	return nil
}

// hide covers a file or folder, if it is there.
func hide(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil
	case info.IsDir():
		err = unix.Mount("hidden", path, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=000,size=4k,nr_inodes=1")
	default:
		err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf("hide %s: %w", path, err)
	}
	return nil
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	return f.Close()
}
