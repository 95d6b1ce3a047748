package identity

import (
	"errors"
	"slices"

	"github.com/redoubt-sec/redoubt/store"
)

// Features of centralized root access, as IAM names them.
const (
	RootCredentialsManagement = "RootCredentialsManagement"
	RootSessions              = "RootSessions"
)

// features are what an organization has turned on, by its id.
var features = store.GlobalTable[featureRow]("identity.feature")

type featureRow struct{ On []string }

// Features answers what an organization has turned on; never nil.
func (i *Identity) Features(tx *store.Tx, org string) ([]string, error) {
	row, err := features.Rows().Get(tx, org)
	if errors.Is(err, store.ErrNotFound) {
		return []string{}, nil
	}
	if err != nil {
		return nil, err
	}
	return row.On, nil
}

// SetFeature turns a feature on or off, and answers what is on then.
func (i *Identity) SetFeature(tx *store.Tx, org, name string, on bool) ([]string, error) {
	have, err := i.Features(tx, org)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(slices.Clone(have), func(f string) bool { return f == name })
	if on {
		list = append(list, name)
		slices.Sort(list)
	}
	return list, features.Rows().Put(tx, org, &featureRow{list})
}
