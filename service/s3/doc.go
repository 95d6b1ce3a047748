// Package s3 is Amazon S3: buckets, their configuration, and the objects in them;
// and of S3 Control what works on the same buckets.
//
// # What it keeps
//
//   - Bucket: one record per bucket, by its name, with all that a request for one
//     of its objects must know; an index by account.
//   - Point: access points, with their aliases.
//   - Block: the public access block of an account.
//   - Lifecycle: a bucket's rules, which run at midnight.
//   - notice: a message for a function that was not delivered yet.
//
// Objects lie in package engine/objects, under the bucket's id.
//
// # Life of a PutObject
//
// The front door has read the head alone: route, signature, needs and decision need
// no more. The method then runs in no transaction:
//
//  1. create looks the bucket up and refuses what can be refused before the data
//     come (attributes.go). encrypt decides how the object is encrypted (sse.go) and
//     asks KMS, for the caller, for a data key, unless the bucket's key is remembered
//     (bucketkeys.go).
//  2. take pumps the body into the engine, 64 KiB at a time. The body proves itself
//     while it is read: its hash, or its chunks' signatures.
//  3. check compares the checksums (checksums.go).
//  4. commit makes the version visible in one short transaction, in which the bucket
//     is looked at again: it may have been deleted, or got other rules. What is to be
//     told of it is written with it (notifications.go).
//
// # Invariants
//
//   - A bucket policy that RestrictPublicBuckets or the account's block shuts off
//     is not evaluated for callers of other accounts.
//   - Policies hold users and roles by their unique ids: whoever is made later under
//     the same name inherits nothing.
//   - Needs do not tell what exists, but in which Region a bucket lies, and, to
//     callers without credentials, whether there is one: both as at AWS.
//   - A data key of KMS is used for whoever may use it, and for nobody else: the caller
//     is forwarded. What is remembered of one is forgotten when anything that it may
//     rest on changes.
//   - Whoever may not list a bucket is not told that an object is missing.
//   - Through an access point two rights are taken, on the point and on what lies
//     behind it.
//
// # What it refuses to do
//
// Access control lists other than the owner's full control: every bucket is
// BucketOwnerEnforced. MFA delete. Departures from AWS are listed in
// docs/divergences/s3.md.
package s3
