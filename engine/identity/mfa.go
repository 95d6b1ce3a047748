package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// MFADevice is a virtual MFA device: a seed for time-based codes (RFC 6238,
// SHA-1, 30 seconds, 6 digits, as authenticator apps have it).
type MFADevice struct {
	Serial  string // its ARN
	Name    string
	Path    string
	Created time.Time
	Tags    Tags `json:",omitempty"`
	Sealed  []byte
	// User is the unique id of whom it is assigned to, "root" for the account's
	// root user, empty while it is not.
	User    string
	Enabled time.Time
	// Drift is by how many steps its clock is off; Last is the step of the last
	// code taken: no code is taken twice.
	Drift, Last int64
}

var mfaDevices = store.AccountTable[MFADevice]("identity.mfa")

const purposeMFA = "identity.mfa"

// ErrCode: codes that the device would not show now.
var ErrCode = errors.New("identity: MFA code is not valid")

// CreateMFADevice makes a device without a user and answers its seed, which
// cannot be read again.
func (i *Identity) CreateMFADevice(tx *store.Tx, account, name, path string, tags Tags) (*MFADevice, []byte, error) {
	d := &MFADevice{Serial: ARN(account, "mfa", path, name), Name: name, Path: path, Created: i.now(), Tags: tags}
	rows := mfaDevices.In(account)
	for other, err := range rows.Scan(tx, store.Query{}) {
		if err != nil {
			return nil, nil, err
		}
		if compareNames(other.Value.Name, name) == 0 || other.Value.Serial == d.Serial {
			return nil, nil, &Exists{NounMFA, name}
		}
	}
	seed := make([]byte, 40)
	rand.Read(seed)
	var err error
	if d.Sealed, err = i.Keys.Seal(purposeMFA, []byte(d.Serial), seed); err != nil {
		return nil, nil, err
	}
	return d, seed, rows.Put(tx, d.Serial, d)
}

// MFADevice answers a device by its serial number, or NotFound.
func (i *Identity) MFADevice(tx *store.Tx, account, serial string) (*MFADevice, error) {
	d, err := mfaDevices.In(account).Get(tx, serial)
	if err != nil {
		return nil, notFound(err, NounMFA, serial)
	}
	return d, nil
}

// MFADevices walks the devices of a user, by unique id or "root"; all of the
// account's for an empty one.
func (i *Identity) MFADevices(tx *store.Tx, account, user string) iter.Seq2[*MFADevice, error] {
	return func(yield func(*MFADevice, error) bool) {
		for row, err := range mfaDevices.In(account).Scan(tx, store.Query{}) {
			if err == nil && user != "" && row.Value.User != user {
				continue
			}
			if !yield(row.Value, err) || err != nil {
				return
			}
		}
	}
}

// EditMFADevice changes a device's tags.
func (i *Identity) EditMFADevice(tx *store.Tx, account, serial string, f func(*MFADevice) error) (*MFADevice, error) {
	d, err := mfaDevices.In(account).Edit(tx, serial, f)
	if err != nil {
		return nil, notFound(err, NounMFA, serial)
	}
	return d, nil
}

// EnableMFADevice assigns a device to a user, by unique id or "root", who shows
// two codes in a row.
func (i *Identity) EnableMFADevice(tx *store.Tx, account, user, serial, code1, code2 string) error {
	d, err := i.MFADevice(tx, account, serial)
	if err != nil {
		return err
	}
	if d.User != "" {
		return &Exists{NounMFA, serial}
	}
	n := 0
	for _, err := range i.MFADevices(tx, account, user) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= MaxMFADevicesPerUser {
		return &Limit{"MFADevicesPerUser", MaxMFADevicesPerUser}
	}
	_, err = i.EditMFADevice(tx, account, serial, func(d *MFADevice) error {
		d.User, d.Enabled = user, i.now()
		return i.sync(d, code1, code2, 3)
	})
	return err
}

// ResyncMFADevice sets a device's clock by two codes in a row.
func (i *Identity) ResyncMFADevice(tx *store.Tx, account, user, serial, code1, code2 string) error {
	if d, err := i.MFADevice(tx, account, serial); err != nil {
		return err
	} else if d.User != user {
		return &NotFound{Noun: NounMFA, Name: serial}
	}
	_, err := i.EditMFADevice(tx, account, serial, func(d *MFADevice) error {
		return i.sync(d, code1, code2, 120)
	})
	return err
}

// sync finds two codes in a row within so many steps around now.
func (i *Identity) sync(d *MFADevice, code1, code2 string, steps int64) error {
	seed, err := i.Keys.Open(purposeMFA, []byte(d.Serial), d.Sealed)
	if err != nil {
		return err
	}
	now := i.step()
	for s := now - steps; s < now+steps; s++ {
		if same(Code(seed, s), code1) && same(Code(seed, s+1), code2) {
			// The second code is the one showing now, give or take one.
			d.Drift, d.Last = s+1-now, s+1
			if d.Drift >= -1 && d.Drift <= 1 {
				d.Drift = 0
			}
			return nil
		}
	}
	return ErrCode
}

// DeactivateMFADevice takes a device from its user.
func (i *Identity) DeactivateMFADevice(tx *store.Tx, account, user, serial string) error {
	d, err := i.MFADevice(tx, account, serial)
	if err != nil {
		return err
	}
	if d.User != user {
		return &NotFound{Noun: NounMFA, Name: serial}
	}
	_, err = i.EditMFADevice(tx, account, serial, func(d *MFADevice) error {
		d.User, d.Enabled, d.Drift = "", time.Time{}, 0
		return nil
	})
	return err
}

// DeleteMFADevice deletes a device that is nobody's.
func (i *Identity) DeleteMFADevice(tx *store.Tx, account, serial string) error {
	d, err := i.MFADevice(tx, account, serial)
	if err != nil {
		return err
	}
	if d.User != "" {
		return &Conflict{NounMFA, serial, NounUser}
	}
	return mfaDevices.In(account).Delete(tx, serial)
}

// CheckMFA checks a code of a device that must be user's. Errors: NotFound,
// ErrCode. A code counts once; after too many wrong ones none counts for a while.
func (i *Identity) CheckMFA(tx *store.Tx, account, user, serial, code string) error {
	d, err := i.MFADevice(tx, account, serial)
	if err != nil {
		return err
	}
	if d.User != user {
		return &NotFound{Noun: NounMFA, Name: serial}
	}
	if !i.guesses.admit(serial, i.Wall.Now()) {
		return ErrCode
	}
	seed, err := i.Keys.Open(purposeMFA, []byte(serial), d.Sealed)
	if err != nil {
		return err
	}
	now := i.step() + d.Drift
	for s := now - 1; s <= now+1; s++ {
		if s > d.Last && same(Code(seed, s), code) {
			i.guesses.right(serial)
			_, err := i.EditMFADevice(tx, account, serial, func(d *MFADevice) error { d.Last = s; return nil })
			return err
		}
	}
	return ErrCode
}

// step is the 30-second step of wall time: codes come from devices outside.
func (i *Identity) step() int64 { return i.Wall.Now().Unix() / 30 }

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Code is the code that a device with the seed shows in a 30-second step.
// Source: RFC 4226 section 5.3, RFC 6238.
func Code(seed []byte, step int64) string {
	h := hmac.New(sha1.New, seed)
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(step))
	h.Write(b[:])
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}
