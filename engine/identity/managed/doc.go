// Package managed holds AWS managed policies as static data: their documents
// are facts of AWS. policies.go is generated (see gen) from the documents that
// iann0036/iam-dataset publishes under the MIT licence, with AdministratorAccess
// and PowerUserAccess, which that selection lacks, added by hand.
package managed

//go:generate go run ./gen -from ../../../../shared/aws-models/managed-policies -to policies.go

import (
	"crypto/sha256"
	"encoding/base32"
	"sort"
)

// Policy is one AWS managed policy in its newest version.
type Policy struct {
	ARN              string
	Version          string // "v3"
	Created, Updated int64  // Unix seconds
	Document         string // compact JSON
}

// Index answers the position of an ARN in Policies, -1 if it is none of them.
// Policies are in order of their names, which differ without regard to case.
func Index(arn string) int {
	at := sort.SearchStrings(byARN, arn)
	if at < len(byARN) && byARN[at] == arn {
		return int(position[at])
	}
	return -1
}

// Find answers the policy, nil if there is none.
func Find(arn string) *Policy {
	if at := Index(arn); at >= 0 {
		return &Policies[at]
	}
	return nil
}

// ID is a unique id like AWS's (ANPA…), the same wherever the policy is seen. It
// is made from the ARN: AWS's own ids are not published with the documents.
func (p *Policy) ID() string {
	sum := sha256.Sum256([]byte(p.ARN))
	return "ANPAI" + base32.StdEncoding.EncodeToString(sum[:])[:16]
}
