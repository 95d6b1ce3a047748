// Package pebble is the embedded store backend: Pebble (an LSM tree) under one
// committer goroutine.
//
// # Life of a commit
//
// Commits queue for the committer. It takes what has gathered, checks each
// against the history and against those before it in the group, gives each its
// revision and writes all into one batch with one fsync. Only when that has
// returned do the values become readable (reads go through a snapshot that is
// replaced then), the history learns of them, caches are told, the revision
// moves, and the callers hear of it, in this order. So nothing is ever read that
// a crash could take back. Transactions that only read are checked against the
// history without the committer.
//
// # Layout
//
//	DIR/LOCK          one process at a time
//	DIR/FORMAT        "redoubt store, format 2"
//	DIR/records-2/    Pebble's files, of that format
//
// Every record lies under 'r' and its key, its value behind the eight bytes of
// its revision; "m/rev" holds the newest revision given out. An upgrade writes the
// records anew into the next format's folder, then FORMAT, then removes the old
// folder; whenever it is interrupted, one of both is whole.
//
// # Failure
//
// After an error of the log or of fsync the kernel may have dropped what it could
// not write, and a second fsync would report success (fsyncgate, 2018). So the
// first one is the last: nothing is acknowledged or read any more, everything
// answers ErrUnavailable, until the process is started anew and replays the log.
//
// Non-goals: other processes, encryption (values are sealed by their owners).
package pebble
