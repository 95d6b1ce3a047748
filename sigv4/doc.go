// Package sigv4 answers who signed a request: AWS Signature Version 4 in an
// Authorization header, in the query (presigned URLs), and over the chunks of a
// streamed body. It also signs, for the requests that this program itself sends.
//
// # Life of a signature
//
// Parse takes the signature apart and knows afterwards which access key, region
// and service it claims; the front door routes by that. Check compares the claim
// with where the request was routed and with the clock. Only then is the access
// key looked up, and Verify computes the signature with its secret. Body hands
// out the body of a request whose payload was signed as a stream, and checks it
// while it is read. The steps refuse in the order in which AWS refuses.
//
// # Invariants
//
//   - Everything is computed from the request target as it was sent. Nothing here
//     or before cleans paths.
//   - What authenticates appears once: a second Authorization header, a repeated
//     X-Amz-Date, a signature both in header and query are refused.
//   - Host and every x-amz-* header must be signed.
//   - Only S3, and operations whose model says so, may leave their body unsigned.
//   - Signatures are compared in constant time. Refusals hold no secret, and of
//     the Authorization header only a hash.
//   - Time is wall time; the services' clock has no influence here.
//
// # Non-goals
//
// Signature Version 2; Version 4A (asymmetric), which is refused by name; the
// policy of S3's POST forms, which belongs to S3.
//
// Sources: AWS IAM User Guide, "AWS Signature Version 4 for API requests";
// Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
package sigv4
