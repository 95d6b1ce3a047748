package identity

import "github.com/redoubt-sec/redoubt/store"

// PrincipalID answers the unique id of the user or role that arn names, or ""
// for what has none of its own (accounts, sessions). ok is false if there is no
// such principal.
func (i *Identity) PrincipalID(tx *store.Tx, arn string) (id string, ok bool, err error) {
	ok, id, err = i.awsPrincipal(tx, arn)
	return id, ok, err
}

// PrincipalARN answers the ARN that a user or role of that unique id has now; ok
// is false if it is gone.
func (i *Identity) PrincipalARN(tx *store.Tx, id string) (arn string, ok bool, err error) {
	arn, err = i.arnOf(tx, id)
	return arn, err == nil && arn != id, err
}
