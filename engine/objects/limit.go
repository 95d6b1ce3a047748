package objects

import "unicode/utf8"

// Limits of S3.
const (
	MaxKey   = 1024         // bytes of a key
	MaxParts = 10_000       // of an upload
	MinPart  = 5 << 20      // bytes of every part but the last
	MaxPart  = 5 << 30      // bytes of one part, and of one Create
	MaxSize  = 48_828 << 30 // bytes of an object: 10,000 parts of 5 GiB, as AWS rounds it
)

// Our own.
const (
	// chunkSize is how much plaintext is authenticated at once.
	chunkSize = 64 << 10
	// inlineSize is up to where data lie beside their metadata. Of 32 KiB, a durable
	// PUT so takes half the processor time of one with a file of its own, and one
	// flush instead of three; at 64 KiB the difference is gone (BenchmarkSmallPut).
	inlineSize = 32 << 10
)

func checkKey(key string) error {
	if key == "" || len(key) > MaxKey || !utf8.ValidString(key) {
		return ErrBadKey
	}
	return nil
}
