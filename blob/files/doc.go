// Package files keeps blobs as files of one directory: the default backend.
//
// # Life of a blob
//
// Create makes DIR/writing/NAME, locks it, and reserves its room. Commit flushes
// the file, renames it to DIR/NA/NAME (NA: the name's first two characters) and
// flushes that directory. So whatever lies outside of DIR/writing is whole and
// durable, and what lies inside and is not locked belongs to a process that died:
// the kernel gives locks back, even after kill -9.
//
// # Layout
//
//	DIR/FORMAT     "redoubt blobs, format 1"
//	DIR/writing/   what is not committed, locked by its writer (flock)
//	DIR/00/ … ff/  blobs
//
// Files are 0600, directories 0700. Everything is opened below an os.Root, so that
// no name and no planted link leads out of DIR. Several processes may use one
// directory, on a file system on which flock works between them.
//
// Copies: names are written once, so copying DIR while it is used (rsync, a
// snapshot) gets every blob that was committed before the copy began, whole.
package files
