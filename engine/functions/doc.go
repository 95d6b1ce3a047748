// Package functions runs the code of functions: it unpacks archives, starts
// runtimes in sandboxes of their own, hands them events over the Lambda Runtime
// API, and writes the log as AWS Lambda does.
//
// # Invariants
//
//   - A function's code runs in a process of its own user, with namespaces of its
//     own for mounts, processes, network and IPC, without privileges. It sees a
//     minimal file system, its code and layers read-only, and a private /tmp. It
//     reaches this server's API as every client does, and beyond it only what the
//     configuration names. Where the host cannot do that, nothing runs, unless the
//     configuration says so in words (Unconfined).
//   - An instance runs one event at a time. Between events all its processes are
//     stopped.
//   - Every process of an instance ends with the instance, and every instance with
//     the server, however either ends.
//   - Everything that a function can make grow is bounded: time, memory, processes,
//     files, /tmp, answers, log.
//   - Credentials and environment variables are handed over a socket; they stand on
//     no command line and in no file.
//
// Non-goals: authorization, quotas and retries (the service's work); storing
// archives (the folder of unpacked code is a cache, emptied at start).
package functions
