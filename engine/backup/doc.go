// Package backup writes the whole store of a running server to one encrypted
// stream, and makes a store of it again.
//
// # What a backup is
//
// One consistent state, of one revision, with the wrapped root key in it. It is
// encrypted to a recipient of its own (HPKE, RFC 9180), whose secret half the
// server never sees: whoever takes over the server cannot read its old backups,
// and whoever finds a backup needs the recipient's key and, for what the keyring
// sealed, the seal as well. Nor can he replace it by another: backups also prove that
// their maker knew the recipient's text, which only the server and its operator do.
// The key encapsulation is ML-KEM-768 with X25519,
// because backups are kept for years.
//
// The stream is cut into chunks that are authenticated with their number, the last
// one as the last: cut, reordered, extended and altered streams are refused.
//
// # What must not come back
//
// A restore sets the store back in time, which undoes what was meant to be for
// ever: a KMS key that was deleted has its material again, an access key that
// leaked and was deleted works again. So the server keeps a ledger of what was
// revoked. Guard notes, in the transaction of the change itself, a digest of every
// record that was deleted (of some tables also: changed); Keep copies this to a
// file beside the data, which the operator keeps elsewhere too, and every backup
// command writes it out anew. It holds digests, revisions and times, no names.
//
// Restore takes the backup and a ledger that is at least as new, and withholds
// every record whose version in the backup is older than its revocation. Without
// a ledger it refuses, unless told otherwise, and then lists what it brought back,
// so that the operator can delete again what should have stayed deleted. In either
// case it says up to when the ledger knows; what was revoked after that, nobody
// told it.
//
// What was changed, not deleted, comes back as it was (a policy before it was
// tightened, a KMS key with imported material that was removed since): withholding
// it would lose keys and users that should come back. Of tables marked for review the
// ledger notes changes, too, and a restore lists what came back older than it last
// was. Access keys are the exception: one that was switched off looks like any other
// that was changed, and stays away.
//
// A restored store continues the revisions of the old one with a wide gap, so that
// ledgers of both lives can be compared, and old backups can be restored again with
// a newer ledger.
//
// # What stays true of copies
//
// A backup from before a deletion still holds the deleted key, sealed. Only when all
// backups from before are gone, or the seal's and the root key's old versions are
// destroyed (redoubt seal rotate --rotate-root, then the old seal), is it deleted
// everywhere. AWS's own promise for deleted keys rests on the same.
//
// Non-goals: incremental backups, large objects (package blob), scheduling.
package backup
