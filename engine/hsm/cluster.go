package hsm

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Cluster is a cluster as it is on record.
type Cluster struct {
	ID        string
	Created   time.Time `json:",omitzero"` // zero: configured, not created
	HSMType   string
	Mode      string
	Network   string
	Retention string            // days that backups would be kept
	Subnets   map[string]string // by Availability Zone
	HSMs      []HSM

	// CSR is the signing request, from the first HSM on; Certificate what came of
	// it, signed by Anchor. All PEM.
	CSR         string    `json:",omitempty"`
	Certificate string    `json:",omitempty"`
	Anchor      string    `json:",omitempty"`
	Initialized time.Time `json:",omitzero"` // when InitializeCluster was called
	Deleted     time.Time `json:",omitzero"` // when DeleteCluster was
}

// HSM is an entry of a cluster.
type HSM struct {
	ID      string
	Zone    string
	IP      string    `json:",omitempty"`
	Created time.Time `json:",omitzero"`
	Deleted time.Time `json:",omitzero"` // when DeleteHsm was called
}

// States of clusters and HSMs, as the API names them.
const (
	Creating      = "CREATE_IN_PROGRESS"
	Uninitialized = "UNINITIALIZED"
	Initializing  = "INITIALIZE_IN_PROGRESS"
	Initialized   = "INITIALIZED"
	Active        = "ACTIVE"
	Degraded      = "DEGRADED"
	Deleting      = "DELETE_IN_PROGRESS"
	Deleted       = "DELETED"
)

const (
	// passage is how long states last that end by themselves.
	passage = 10 * time.Second
	// remembered is how long a deleted cluster is still shown.
	remembered = time.Hour
)

// Tags are a cluster's tags, in the order in which they were first set.
type Tags struct{ List []Tag }

// Tag is a pair.
type Tag struct{ Key, Value string }

var (
	clusters = store.RegionalTable[Cluster]("cloudhsm.cluster")
	// claims say which account and region a token went to: it can be only one.
	claims = store.GlobalTable[claim]("cloudhsm.claim")
	tags   = store.RegionalTable[Tags]("cloudhsm.tags")
)

type claim struct{ Account, Region string }

// Errors of the cluster operations. A Refusal says what is wrong with a request.
var (
	ErrNoCluster = errors.New("hsm: no such cluster")
	ErrNoToken   = errors.New("hsm: no token is free")
)

// Refusal is a request that cannot be done, in words for the caller.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// View is a cluster as it is now.
type View struct {
	*Cluster
	State   string
	Message string // why, where the state alone does not tell
	HSMs    []HSMView
	Tags    []Tag
	// Configured clusters are the operator's: they cannot be changed.
	Configured bool
}

// HSMView is an HSM as it is now.
type HSMView struct {
	HSM
	State string
}

// Find answers a cluster, or ErrNoCluster. With an account's clusters nobody
// else's are found.
func (e *Engine) Find(tx *store.Tx, account, region, id string) (*View, error) {
	c, err := e.load(tx, account, region, id)
	if err != nil {
		return nil, err
	}
	v := e.view(c)
	if v.State == Deleted && e.clock.Now().Sub(c.Deleted) > remembered {
		return nil, ErrNoCluster
	}
	t, err := tags.In(account, region).Get(tx, id)
	if err == nil {
		v.Tags = t.List
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return v, nil
}

// List answers an account's clusters in order of their ids.
func (e *Engine) List(tx *store.Tx, account, region string) ([]*View, error) {
	var out []*View
	for _, id := range e.ids {
		v, err := e.Find(tx, account, region, id)
		if errors.Is(err, ErrNoCluster) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// load answers the record, or one made from the configuration.
func (e *Engine) load(tx *store.Tx, account, region, id string) (*Cluster, error) {
	k := e.tokens[id]
	if k == nil || !k.serves(account, region) {
		return nil, ErrNoCluster
	}
	if k.anchor != nil {
		return k.cluster(id, region), nil
	}
	c, err := clusters.In(account, region).Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoCluster
	}
	return c, err
}

// cluster is the cluster of a configured trust anchor. It has the two HSMs that
// key stores ask for: how many machines stand behind a module, only the module
// knows.
func (k *configured) cluster(id, region string) *Cluster {
	return &Cluster{
		ID: id, HSMType: "hsm2m.medium", Mode: "FIPS", Network: "IPV4", Retention: "90", Subnets: map[string]string{},
		HSMs:   []HSM{{ID: hsmID(id, "a"), Zone: region + "a"}, {ID: hsmID(id, "b"), Zone: region + "b"}},
		Anchor: string(k.TrustAnchor),
	}
}

func (e *Engine) view(c *Cluster) *View {
	now := e.clock.Now()
	k := e.tokens[c.ID]
	v := &View{Cluster: c, Configured: k.anchor != nil}
	for _, h := range c.HSMs {
		switch {
		case !h.Deleted.IsZero() && now.Sub(h.Deleted) >= passage:
			continue
		case !h.Deleted.IsZero():
			v.HSMs = append(v.HSMs, HSMView{h, Deleting})
		case now.Sub(h.Created) < passage:
			v.HSMs = append(v.HSMs, HSMView{h, Creating})
		default:
			v.HSMs = append(v.HSMs, HSMView{h, Active})
		}
	}
	switch {
	case v.Configured && e.present(k):
		v.State = Active
	case v.Configured:
		v.State, v.Message = Degraded, absent
		for i := range v.HSMs {
			v.HSMs[i].State = Degraded
		}
	case !c.Deleted.IsZero() && now.Sub(c.Deleted) >= passage:
		v.State = Deleted
	case !c.Deleted.IsZero():
		v.State = Deleting
	case !c.Initialized.IsZero() && now.Sub(c.Initialized) < passage:
		v.State = Initializing
	case !c.Initialized.IsZero() && e.present(k):
		v.State = Active
	case !c.Initialized.IsZero():
		v.State, v.Message = Initialized, absent
	case now.Sub(c.Created) < passage:
		v.State = Creating
	default:
		v.State = Uninitialized
	}
	return v
}

const absent = "The token of this cluster is not present or has no user PIN."

// zones counts the Availability Zones with an active HSM.
func (v *View) zones() int {
	var zones []string
	for _, h := range v.HSMs {
		if h.State == Active && !slices.Contains(zones, h.Zone) {
			zones = append(zones, h.Zone)
		}
	}
	return len(zones)
}

// hsmID derives an HSM's id, so that a call that starts over makes the same.
func hsmID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "hsm-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:11])
}
