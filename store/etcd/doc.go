// Package etcd is the store backend for several servers: the truth is in an etcd
// cluster, every node keeps all of it in memory and reads there.
//
// # Keys
//
// Under the prefix of the URL:
//
//	f         "redoubt store, format 1"
//	h         the head: the newest revision, and which writes belong to which
//	n/NAME/ID one record for each node: whether it serves, up to which revision
//	          it has applied, a serial number
//	r…        the records, each value behind the eight bytes of its revision
//
// Revisions are our own count, not etcd's, since etcd also counts what nodes say
// about themselves. Below, "etcd revision" is etcd's, "revision" ours.
//
// # Commits: one compare
//
// A node gathers the commits of its clients into a batch, checks each against its
// replica's history (and those before it in the batch), and proposes the batch
// as one etcd transaction: if the head still has the etcd revision that the
// replica stands at, write the records and the new head. Every commit writes the
// head, so the compare proves that nothing at all was committed that the replica
// had not seen when the checks were made: no key changed, no row appeared in a
// range that was read, and none was deleted from one, which comparing the keys
// of a range cannot show (a deleted key compares with nothing). Any number of
// keys and ranges cost this one compare, and a batch shares one consensus round.
// When another node was faster, the batch waits until the replica has caught up
// and is checked and proposed again; of several nodes one always succeeds.
//
// A proposal whose answer is lost is proposed again unchanged. If the first one
// had happened, or happens late, the compare refuses the second, because etcd
// revisions never return; whether it did is told by the batch's random name in
// the heads that the replica sees go by. So a batch happens at most once.
//
// # The replica
//
// It is filled by a listing at one etcd revision and follows a watch from there.
// A watch delivers all changes in order of etcd revision; head, records and node
// records come through the same one, and this order carries the argument below.
// A replica that fell behind etcd's compaction is listed anew; transactions and
// watches that span the gap are refused.
//
// # No stale reads, and no quorum for a read
//
// Every node that serves has a record that says so. It renews it by an etcd
// transaction on the condition that it still exists, and counts itself valid for
// V after the moment at which it sent a renewal that succeeded, by its own
// monotonic clock. Whoever has seen a record unchanged for T > V, by its own
// clock, may remove it, on the condition that it still is unchanged. So:
//
//	(1) when a record has been removed, its node has stopped serving: the removal
//	    came at least T after someone saw the last renewal, which was sent before
//	    it was seen, and T-V allows for clocks of different speed.
//
// etcd's own leases are not used for this: a leader that was paused can extend a
// lease that its successor has let expire, unless it asks a quorum each time.
// Our renewal is decided by the quorum like any write.
//
// A commit at etcd revision R is acknowledged when every node whose record was
// there and serving at R (the transaction itself reads them) has confirmed a
// revision at least as high in its record, or its record has been removed. A
// node confirms what its replica has applied and its caches have been told. A
// node joins by first writing its record and only serving when its own watch has
// delivered that record, so its replica then holds everything before it. So:
//
//	(2) whoever serves has applied every acknowledged commit: it was there at R
//	    and confirmed, or it came later and its replica began beyond R.
//
// A read asks its replica first and the clock afterwards; were it the other way
// round, a pause in between could serve what is long stale. Validity is
// uninterrupted while it lasts, so a node that is valid after the check was so
// when the transaction began, and by (2) the transaction saw everything that was
// acknowledged before that. A node that stopped and joined again refuses the
// transactions that were in their last check meanwhile.
//
// That is what was asked: no read misses an acknowledged write. Strict
// serializability asks for more: when one client has read a new value, no other
// may read the old one afterwards, elsewhere, though the commit was not yet
// acknowledged. Hence a read-only transaction whose keys or ranges were written
// by a commit that is not known to be applied by all who serve waits until it
// is: the same records tell. Reads of what did not change in the last
// milliseconds never wait. (Let S be the newest revision applied by all who
// serve: it never falls. A read takes its place at the S of its check, or at the
// commit that it waited for; both lie between its beginning and its end, and
// agree with the order of those before and after.)
//
// A node that crashes delays the commits of the others by T at most, once. On
// the same machine its successor removes its record at once: it holds the lock
// of the node's name, so the process before it is gone.
//
// # Assumptions
//
// Monotonic clocks of nodes run at the same speed within a few percent and count
// while the machine sleeps (CLOCK_BOOTTIME on Linux). A virtual machine that its
// host freezes for longer than V and whose clock the host then sets forward by
// nothing would not notice: that is outside of what a clock can tell; keep the
// guests' clocks running, as hypervisors do by default.
//
// # Limits
//
// etcd's own defaults are kept: 1.5 MiB a request, 128 operations a level
// (larger commits nest), its database quota. All records are in every node's
// memory. Nodes compact etcd's history themselves (compact=off leaves it to the
// operator), which affects whatever else the cluster holds.
package etcd
