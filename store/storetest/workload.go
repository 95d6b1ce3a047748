package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// list is a row of the list workload: a record with a list.
type list struct{ Elements []int }

var lists = store.GlobalTable[list]("storetest.list")

const listKeys = 6

// Recorder runs transactions over lists and keeps their history.
type Recorder struct {
	begin   time.Time
	element atomic.Int64
	mu      sync.Mutex
	history []*Txn
	stalled atomic.Int64 // transactions that were answered ErrUnavailable
}

// NewRecorder starts the history's clock.
func NewRecorder() *Recorder { return &Recorder{begin: time.Now()} }

// Step runs one random transaction and records it.
func (r *Recorder) Step(ctx context.Context, db *store.DB, who string, rnd *rand.Rand) {
	t := &Txn{Who: who, Begin: time.Since(r.begin), Reads: map[string][]int{}, Appends: map[string]int{}}
	tx := db.Begin()
	rows := lists.Rows()
	err := func() error {
		if rnd.IntN(3) == 0 {
			// The whole table by one walk; lists that are absent are read as empty.
			for i := range listKeys {
				t.Reads[strconv.Itoa(i)] = nil
			}
			for row, err := range rows.Scan(tx, store.Query{Reverse: rnd.IntN(2) == 0}) {
				if err != nil {
					return err
				}
				t.Reads[row.ID] = row.Value.Elements
			}
		}
		for range rnd.IntN(3) {
			k := strconv.Itoa(rnd.IntN(listKeys))
			l, err := rows.Get(tx, k)
			switch {
			case errors.Is(err, store.ErrNotFound):
				l = &list{}
			case err != nil:
				return err
			}
			t.Reads[k] = l.Elements
		}
		if rnd.IntN(2) == 0 {
			return nil
		}
		for range 1 + rnd.IntN(2) {
			k := strconv.Itoa(rnd.IntN(listKeys))
			if _, twice := t.Appends[k]; twice {
				continue
			}
			l, err := rows.Get(tx, k)
			if errors.Is(err, store.ErrNotFound) {
				l, err = &list{}, nil
			}
			if err != nil {
				return err
			}
			t.Reads[k] = l.Elements
			e := int(r.element.Add(1))
			t.Appends[k] = e
			if err := rows.Put(tx, k, &list{append(slices.Clone(l.Elements), e)}); err != nil {
				return err
			}
		}
		return nil
	}()
	failed := err != nil
	if err == nil {
		err = tx.Commit(ctx)
	}
	t.End = time.Since(r.begin)
	switch {
	case err == nil:
		t.Outcome = Committed
	case failed || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTooLarge):
		t.Outcome = Refused
	default:
		t.Outcome = Unknown
		r.stalled.Add(1)
		time.Sleep(5 * time.Millisecond)
	}
	if t.Outcome == Unknown {
		t.Reads = nil // an answer that nobody got explains nothing
	}
	if t.Outcome != Committed && len(t.Appends) == 0 {
		return
	}
	r.mu.Lock()
	r.history = append(r.history, t)
	r.mu.Unlock()
}

// Check reads the final lists from db and looks for an order that explains the
// history. It answers how many transactions committed.
func (r *Recorder) Check(db *store.DB) (int, error) {
	final := map[string][]int{}
	read := func(ctx context.Context) error {
		clear(final)
		for row, err := range lists.Rows().Scan(store.From(ctx), store.Query{}) {
			if err != nil {
				return err
			}
			final[row.ID] = row.Value.Elements
		}
		return nil
	}
	err := db.Run(context.Background(), read)
	for try := 0; errors.Is(err, store.ErrUnavailable) && try < 200; try++ {
		time.Sleep(100 * time.Millisecond) // what broke it has just ended
		err = db.Run(context.Background(), read)
	}
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, t := range r.history {
		if t.Outcome == Committed {
			n++
		}
	}
	return n, CheckLists(r.history, final)
}

// Lists runs random transactions over lists from several clients of every
// database for a while, and checks that the history is strictly serializable.
func Lists(t *testing.T, dbs []*store.DB, clients int, load time.Duration) {
	r := NewRecorder()
	ctx, cancel := context.WithTimeout(context.Background(), load)
	defer cancel()
	var wg sync.WaitGroup
	for i, db := range dbs {
		for c := range clients {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(c)))
				for ctx.Err() == nil && r.element.Load() < 4000 {
					r.Step(context.Background(), db, fmt.Sprintf("%d.%d", i, c), rnd)
				}
			})
		}
	}
	wg.Wait()
	n, err := r.Check(dbs[0])
	if err != nil {
		t.Fatal(err)
	}
	if n < 10 {
		t.Fatalf("only %d transactions committed", n)
	}
	t.Logf("%d transactions committed, %d without answer", n, r.stalled.Load())
}

