package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	// As encoding/json reads, at half its cost.
	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// The tables of a service are declared once, with the scope of their records:
//
//	var keys = store.RegionalTable[Key]("kms.key")
//
// and used through the rows of one tenant, so that no key can forget whose it is:
//
//	k, err := keys.In(c.Account, c.Region).Get(tx, id)

// Regional is a table whose records belong to an account in a region.
type Regional[T any] struct{ name string }

// Account is a table whose records belong to an account.
type Account[T any] struct{ name string }

// Global is a table whose records belong to the installation.
type Global[T any] struct{ name string }

// RegionalTable declares a table by its name, "service.noun".
func RegionalTable[T any](name string) Regional[T] { return Regional[T]{checkName(name)} }

// AccountTable declares a table by its name.
func AccountTable[T any](name string) Account[T] { return Account[T]{checkName(name)} }

// GlobalTable declares a table by its name.
func GlobalTable[T any](name string) Global[T] { return Global[T]{checkName(name)} }

func checkName(name string) string {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		panic("store: bad table name " + name)
	}
	return name
}

// In answers the rows of one account and region.
func (t Regional[T]) In(account, region string) Rows[T] {
	return Rows[T]{t.name, part(account), part(region), 2}
}

// All walks the rows of every tenant: background work only.
func (t Regional[T]) All() Rows[T] { return Rows[T]{table: t.name} }

// Split takes an ID that All's rows yielded apart.
func (t Regional[T]) Split(id string) (account, region, rest string) {
	p := strings.SplitN(id, "/", 3)
	if len(p) != 3 {
		return "", "", id
	}
	return p[0], p[1], p[2]
}

// In answers the rows of one account.
func (t Account[T]) In(account string) Rows[T] { return Rows[T]{t.name, part(account), "", 1} }

// All walks the rows of every account: background work only.
func (t Account[T]) All() Rows[T] { return Rows[T]{table: t.name} }

// Split takes an ID that All's rows yielded apart.
func (t Account[T]) Split(id string) (account, rest string) {
	account, rest, _ = strings.Cut(id, "/")
	return account, rest
}

// Rows answers the table's rows.
func (t Global[T]) Rows() Rows[T] { return Rows[T]{table: t.name} }

// part guards the tenant against a separator: accounts are digits and regions
// letters, digits and hyphens long before they come here.
func part(s string) string {
	if strings.IndexByte(s, '/') >= 0 || strings.IndexByte(s, 0) >= 0 {
		panic(fmt.Sprintf("store: bad tenant %q", s))
	}
	return s
}

// ID joins the parts of a composite identifier so that no two lists of parts
// meet and order goes by the parts in turn.
func ID(parts ...string) string {
	if len(parts) == 1 {
		return escape(parts[0])
	}
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(0)
		}
		b.WriteString(escape(p))
	}
	return b.String()
}

// Parts undoes ID.
func Parts(id string) []string {
	p := strings.Split(id, "\x00")
	for i := range p {
		p[i] = unescaper.Replace(p[i])
	}
	return p
}

var (
	escaper   = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
	unescaper = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")
)

func escape(s string) string {
	if strings.IndexByte(s, 0) < 0 && strings.IndexByte(s, 1) < 0 {
		return s
	}
	return escaper.Replace(s)
}

// Rows are the records of one table and tenant, encoded as JSON.
type Rows[T any] struct {
	table, account, region string
	tenant                 uint8 // how many of account and region are part of keys
}

// Key answers the store key of id, for watches. Every look-up makes one, so it
// is put together at once.
func (r Rows[T]) Key(id string) string {
	switch r.tenant {
	case 0:
		return r.table + "/" + id
	case 1:
		return r.table + "/" + r.account + "/" + id
	}
	return r.table + "/" + r.account + "/" + r.region + "/" + id
}

// prefix is what all keys begin with.
func (r Rows[T]) prefix() string { return r.Key("") }

// Get answers the record, shared and read-only, or ErrNotFound.
func (r Rows[T]) Get(tx *Tx, id string) (*T, error) {
	key := r.Key(id)
	if i, ok := tx.find(key); ok {
		return decodePending[T](&tx.writes[i])
	}
	tx.read(key)
	v, ok, gen := tx.db.cache.get(key)
	if ok {
		switch v := v.(type) {
		case nil:
			return nil, ErrNotFound
		case *T:
			return v, nil
		case encoded:
			rec, err := decode[T](key, v)
			if err != nil {
				return nil, err
			}
			tx.last = KV{Key: key, Value: v}
			tx.db.cache.put(key, rec, len(v), gen)
			return rec, nil
		}
	}
	kv, ok, err := tx.db.backend.Get(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		tx.db.cache.put(key, nil, 0, gen)
		return nil, ErrNotFound
	}
	tx.last = KV{key, kv.Value, kv.Rev} // who edits a record mostly looks at it before
	rec, err := decode[T](key, kv.Value)
	if err != nil {
		return nil, err
	}
	tx.db.cache.put(key, rec, len(kv.Value), gen)
	return rec, nil
}

