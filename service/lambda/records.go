package lambda

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// Function is a function with everything that all its versions share. What belongs
// to one version or alias stands in tables of their own, under the function's ID,
// which no later function of the same name has.
type Function struct {
	ID     string
	Name   string
	ARN    string // without a qualifier
	Latest Version
	// Before is what runs while an update of Latest settles.
	Before    *Version `json:",omitempty"`
	Published int64    // the number of the newest version that was ever published
	// Reserved is the function's share of the account's concurrency; nil: none.
	Reserved *int32            `json:",omitempty"`
	Signing  string            `json:",omitempty"` // ARN of its code signing configuration
	Tags     map[string]string `json:",omitempty"`
}

// Version is the code and configuration of a function at one time: $LATEST, or
// published and never changed again.
type Version struct {
	Number      string // "$LATEST", "1"
	Description string
	Runtime     string
	Handler     string
	Role        string
	Timeout     int32 // seconds
	Memory      int32 // MB
	Storage     int32 // MB of /tmp
	Arch        string
	Code        Code
	Layers      []LayerRef   `json:",omitempty"`
	Environment *Environment `json:",omitempty"`
	Key         string       `json:",omitempty"` // ARN of the customer's KMS key
	DeadLetter  string       `json:",omitempty"`
	Tracing     string       // PassThrough or Active
	Logging     Logging      //
	SnapStart   string       // None or PublishedVersions
	Revision    string       // changes with whatever API answers show of it
	Build       string       `json:",omitempty"` // changes with what it takes to run it
	Modified    time.Time    //
	State       State        //
	Update      State        `json:",omitempty"` // of the last update; empty: there was none
	Runs        string       `json:",omitempty"` // what runs it on this host, as engine/functions names it
	// Rules are the environment of a built-in function, which no key protects: see
	// builtinSettings.
	Rules map[string]string `json:"-"`
}

// State is how far a version has got, or an update of it.
type State struct {
	Name, Reason, Code string
}

// The states.
var (
	pending    = State{"Pending", "The function is being created.", "Creating"}
	active     = State{Name: "Active"}
	inProgress = State{"InProgress", "The function is being created.", "Creating"}
	successful = State{Name: "Successful"}
)

// Code is where a deployment package is and what is known of it.
type Code struct {
	ID     string // of the stored package
	SHA256 string // base64, as CodeSha256 shows it
	Size   int64  // of the zip, bytes
}

// LayerRef is a layer's version in a function's configuration.
type LayerRef struct {
	ARN  string
	Size int64
	Code string // ID of the stored package, which lives as long as somebody uses it
}

// Logging is where and how a function's logs go.
type Logging struct {
	Format      string // Text or JSON
	Application string `json:",omitempty"`
	System      string `json:",omitempty"`
	Group       string `json:",omitempty"` // empty: /aws/lambda/<name>
}

// Alias is a name for one version, or for two with weights.
type Alias struct {
	Name        string
	Version     string
	Description string
	Weights     map[string]float64 `json:",omitempty"` // of the one additional version
	Revision    string
}

// Policy is the resource policy of a function, a version or an alias.
type Policy struct {
	Statements []Statement
	Bound      identity.Bound
}

var (
	functionTable = store.RegionalTable[Function]("lambda.function") // by name
	versions      = store.RegionalTable[Version]("lambda.version")   // by function ID and number
	aliases       = store.RegionalTable[Alias]("lambda.alias")       // by function ID and name
	policies      = store.RegionalTable[Policy]("lambda.policy")     // by function ID and qualifier, which may be empty
)

// versionID orders versions by number.
func versionID(fn, number string) string {
	return store.ID(fn, strings.Repeat("0", max(20-len(number), 0))+number)
}

// find answers the function that r names, its qualifier aside, or
// store.ErrNotFound.
func (s *Service) find(tx *store.Tx, r ref) (*Function, error) {
	if b := s.builtinNamed(r.name); b != nil {
		return s.builtin(tx, r, b)
	}
	return functionTable.In(r.account, r.region).Get(tx, r.name)
}

// load is find with AWS's refusal.
func (s *Service) load(tx *store.Tx, r ref) (*Function, error) {
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noFunction(r)
	}
	return f, err
}

// own is load for changes: built-in functions are part of the server.
func (s *Service) own(tx *store.Tx, r ref) (*Function, error) {
	if s.isInside(r) {
		return nil, isBuiltin(r)
	}
	return s.load(tx, r)
}

// published answers a version by its number, or store.ErrNotFound.
func (s *Service) published(tx *store.Tx, r ref, f *Function, number string) (*Version, error) {
	return versions.In(r.account, r.region).Get(tx, versionID(f.ID, number))
}

// alias answers an alias by its name, or store.ErrNotFound.
func (s *Service) alias(tx *store.Tx, r ref, f *Function, name string) (*Alias, error) {
	return aliases.In(r.account, r.region).Get(tx, store.ID(f.ID, name))
}

// version answers what r names: $LATEST, a version, or the version that an alias
// has in the first place. The refusal is AWS's.
func (s *Service) version(tx *store.Tx, r ref) (*Function, *Version, error) {
	f, err := s.load(tx, r)
	if err != nil {
		return nil, nil, err
	}
	number := r.qualifier
	if number == "" || number == latest {
		return f, &f.Latest, nil
	}
	if !isVersion(number) {
		a, err := s.alias(tx, r, f, number)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil, noFunction(r)
		}
		if err != nil {
			return nil, nil, err
		}
		number = a.Version
		if number == latest {
			return f, &f.Latest, nil
		}
	}
	v, err := s.published(tx, r, f, number)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, noFunction(r)
	}
	return f, v, err
}

// exists refuses a qualifier that names nothing.
func (s *Service) exists(tx *store.Tx, r ref) (*Function, error) {
	f, _, err := s.version(tx, r)
	return f, err
}

// build names what it takes to run a version.
func (v *Version) build() string { return cmp.Or(v.Build, v.Revision) }

// edit changes a function's record.
func edit(tx *store.Tx, r ref, change func(*Function) error) (*Function, error) {
	return functionTable.In(r.account, r.region).Edit(tx, r.name, change)
}

// jobID names a function to the schedule.
func jobID(r ref, id string) string { return store.ID(r.account, r.region, r.name, id) }

// parseJob undoes jobID.
func parseJob(id string) (r ref, fn string, err error) {
	p := store.Parts(id)
	if len(p) != 4 {
		return ref{}, "", fmt.Errorf("lambda: job %q", id)
	}
	return ref{account: p[0], region: p[1], name: p[2]}, p[3], nil
}
