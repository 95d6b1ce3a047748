package secretsmanager

import (
	"time"

	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// The tables. A secret lies under its name; its versions under the last part of
// its ARN, which no other secret ever has, and their ids.
var (
	secrets  = store.RegionalTable[Secret]("secretsmanager.secret")
	versions = store.RegionalTable[Version]("secretsmanager.version")
)

// Secret is a secret without its values.
type Secret struct {
	ARN, Name       string
	Account, Region string
	Description     string `json:",omitempty"`
	// Key is the KMS key as the caller named it; empty: alias/aws/secretsmanager.
	Key      string `json:",omitempty"`
	Created  time.Time
	Changed  time.Time
	Accessed time.Time `json:",omitzero"` // by day
	Tags     []Tag     `json:",omitempty"`
	// Tagged: there were tags once. Then AWS answers an empty list, not none.
	Tagged bool              `json:",omitempty"`
	Policy *identity.Bound   `json:",omitempty"`
	Stages map[string]string `json:",omitempty"` // from staging label to version id
	// Versions is how many there are, labelled or not, and Sweep when those that
	// are too many will be looked at.
	Versions int       `json:",omitempty"`
	Sweep    time.Time `json:",omitzero"`
	// Deleted is when the secret will be gone, once that is planned.
	Deleted  time.Time `json:",omitzero"`
	Rotation *Rotation `json:",omitempty"`
	// Primary is the Region of the secret that this one is a replica of.
	Primary  string    `json:",omitempty"`
	Replicas []Replica `json:",omitempty"`
}

// Tag is a key and a value.
type Tag struct{ Key, Value string }

// Replica is what a primary secret knows of one.
type Replica struct {
	Region  string
	Key     string `json:",omitempty"`
	Status  string
	Message string `json:",omitempty"`
}

// Version is one value of a secret, under a data key of its own. Without Sealed
// it is the placeholder of a rotation.
type Version struct {
	ID       string
	Created  time.Time
	Accessed time.Time `json:",omitzero"` // by day
	// Key is the secret's key when the value was sealed, as the caller had named
	// it, and KeyARN the one that it was.
	Key, KeyARN string `json:",omitempty"`
	Wrapped     []byte `json:",omitempty"` // the data key under the KMS key
	Sealed      []byte `json:",omitempty"`
	Binary      bool   `json:",omitempty"`
}

// The staging labels that mean something.
const (
	current  = "AWSCURRENT"
	pending  = "AWSPENDING"
	previous = "AWSPREVIOUS"
)

// resource is the last part of the ARN: name, hyphen and six characters.
func (s *Secret) resource() string { return s.Name + s.ARN[len(s.ARN)-suffixSize:] }

func (s *Secret) rows() store.Rows[Secret] { return secrets.In(s.Account, s.Region) }

func (s *Secret) put(tx *store.Tx) error { return s.rows().Put(tx, store.ID(s.Name), s) }

func (s *Secret) versions() store.Rows[Version] { return versions.In(s.Account, s.Region) }

func (s *Secret) versionKey(id string) string { return store.ID(s.resource(), id) }

func (s *Secret) version(tx *store.Tx, id string) (*Version, error) {
	return s.versions().Get(tx, s.versionKey(id))
}

func (s *Secret) putVersion(tx *store.Tx, v *Version) error {
	return s.versions().Put(tx, s.versionKey(v.ID), v)
}

// everyVersion walks the versions, in order of their ids.
func (s *Secret) everyVersion(tx *store.Tx, visit func(*Version) error) error {
	prefix := store.ID(s.resource(), "")
	for row, err := range s.versions().Scan(tx, store.Query{Prefix: prefix}) {
		if err != nil {
			return err
		}
		if err := visit(row.Value); err != nil {
			return err
		}
	}
	return nil
}

// labels are the staging labels of a version, in order.
func (s *Secret) labels(id string) []string {
	var list []string
	for stage, v := range s.Stages {
		if v == id {
			list = append(list, stage)
		}
	}
	return sorted(list)
}

// stagesByVersion turns Stages around.
func (s *Secret) stagesByVersion() map[string][]string {
	if len(s.Stages) == 0 {
		return nil
	}
	m := map[string][]string{}
	for stage, v := range s.Stages {
		m[v] = append(m[v], stage)
	}
	for _, list := range m {
		sorted(list)
	}
	return m
}

func (s *Secret) tagMap() map[string]string {
	m := make(map[string]string, len(s.Tags))
	for _, t := range s.Tags {
		m[t.Key] = t.Value
	}
	return m
}
