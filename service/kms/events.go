package kms

import (
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/store"
)

// Events is the audit log, engine/trail's.
type Events interface {
	// Commit writes an event as part of tx.
	Commit(tx *store.Tx, e *trail.Event) error
}

// Events of what KMS does by itself. Source: KMS Developer Guide, "Logging AWS
// KMS API calls with AWS CloudTrail", entries of these names.
const (
	rotateEvent = "RotateKey"
	deleteEvent = "DeleteKey"
	expireEvent = "DeleteExpiredKeyMaterial"
)

// tell records what happened to a key without anyone's call.
func (s *Service) tell(tx *store.Tx, k *Key, name string) error {
	if s.events == nil {
		return nil
	}
	const internal = "AWS Internal"
	return s.events.Commit(tx, &trail.Event{
		Account: k.Account, Region: k.Region, Time: s.clock.Now(),
		Identity: trail.Identity{AccountID: k.Account, InvokedBy: internal},
		Source:   "kms.amazonaws.com", Name: name, Type: "AwsServiceEvent",
		SourceIP: internal, UserAgent: internal,
		Resources: []trail.Resource{{ARN: k.ARN, Account: k.Account, Type: "AWS::KMS::Key"}},
	})
}
