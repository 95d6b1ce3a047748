package ssm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// TestCountsApart: parameters that are made at the same moment are counted without
// getting in each other's way, and their number is right however they come and go.
func TestCountsApart(t *testing.T) {
	db := store.Open(memory.New(), 0)
	defer db.Close()
	b := newBench(t, db)
	b.quotas = Quotas{Standard: shards, Advanced: 1}.withDefaults()

	name := func(i int) *string { return new(fmt.Sprintf("at-once-%d", i)) }
	var made, all sync.WaitGroup
	var runs atomic.Int64
	made.Add(shards)
	for i := range shards {
		all.Go(func() {
			var once sync.Once
			err := db.Run(context.Background(), func(ctx context.Context) error {
				runs.Add(1)
				_, err := b.PutParameter(ctx, call("PutParameter"), &ssmapi.PutParameterInput{Name: name(i), Value: new("v"), Type: new("String")})
				once.Do(func() { // nobody commits before everybody has counted
					made.Done()
					made.Wait()
				})
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := runs.Load(); n != shards {
		t.Errorf("%d parameters took %d runs", shards, n)
	}

	full := func() error {
		return db.Run(context.Background(), func(ctx context.Context) error {
			_, err := b.PutParameter(ctx, call("PutParameter"), &ssmapi.PutParameterInput{Name: new("one-more"), Value: new("v"), Type: new("String")})
			return err
		})
	}
	if err := full(); !errors.Is(err, ssmapi.ErrParameterLimitExceeded) {
		t.Errorf("past the quota: %v", err)
	}
	b.do(func(ctx context.Context) error {
		_, err := b.DeleteParameter(ctx, call("DeleteParameter"), &ssmapi.DeleteParameterInput{Name: name(7)})
		return err
	})
	if err := full(); err != nil {
		t.Errorf("within the quota again: %v", err)
	}
	if err := full(); !errors.Is(err, ssmapi.ErrParameterAlreadyExists) {
		t.Errorf("the same again: %v", err)
	}
	sum := tally{}
	b.do(func(ctx context.Context) error {
		for row, err := range counts.In(home, here).Scan(store.From(ctx), store.Query{}) {
			if err != nil {
				return err
			}
			sum.Standard += row.Value.Standard
			sum.Advanced += row.Value.Advanced
		}
		return nil
	})
	if sum != (tally{Standard: shards}) {
		t.Errorf("counted %+v", sum)
	}
}
