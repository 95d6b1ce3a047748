// Package schedule is durable timed work: keys that will be deleted, material
// that rotates or expires, secrets that are due.
//
// # Life of a job
//
// A service plans a job in the transaction of what it is about (At): both exist
// or neither does. When its time has come on the services' clock, one server
// claims it, by a record that the others see, and runs its handler in a
// transaction in which the job is taken off the timetable. If the handler fails,
// the job stays and is tried again, later each time; its last error can be read.
// If the server dies, the claim runs out and another one takes over; where the store
// has one server only, it goes on as soon as it is started again.
//
// # Invariants
//
//   - A job that was acknowledged runs at least once, and its effects on the store
//     happen exactly once: they commit together with the job's end, which fails if
//     anyone else ended, moved or took back the job meanwhile.
//   - Jobs start in order of time, however far the clock has jumped.
//   - At most one server runs a job at a time, unless one falls silent for longer
//     than the lease and then goes on: its transaction fails, but effects outside
//     the store may have happened twice.
//
// Non-goals: calendars (cron expressions belong to those who have them), and
// jobs whose payload is more than an id: what is to be done stands in the record
// that the id names.
package schedule
