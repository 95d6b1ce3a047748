package keyring

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/redoubt-sec/redoubt/store"
)

// search answers the tables in which something looks like a blob under the root
// key gen. It looks at every record, whoever owns it, for a blob's header: as
// raw bytes and as the base64 in which JSON carries byte strings, of which the
// header makes 12 whole characters. An accidental find, once in 2⁷² places, only
// delays the end of a rotation.
func (k *Keyring) search(gen uint32) ([]string, error) {
	raw := header(gen)
	std := []byte(base64.StdEncoding.EncodeToString(raw))
	url := []byte(base64.URLEncoding.EncodeToString(raw))
	found := map[string]bool{}
	for kv, err := range k.db.Backend().Scan(store.Range{}, false) {
		if err != nil {
			return nil, err
		}
		if bytes.Contains(kv.Value, raw) || bytes.Contains(kv.Value, std) || bytes.Contains(kv.Value, url) {
			table, _, _ := strings.Cut(kv.Key, "/")
			found[table] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
