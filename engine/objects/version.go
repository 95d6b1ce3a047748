package objects

import "time"

const (
	NullID     = "null"     // version id of what was written without versioning
	Standard   = "STANDARD" // the default storage class
	Governance = "GOVERNANCE"
	Compliance = "COMPLIANCE"
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
	Grants []Grant           `json:",omitempty"` // nil: its owner may do all

	Restore Restore `json:",omitzero"` // of an archived object
}

// Restore is when an archived object can be read: from Ready on, until Until. The
// engine only keeps it.
type Restore struct{ Ready, Until time.Time }

// The states of an archived object.
const (
	Archived = iota
	Restoring
	Restored
)

// At answers the state at a time.
func (r Restore) At(now time.Time) int {
	switch {
	case !now.Before(r.Until):
		return Archived
	case now.Before(r.Ready):
		return Restoring
	}
	return Restored
}

// Grant permits something to an account, by its canonical user id, or to a group, by
// its URI. The engine only keeps it.
type Grant struct{ To, Permission string }

// Lock is what keeps a version from being deleted.
type Lock struct {
	Mode  string    `json:",omitempty"` // Governance, Compliance or empty
	Until time.Time `json:",omitzero"`
	Hold  bool      `json:",omitempty"`
	// Held: a legal hold was set once, on or off. Nothing here depends on it.
	Held bool `json:",omitempty"`
}

// holds reports whether the version must stay. bypass goes past governance.
func (l Lock) holds(now time.Time, bypass bool) bool {
	if l.Hold {
		return true
	}
	return l.Mode != "" && now.Before(l.Until) && !(bypass && l.Mode == Governance)
}

// Version is one version of an object, or a delete marker. Versions that the
// engine answers share their maps and are read-only.
type Version struct {
	Bucket     string     `json:"-"`
	Key        string     `json:"-"`
	Latest     bool       `json:"-"`
	ID         string     // NullID or 32 characters
	Marker     bool       `json:",omitempty"`
	Modified   time.Time  // by the services' clock
	Size       int64      `json:",omitempty"`
	ETag       string     `json:",omitempty"` // without quotes
	Parts      int        `json:",omitempty"` // how many an upload was completed with; 0: it was put whole
	Checksum   Checksum   `json:",omitzero"`
	Encryption Encryption `json:",omitzero"`
	Attributes

	Seq  uint64 `json:"N"` // place among the key's versions; grows with every commit
	Data Data   `json:",omitzero"`
}

// Data says where bytes are and how they are encrypted; the engine's own.
type Data struct {
	ID      string   `json:",omitempty"` // random; part of what the encryption is bound to
	Keys    [][]byte `json:",omitempty"` // the data keys, wrapped, one per layer
	Segment Segment  `json:",omitzero"`  // of what was put whole
	// Starts are the offsets at which the rows of the layout begin, of what was
	// uploaded in parts.
	Starts []int64 `json:",omitempty"`
}

// Segment is data that was written in one go.
type Segment struct {
	ID     string // also the blob's name
	Size   int64  `json:",omitempty"` // of the plaintext
	CRC    uint64 `json:",omitempty"` // CRC-64/NVME of the ciphertext: what rots is found without keys
	Inline bool   `json:",omitempty"`
}
