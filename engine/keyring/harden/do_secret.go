//go:build goexperiment.runtimesecret

package harden

import "runtime/secret"

// Erases reports whether Do has the runtime erase what f used.
const Erases = true

// Do runs f, which handles key material. What f leaves behind in registers, on
// the stack and on the heap is erased in builds where Erases holds: the heap
// part at the next garbage collection. Results must be copied into memory that
// the caller allocated before.
func Do(f func()) { secret.Do(f) }
