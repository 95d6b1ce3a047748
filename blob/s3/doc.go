// Package s3 keeps blobs in a bucket of an S3-compatible server: for several
// servers on one store, or where the data are too many for one machine.
//
// # Life of a blob
//
// A Writer gathers parts of 8 MiB. What fits in one goes out as one PutObject;
// else the first full part begins a multipart upload, and Commit completes it.
// Both carry If-None-Match, so that a name is written once, and a token of the
// writer's: when an answer is lost and the repetition is refused because the object
// exists, the token tells whether it is our own.
//
// A Reader goes on where it was cut off, as long as it gets on at all.
//
// # What it needs of the server
//
// PutObject, GetObject with ranges, HeadObject, DeleteObject, ListObjectsV2,
// multipart uploads and their listing, strong consistency, and If-None-Match on
// PutObject and CompleteMultipartUpload (a server that ignores it still works, as
// names are random, but does not hold the contract against two writers of one
// name). Bodies are signed, hence checked on arrival.
//
// Uploads that dead writers left are removed after a week; no writer goes on for
// longer than five days. Versioning in the bucket is best off: what is removed
// would stay as a noncurrent version.
package s3
