package objects

import "context"

// Query is a page of a listing. Order is the keys' byte order; common prefixes
// are seeked past, never walked.
type Query struct {
	Bucket, Prefix, Delimiter string
	// After is the key or common prefix behind which the page begins (Page.Next of
	// the one before); AfterID, within that key, the version or upload id. A key
	// without an id is left out whole.
	After, AfterID string
	Most           int // entries and prefixes together; 0 answers an empty page
}

// Page is what a listing found.
type Page[T any] struct {
	Items    []T
	Prefixes []string // common prefixes
	More     bool
	// Next and NextID are for Query.After and AfterID of the following page, if
	// there is More.
	Next, NextID string
}

// List answers latest versions that are no delete markers, in the transaction of
// ctx, or in one of its own if there is none.
func (s *Store) List(ctx context.Context, q Query) (*Page[Entry], error) { return nil, errUnfinished }

// ListVersions answers versions and delete markers, newest first within a key.
func (s *Store) ListVersions(ctx context.Context, q Query) (*Page[*Version], error) {
	return nil, errUnfinished
}

// ListUploads answers uploads, oldest first within a key.
func (s *Store) ListUploads(ctx context.Context, q Query) (*Page[*Upload], error) {
	return nil, errUnfinished
}
