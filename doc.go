// Package redoubt is the vocabulary that every part of the server speaks: who
// calls (Principal), what is asked (Call), which rights it takes (Need), what
// went wrong (Error), what things are called (ARN) and what time it is (Clock).
//
// It imports nothing but the standard library and holds no behaviour beyond
// making and printing these words, so that every other package may import it.
package redoubt
