package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

type row struct{ Name, Policy string }

var rows = store.RegionalTable[row]("bench.row")

// BenchmarkCall is what the store costs a call that changes nothing: eight cached
// records, a short list, an absent record, and the check at the end.
func BenchmarkCall(b *testing.B) {
	db := store.Open(memory.New(), 0)
	tenant := rows.In("123456789012", "us-east-1")
	ctx := context.Background()
	var ids []string
	err := db.Run(ctx, func(ctx context.Context) error {
		for i := range 8 {
			ids = append(ids, fmt.Sprintf("1234abcd-12ab-34cd-56ef-1234567890a%d", i))
			if err := tenant.Put(store.From(ctx), ids[i], &row{Name: ids[i]}); err != nil {
				return err
			}
		}
		return tenant.Put(store.From(ctx), "list\x00a", &row{})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tx := db.Begin()
		for _, id := range ids {
			if _, err := tenant.Get(tx, id); err != nil {
				b.Fatal(err)
			}
		}
		n := 0
		for _, err := range tenant.Scan(tx, store.Query{Prefix: "list\x00"}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if ok, err := tenant.Has(tx, "absent"); ok || err != nil || n != 1 {
			b.Fatal(ok, err, n)
		}
		if err := tx.Commit(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
