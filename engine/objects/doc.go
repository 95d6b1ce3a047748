// Package objects is the object store below S3: versions of objects, listings,
// multipart uploads, and the encryption of data.
//
// # What lies where
//
// Metadata are records in package store; data are encrypted segments, small ones
// as records beside the metadata, large ones as blobs (package blob) under random
// names. An object is a list of segments: one, or the parts of a multipart upload,
// which are never copied together.
//
//	objects.bucket    bucket                    the bucket's own key, sealed
//	objects.entry     bucket, key               what a listing shows of a key's latest version, unless that is a delete marker
//	objects.version   bucket, key, age          every version and delete marker, newest first
//	objects.null      bucket, key               where the null version stands, if not at the end
//	objects.layout    data, number              segments and parts of objects that have many
//	objects.inline    segment                   data of small segments
//	objects.upload    bucket, key, upload       multipart uploads
//	objects.part      upload, number            their parts
//	objects.intent    segment                   blobs that are being written, and by which process
//	objects.garbage   data                      what is no longer referenced and waits to be removed
//	objects.writer    process                   signs of life of processes that write
//
// # Life of an upload
//
// Create, outside of any transaction, makes a data key and wraps it under the
// bucket's key or the caller's. Bytes that are written are hashed, cut into chunks
// of 64 KiB, encrypted, and leave for a blob whose intent was recorded before;
// what stays small is held back. Finish makes the blob durable and answers the
// checksums. Commit, in the caller's transaction, evaluates the conditions, writes
// version and entry, and turns the intent into a reference; data that it replaces
// become garbage in the same transaction. Close drops what was not committed.
//
// # Invariants
//
//   - A blob is referenced by exactly one of: a version, a part, an intent, a piece
//     of garbage. The record that says so is written before the blob and outlives it.
//   - Nothing that is referenced is removed: the collector removes only what a
//     transaction has made garbage, and makes garbage only of intents whose process
//     gave no sign of life for a minute. A writer whose intent is gone cannot commit.
//   - Every chunk is authenticated before a byte of it is handed out: its place, the
//     end of the segment, the segment and the object it belongs to. A reader gets
//     ErrDamaged, never wrong bytes.
//   - A key's versions are ordered by commit, never by clocks.
//   - Two commits of one key conflict, so the last one wins whole.
//
// # Non-goals
//
// What S3 refuses, who may do what, and bucket configuration belong to the
// service; the engine answers typed errors (errors.go). It sends no events.
package objects
