package objects

import "time"

// Limits of S3.
const (
	MaxKey     = 1024         // bytes of a key
	MaxParts   = 10_000       // of an upload
	MinPart    = 5 << 20      // bytes of every part but the last
	MaxPart    = 5 << 30      // bytes of one part, and of one Create
	MaxSize    = 48_828 << 30 // bytes of an object: 10,000 parts of 5 GiB
	NullID     = "null"       // version id of what was written without versioning
	Standard   = "STANDARD"   // the storage class
	Governance = "GOVERNANCE" // retention mode
	Compliance = "COMPLIANCE" // retention mode
)

// Versioning is how a bucket keeps versions.
type Versioning uint8

// The states of a bucket. Once it was Enabled it is never Unversioned again: the
// engine relies on it.
const (
	Unversioned Versioning = iota
	Enabled
	Suspended
)

// Attributes are what a client says about an object beside its data.
type Attributes struct {
	// System holds Content-Type and the like by the name of their header, in lower
	// case; User what came as x-amz-meta-*, without that prefix.
	System map[string]string `json:",omitempty"`
	User   map[string]string `json:",omitempty"`
	Tags   map[string]string `json:",omitempty"`
	Class  string            `json:",omitempty"` // storage class; empty: STANDARD
	Owner  string            `json:",omitempty"` // account
	Lock   Lock              `json:",omitzero"`
}

// Lock is what keeps a version from being deleted.
type Lock struct {
	Mode  string    `json:",omitempty"` // Governance, Compliance or empty
	Until time.Time `json:",omitzero"`
	Hold  bool      `json:",omitempty"`
}

// Version is one version of an object, or a delete marker. Versions that the
// engine answers are shared and read-only.
type Version struct {
	Bucket     string `json:"-"`
	Key        string `json:"-"`
	ID         string // NullID or 32 characters
	Latest     bool   `json:"-"`
	Marker     bool   `json:",omitempty"`
	Modified   time.Time
	Size       int64      `json:",omitempty"`
	ETag       string     `json:",omitempty"` // without quotes
	Parts      int        `json:",omitempty"` // how many an upload was completed with; 0: it was put whole
	Checksum   Checksum   `json:",omitzero"`
	Encryption Encryption `json:",omitzero"`
	Attributes

	Seq  uint64 `json:"N"` // place among the key's versions; grows with every commit
	Data Data   `json:",omitzero"`
}

// Data says where a version's bytes are; the engine's own.
type Data struct {
	ID       string    `json:",omitempty"` // random; part of what the encryption is bound to
	Key      [][]byte  `json:",omitempty"` // the data key, wrapped, per layer
	Segments []Segment `json:",omitempty"` // of objects that have few
	Rows     int       `json:",omitempty"` // of the layout, else
}

// Segment is data that was written in one go.
type Segment struct {
	ID     string // also the blob's name
	Size   int64  // of the plaintext
	Inline bool   `json:",omitempty"`
}

// Entry is what a listing shows of a key's latest version.
type Entry struct {
	Key       string `json:"-"`
	VersionID string
	ETag      string
	Size      int64
	Modified  time.Time
	Class     string    `json:",omitempty"`
	Owner     string    `json:",omitempty"`
	Algorithm Algorithm `json:",omitempty"` // of the checksum
	Type      string    `json:",omitempty"` // of the checksum
	Seq       uint64    `json:"N"`
}
