// Package harden keeps key material out of swap, core dumps and debuggers, as
// far as the kernel and the build allow, and says what it could not do.
//
//   - Process switches core dumps and ptrace by others off, once, at start.
//   - Buffer is memory outside the Go heap: locked, left out of dumps, empty in
//     child processes. Long-lived keys (the root key) live there.
//   - Do runs code that handles short-lived key material. In a build with
//     GOEXPERIMENT=runtimesecret the runtime erases the registers, the stack and
//     the heap that the code used; in other builds Do only calls it, and callers
//     still wipe the buffers they own.
//
// Non-goals: it cannot protect against root on the same machine, nor against a
// debugger that was attached before the process started.
package harden
