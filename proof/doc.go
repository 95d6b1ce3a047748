// Package proof holds tests of the whole server from outside: everything goes
// over HTTP, signed, as a client's requests would, and is made from the models
// alone. A service that comes later is covered the day its first row is in the
// table.
//
// # What is proven
//
//   - Every operation: without rights, without a signature or with a wrong one it
//     is refused; garbage in any field gets a refusal that the model knows;
//     without a row it says that it is not implemented; it leaves one event, and
//     neither event nor log nor error text repeats what must not be repeated.
//   - No call that starts after a right was taken away succeeds on it.
//   - Killed at any moment under load, the server loses nothing that it
//     acknowledged.
//   - Neither the data directory nor the memory of an idle server holds a key, a
//     password or a secret in the clear.
//   - It starts fast, stays small and stops in order.
//
// Tests that take minutes run only with REDOUBT_SOAK=1.
//
// # Non-goals
//
// What an operation does when it is allowed is its room's to test.
package proof
