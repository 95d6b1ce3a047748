package ssm

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Source: Systems Manager User Guide, "Working with parameter versions".
const maxVersions = 100

// perBlock is how many older versions share a record.
const perBlock = 4

// Block is a run of older versions, in order.
type Block struct{ Versions []Version }

var blocks = store.RegionalTable[Block]("ssm.version")

func block(number int64) int64 { return number / perBlock }

func blockID(id string, b int64) string { return id + "\x00" + fmt.Sprintf("%016x", b) }

// version answers a version of p, or nil when it is not kept.
func version(tx *store.Tx, account, region string, at place, p *Parameter, number int64) (*Version, error) {
	switch {
	case number == p.Current.Number:
		return &p.Current, nil
	case number < p.Oldest || number > p.Current.Number:
		return nil, nil
	}
	b, err := blocks.In(account, region).Get(tx, blockID(at.id(), block(number)))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.Versions, func(v Version) bool { return v.Number == number })
	if i < 0 {
		return nil, fmt.Errorf("ssm: version %d of %q is missing", number, at)
	}
	return &b.Versions[i], nil
}

// pick answers the version that a request selects.
func pick(tx *store.Tx, region string, n *named, p *Parameter) (*Version, error) {
	if !n.picked {
		return &p.Current, nil
	}
	number, err := strconv.ParseInt(n.selector, 10, 64)
	if err != nil {
		number = p.Labels[n.selector]
	}
	v, err := version(tx, n.account, region, n.place, p, number)
	if err == nil && v == nil {
		err = noVersion(n.selector, n.name)
	}
	return v, err
}

// archive moves p's newest version to the older ones, of which it drops the oldest
// when there are too many. p is a copy that the caller writes.
func (s *Service) archive(tx *store.Tx, account, region string, at place, p *Parameter) error {
	rows, id := blocks.In(account, region), at.id()
	if p.Current.Number-p.Oldest+1 >= maxVersions {
		if err := s.dropOldest(rows, tx, id, p); err != nil {
			return err
		}
	}
	key := blockID(id, block(p.Current.Number))
	b := Block{}
	old, err := rows.Get(tx, key)
	switch {
	case err == nil:
		b.Versions = slices.Clone(old.Versions)
	case !isNotFound(err):
		return err
	}
	b.Versions = append(b.Versions, p.Current)
	return rows.Put(tx, key, &b)
}

func (s *Service) dropOldest(rows store.Rows[Block], tx *store.Tx, id string, p *Parameter) error {
	for _, number := range p.Labels {
		if number == p.Oldest {
			return ssmapi.ErrParameterMaxVersionLimitExceeded.New("You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.", p.Name, p.Oldest)
		}
	}
	key := blockID(id, block(p.Oldest))
	p.Oldest++
	if block(p.Oldest) > block(p.Oldest-1) {
		return rows.Delete(tx, key)
	}
	_, err := rows.Edit(tx, key, func(b *Block) error {
		b.Versions = b.Versions[1:]
		return nil
	})
	return err
}

// labels are the labels of a version, in order.
func (p *Parameter) labels(number int64) []string {
	list := []string{}
	for l, n := range p.Labels {
		if n == number {
			list = append(list, l)
		}
	}
	slices.Sort(list)
	return list
}
