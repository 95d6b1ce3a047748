// Package s3 is Amazon S3: buckets, their configuration, and the objects in them;
// and of S3 Control what works on the same buckets.
//
// # What it keeps
//
//   - Bucket: one record per bucket, by its name, with all that a request for one
//     of its objects must know; an index by account.
//   - Point: access points, with their aliases.
//   - Block: the public access block of an account.
//
// # Invariants
//
//   - A bucket policy that RestrictPublicBuckets or the account's block shuts off
//     is not evaluated for callers of other accounts.
//   - Policies hold users and roles by their unique ids: whoever is made later under
//     the same name inherits nothing.
//   - Needs do not tell what exists, but in which Region a bucket lies, and, to
//     callers without credentials, whether there is one: both as at AWS.
//   - Through an access point two rights are taken, on the point and on what lies
//     behind it.
//
// # What it refuses to do
//
// Access control lists other than the owner's full control: every bucket is
// BucketOwnerEnforced. MFA delete. Departures from AWS are listed in
// docs/divergences/s3.md.
package s3