// Has reports whether there is such a record.
func (r Rows[T]) Has(tx *Tx, id string) (bool, error) {
	_, err := r.Get(tx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Put writes the record; v must not be changed afterwards.
func (r Rows[T]) Put(tx *Tx, id string, v *T) error { return r.put(tx, id, v, false) }

// Add is Put of a record that never was, because its id was drawn at random just
// now: nothing is revoked by it, and nobody has to look what was there before.
func (r Rows[T]) Add(tx *Tx, id string, v *T) error { return r.put(tx, id, v, true) }

func (r Rows[T]) put(tx *Tx, id string, v *T, fresh bool) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: %s: %w", r.prefix(), err)
	}
	return tx.write(pending{Write: Write{r.Key(id), b}, record: v, fresh: fresh})
}

// Edit changes a copy of the record and writes it. It answers the new record,
// or ErrNotFound.
func (r Rows[T]) Edit(tx *Tx, id string, f func(*T) error) (*T, error) {
	key := r.Key(id)
	b, err := tx.Get(key)
	if err != nil {
		return nil, err
	}
	rec, err := decode[T](key, b)
	if err != nil {
		return nil, err
	}
	if err := f(rec); err != nil {
		return nil, err
	}
	return rec, r.Put(tx, id, rec)
}

// Delete removes the record; removing an absent one is no error.
func (r Rows[T]) Delete(tx *Tx, id string) error { return tx.Delete(r.Key(id)) }

// Query narrows a walk.
type Query struct {
	Prefix  string // of the ID
	After   string // start behind this ID (in walking order); empty: from the start
	Reverse bool
}

// Row is one record of a walk.
type Row[T any] struct {
	ID    string
	Value *T // shared and read-only
}

// Scan walks the rows in order of ID.
func (r Rows[T]) Scan(tx *Tx, q Query) iter.Seq2[Row[T], error] {
	prefix := r.prefix()
	if q.After == "" && listable(prefix+q.Prefix) {
		return r.list(tx, q, prefix)
	}
	rg := Prefix(prefix + q.Prefix)
	if q.After != "" {
		if q.Reverse {
			rg.End = min(rg.End, prefix+q.After)
		} else {
			rg.Start = max(rg.Start, prefix+q.After+"\x00")
		}
	}
	return func(yield func(Row[T], error) bool) {
		for p, err := range tx.scan(rg, q.Reverse) {
			var rec *T
			if err == nil {
				rec, err = decodePending[T](&p)
			}
			if err != nil {
				yield(Row[T]{}, err)
				return
			}
			if !yield(Row[T]{p.Key[len(prefix):], rec}, nil) {
				return
			}
		}
	}
}

// list is Scan over all of a prefix, from the cache of lists where it holds the
// prefix and the transaction has not changed anything there.
func (r Rows[T]) list(tx *Tx, q Query, table string) iter.Seq2[Row[T], error] {
	prefix := table + q.Prefix
	rg := Prefix(prefix)
	return func(yield func(Row[T], error) bool) {
		own := tx.has(rg)
		v, ok, gen := tx.db.lists.get(prefix)
		if held, typed := v.([]Row[T]); ok && typed && !own {
			// The range of the rows' IDs is noted when the walk ends, as by scan.
			seen := rg
			defer func() { tx.ranges = append(tx.ranges, seen) }()
			for i := range held {
				row := held[i]
				if q.Reverse {
					row = held[len(held)-1-i]
				}
				if !yield(row, nil) {
					seen = upTo(rg, table+row.ID, q.Reverse)
					return
				}
			}
			return
		}
		rows, size := []Row[T]{}, 0
		for p, err := range tx.scan(rg, q.Reverse) {
			var rec *T
			if err == nil {
				rec, err = decodePending[T](&p)
			}
			if err != nil {
				yield(Row[T]{}, err)
				return
			}
			row := Row[T]{p.Key[len(table):], rec}
			if !own && len(rows) <= listRows && size <= listBytes {
				rows, size = append(rows, row), size+len(p.Key)+len(p.Value)
			}
			if !yield(row, nil) {
				return
			}
		}
		if !own && len(rows) <= listRows && size <= listBytes {
			if q.Reverse {
				slices.Reverse(rows)
			}
			tx.db.lists.put(prefix, rows, size, gen)
		}
	}
}

func decodePending[T any](p *pending) (*T, error) {
	if p.Value == nil {
		return nil, ErrNotFound
	}
	if rec, ok := p.record.(*T); ok {
		return rec, nil
	}
	return decode[T](p.Key, p.Value)
}

func decode[T any](key string, b []byte) (*T, error) {
	rec := new(T)
	if err := jsonv2.Unmarshal(b, rec, jsonv1.DefaultOptionsV1()); err != nil {
		return nil, fmt.Errorf("store: record %q is damaged: %w", key, err)
	}
	return rec, nil
}
