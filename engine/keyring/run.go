package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Run does the keyring's background work until ctx ends: it tries again to
// unseal, takes part in rotations that other servers begin, and re-seals
// records after a root key was replaced. Owners and Resolve are set before.
func (k *Keyring) Run(ctx context.Context) error {
	ctx = store.Without(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { k.watch(ctx) })
	defer func() {
		// The registration of a server that ends in order holds up no rotation.
		gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = k.unregister(gone) // if it fails, a rotation finds out by itself
	}()
	for {
		wait, err := k.work(ctx)
		k.mu.Lock()
		k.trouble = err
		k.mu.Unlock()
		if err != nil {
			wait = k.times.retry
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
		case <-timer:
		}
	}
}

// work does what there is to do, and answers how long to wait for more; 0 means
// until woken.
func (k *Keyring) work(ctx context.Context) (time.Duration, error) {
	if err := k.register(ctx); err != nil {
		return 0, err
	}
	if k.roots.Load() == nil {
		if _, waits := k.currentSeal().(Gatherer); waits {
			return 0, nil // for Submit
		}
		if err := k.Unseal(ctx); err != nil {
			return k.times.retry, nil // Status tells the reason
		}
	}
	if err := k.follow(ctx); err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		more, err := k.reseal(ctx)
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
	}
	rot, err := k.rotation(ctx)
	if rot == nil || err != nil {
		return 0, err
	}
	return k.times.retry, nil
}

// watch wakes Run when another server has changed the keyring's records.
func (k *Keyring) watch(ctx context.Context) {
	for ctx.Err() == nil {
		after := k.db.Backend().Revision()
		k.wakeUp() // for what changed before the watch began
		for _, err := range k.db.Backend().Watch(ctx, "keyring.", after) {
			if err != nil {
				break // compacted, or the store is away: read anew
			}
			k.wakeUp()
		}
		select {
		case <-ctx.Done():
		case <-time.After(k.times.poll):
		}
	}
}

func (k *Keyring) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default: // it is awake
	}
}

// Submit gives a share to the seal that waits for shares: the one that the
// server starts with, or one that a rotation on another server proposes. With
// the last one needed the keyring unseals. ErrShare and ErrShareSet tell what is
// wrong with a share; when enough shares together do not open the root key, all
// of them are forgotten and the error wraps ErrWrongSeal.
func (k *Keyring) Submit(ctx context.Context, share string) (Progress, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seal := k.seal
	if k.roots.Load() != nil {
		if k.candidate == nil {
			return Progress{}, errors.New("keyring: not sealed")
		}
		seal = k.candidate.seal
	}
	g, ok := seal.(Gatherer)
	if !ok {
		return Progress{}, fmt.Errorf("keyring: a %s seal takes no shares", seal.Kind())
	}
	p, err := g.Submit(share)
	if err != nil || p.Have < p.Need {
		return p, err
	}
	if k.roots.Load() != nil {
		k.wakeUp() // the proposal is proven there
		return p, nil
	}
	err = k.unseal(ctx)
	if err != nil {
		g.Forget()
		return g.Progress(), err
	}
	k.wakeUp()
	return p, nil
}