// purse is a row of the bank: accounts come into being and vanish, so that the
// sum over the table also catches rows that a walk missed or saw twice.
type purse struct{ Coins int }

var purses = store.RegionalTable[purse]("storetest.purse")

// Bank moves coins between purses; every walk over all of them must see the
// same sum. An empty purse is deleted, a new one made.
func Bank(t *testing.T, dbs []*store.DB, clients int, load time.Duration) {
	const total = 60
	rows := purses.In("123456789012", "us-east-1")
	err := dbs[0].Run(context.Background(), func(ctx context.Context) error {
		return rows.Put(store.From(ctx), "0", &purse{total})
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), load)
	defer cancel()
	var moved, audits atomic.Int64
	var wg sync.WaitGroup
	for i, db := range dbs {
		for c := range clients {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(c)))
				for ctx.Err() == nil {
					err := db.Run(context.Background(), func(ctx context.Context) error {
						tx := store.From(ctx)
						if rnd.IntN(3) > 0 {
							return move(tx, rows, rnd)
						}
						return audit(tx, rows, total)
					})
					switch {
					case errors.Is(err, errSum):
						t.Error(err)
						return
					case errors.Is(err, store.ErrConflict):
					case err != nil:
						t.Error(err)
						return
					default:
						moved.Add(1)
					}
					err = db.Run(context.Background(), func(ctx context.Context) error { return audit(store.From(ctx), rows, total) })
					if errors.Is(err, errSum) {
						t.Error(err)
						return
					}
					audits.Add(1)
				}
			})
		}
	}
	wg.Wait()
	t.Logf("%d moves, %d audits", moved.Load(), audits.Load())
}

var errSum = errors.New("storetest: coins were lost or made")

func audit(tx *store.Tx, rows store.Rows[purse], total int) error {
	sum := 0
	for row, err := range rows.Scan(tx, store.Query{}) {
		if err != nil {
			return err
		}
		sum += row.Value.Coins
	}
	if sum != total {
		return fmt.Errorf("%w: %d of %d", errSum, sum, total)
	}
	return nil
}

func move(tx *store.Tx, rows store.Rows[purse], rnd *rand.Rand) error {
	var ids []string
	for row, err := range rows.Scan(tx, store.Query{Prefix: strconv.Itoa(rnd.IntN(10))}) {
		if err != nil {
			return err
		}
		ids = append(ids, row.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	from := ids[rnd.IntN(len(ids))]
	p, err := rows.Get(tx, from)
	if err != nil {
		return err
	}
	n := 1 + rnd.IntN(p.Coins)
	if n == p.Coins {
		err = rows.Delete(tx, from)
	} else {
		_, err = rows.Edit(tx, from, func(p *purse) error { p.Coins -= n; return nil })
	}
	if err != nil {
		return err
	}
	to := strconv.Itoa(rnd.IntN(30))
	q, err := rows.Get(tx, to)
	if errors.Is(err, store.ErrNotFound) {
		q, err = &purse{}, nil
	}
	if err != nil {
		return err
	}
	return rows.Put(tx, to, &purse{q.Coins + n})
}

// Counter increments one record from everywhere: the most contended load. Every
// increment must count, and Run must get all of them through.
func Counter(t *testing.T, dbs []*store.DB, clients, each int) {
	rows := purses.In("123456789012", "eu-west-1")
	var wg sync.WaitGroup
	for _, db := range dbs {
		for range clients {
			wg.Go(func() {
				for range each {
					err := db.Run(context.Background(), func(ctx context.Context) error {
						tx := store.From(ctx)
						p, err := rows.Get(tx, "counter")
						if errors.Is(err, store.ErrNotFound) {
							p, err = &purse{}, nil
						}
						if err != nil {
							return err
						}
						return rows.Put(tx, "counter", &purse{p.Coins + 1})
					})
					if err != nil {
						t.Errorf("increment: %v", err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	err := dbs[0].Run(context.Background(), func(ctx context.Context) error {
		p, err := rows.Get(store.From(ctx), "counter")
		if err == nil && p.Coins != len(dbs)*clients*each {
			err = fmt.Errorf("counted %d of %d", p.Coins, len(dbs)*clients*each)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
