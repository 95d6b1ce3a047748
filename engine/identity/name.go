package identity

import (
	"errors"
	"iter"
	"strings"

	"github.com/redoubt-sec/redoubt/store"
)

// names leads from a noun and a name without its case to a unique id. Its order
// is the order of lists.
var names = store.AccountTable[nameRow]("identity.name")

type nameRow struct{ ID string }

func nameKey(noun Noun, name string) string { return store.ID(string(noun), strings.ToLower(name)) }

// claim takes a free name.
func claim(tx *store.Tx, account string, noun Noun, name, id string) error {
	rows, key := names.In(account), nameKey(noun, name)
	taken, err := rows.Has(tx, key)
	if err != nil {
		return err
	}
	if taken {
		return &Exists{noun, name}
	}
	if err := rows.Put(tx, key, &nameRow{id}); err != nil {
		return err
	}
	return count(tx, account, noun, 1)
}

// release gives a taken name free.
func release(tx *store.Tx, account string, noun Noun, name string) error {
	if err := names.In(account).Delete(tx, nameKey(noun, name)); err != nil {
		return err
	}
	return count(tx, account, noun, -1)
}

// rename moves a name; the id stays.
func rename(tx *store.Tx, account string, noun Noun, from, to, id string) error {
	if err := release(tx, account, noun, from); err != nil {
		return err
	}
	return claim(tx, account, noun, to, id)
}

// named is what users, groups and roles have in common.
type named[T any] struct {
	noun   Noun
	table  store.Account[T]
	nameOf func(*T) string
}

// find answers the thing of that name, or NotFound.
func (n named[T]) find(tx *store.Tx, account, name string) (*T, error) {
	row, err := names.In(account).Get(tx, nameKey(n.noun, name))
	if err != nil {
		return nil, notFound(err, n.noun, name)
	}
	v, err := n.table.In(account).Get(tx, row.ID)
	if err != nil {
		return nil, notFound(err, n.noun, name)
	}
	if n.nameOf(v) != name {
		return nil, &NotFound{Noun: n.noun, Name: name}
	}
	return v, nil
}

// all walks the things in order of their names, from behind after if it is given.
func (n named[T]) all(tx *store.Tx, account, after string) iter.Seq2[*T, error] {
	q := store.Query{Prefix: nameKey(n.noun, "")}
	if after != "" {
		q.After = nameKey(n.noun, after)
	}
	return func(yield func(*T, error) bool) {
		for row, err := range names.In(account).Scan(tx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			v, err := n.table.In(account).Get(tx, row.Value.ID)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// notFound names what was not found; other errors pass.
func notFound(err error, noun Noun, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &NotFound{Noun: noun, Name: name}
	}
	return err
}
