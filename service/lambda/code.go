package lambda

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// Deployment packages are kept sealed and in pieces, since records are small. A
// package is written first, then tied to the function or layer that it is for in
// that one's transaction; one that nobody uses is dropped: what was uploaded for a
// call that failed an hour later, what was replaced or deleted at once.

// Package is a stored zip.
type Package struct {
	Size   int64
	SHA256 string // base64
	Pieces int
	Uses   int // by $LATEST and published versions of functions, by layers
	// Unpacked is the size of its content, bytes.
	Unpacked int64
}

// piece is a part of a package.
type piece struct{ Sealed []byte }

var (
	packages = store.RegionalTable[Package]("lambda.package")
	pieces   = store.RegionalTable[piece]("lambda.piece") // by package and number
)

const (
	// pieceSize keeps a sealed piece, in base64, under what a record may hold.
	pieceSize   = 512 << 10
	codePurpose = "lambda.code"
	// maxZip is how large a package may be in a request, maxStored one that comes
	// from S3, and maxUnpacked its content with all layers. Source: Lambda
	// Developer Guide, "Lambda quotas".
	maxZip      = 50 << 20
	maxStored   = 250 << 20
	maxUnpacked = 262144000
	// grace is how long a package may wait for somebody who uses it.
	grace   = time.Hour
	jobDrop = "lambda.drop"
)

func pieceID(pkg string, n int) string { return store.ID(pkg, fmt.Sprintf("%06d", n)) }

func codeContext(pkg string, n int) []byte { return []byte(pieceID(pkg, n)) }

// storeCode keeps a zip, in transactions of its own, and answers what is known of
// it. It is dropped unless use ties it to something soon.
func (s *Service) storeCode(ctx context.Context, account, region string, zip []byte, unpacked int64) (Code, error) {
	sum := sha256.Sum256(zip)
	code := Code{ID: newID(), SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(zip))}
	n := (len(zip) + pieceSize - 1) / pieceSize
	err := s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		p := &Package{Size: code.Size, SHA256: code.SHA256, Pieces: n, Unpacked: unpacked}
		if err := packages.In(account, region).Put(tx, code.ID, p); err != nil {
			return err
		}
		return s.Schedule.At(tx, jobDrop, store.ID(account, region, code.ID), s.Clock.Now().Add(grace))
	})
	for i := 0; i < n && err == nil; i++ {
		var sealed []byte
		if sealed, err = s.Keyring.Seal(codePurpose, codeContext(code.ID, i), zip[i*pieceSize:min((i+1)*pieceSize, len(zip))]); err != nil {
			break
		}
		err = s.DB.Run(ctx, func(ctx context.Context) error {
			return pieces.In(account, region).Put(store.From(ctx), pieceID(code.ID, i), &piece{sealed})
		})
	}
	return code, err
}

// readCode answers a stored zip.
func (s *Service) readCode(account, region, id string) ([]byte, error) {
	tx := s.DB.Begin()
	p, err := packages.In(account, region).Get(tx, id)
	if err != nil {
		return nil, err
	}
	zip := make([]byte, 0, p.Size)
	for i := range p.Pieces {
		// Read raw: pieces would push everything else out of the cache of records.
		raw, err := tx.Get(pieces.In(account, region).Key(pieceID(id, i)))
		if err != nil {
			return nil, fmt.Errorf("lambda: piece %d of %s: %w", i, id, err)
		}
		var rec piece
		if err := json.Unmarshal(raw, &rec); err != nil {
			return nil, fmt.Errorf("lambda: piece %d of %s: %w", i, id, err)
		}
		b, err := s.Keyring.Open(codePurpose, codeContext(id, i), rec.Sealed)
		if err != nil {
			return nil, err
		}
		zip = append(zip, b...)
	}
	return zip, nil
}

// use counts one more or one fewer who uses a package. With nobody left it is
// dropped.
func (s *Service) use(tx *store.Tx, account, region, id string, by int) error {
	if id == "" {
		return nil
	}
	p, err := packages.In(account, region).Edit(tx, id, func(p *Package) error { p.Uses += by; return nil })
	if err != nil {
		return fmt.Errorf("lambda: package %s: %w", id, err)
	}
	job := store.ID(account, region, id)
	if p.Uses > 0 {
		return s.Schedule.Cancel(tx, jobDrop, job)
	}
	return s.Schedule.At(tx, jobDrop, job, s.Clock.Now())
}

// drop removes a package that nobody uses.
func (s *Service) drop(ctx context.Context, job string) error {
	parts := store.Parts(job)
	if len(parts) != 3 {
		return fmt.Errorf("lambda: job %q", job)
	}
	account, region, id := parts[0], parts[1], parts[2]
	tx := store.From(ctx)
	p, err := packages.In(account, region).Get(tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Uses > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range p.Pieces {
		if err := pieces.In(account, region).Delete(tx, pieceID(id, i)); err != nil {
			return err
		}
	}
	return packages.In(account, region).Delete(tx, id)
}

// registerOwners names what the room keeps sealed.
func (s *Service) registerOwners() {
	renew := func(purpose string) func(string, *piece) (bool, error) {
		return func(id string, p *piece) (changed bool, err error) {
			_, _, rest := pieces.Split(id)
			p.Sealed, changed, err = s.Keyring.Renew(purpose, []byte(rest), p.Sealed)
			return changed, err
		}
	}
	s.Keyring.Register(keyring.Records("lambda.code", pieces.All(), renew(codePurpose)))
	s.Keyring.Register(keyring.Records("lambda.eventpiece", eventPieces.All(), renew(eventPurpose)))
	s.Keyring.Register(keyring.Records("lambda.event", events.All(), func(id string, e *Event) (changed bool, err error) {
		if e.Client == nil {
			return false, nil
		}
		_, _, rest := events.Split(id)
		e.Client, changed, err = s.Keyring.Renew(eventPurpose, codeContext(rest, -1), e.Client)
		return changed, err
	}))
	s.Keyring.Register(keyring.Records("lambda.delivery", deliveries.All(), func(id string, d *Delivery) (changed bool, err error) {
		_, _, rest := deliveries.Split(id)
		d.Sealed, changed, err = s.Keyring.Renew(deliveryPurpose, []byte(rest), d.Sealed)
		return changed, err
	}))
}
