package sts

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

const (
	hour = int32(3600)
	// maxPolicies is how many managed session policies there may be.
	maxPolicies = 10
	// maxPlain bounds session policies as given, in characters.
	maxPlain = 2048
	// maxPacked is the size in bytes that counts as 100 % of PackedPolicySize. AWS
	// packs in a form of its own; ours is DEFLATE.
	maxPacked = 2048
)

// sessionPolicies checks the session policies of a request.
func (s *Service) sessionPolicies(tx *store.Tx, account string, inline *string, managed []stsapi.PolicyDescriptorType) (policies, arns []string, err error) {
	plain := 0
	if inline != nil {
		if _, err := s.policies.Parse(*inline, policy.SessionPolicy); err != nil {
			return nil, nil, malformed(err)
		}
		policies, plain = []string{*inline}, len(*inline)
	}
	if len(managed) > maxPolicies {
		return nil, nil, validation("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to %d", maxPolicies)
	}
	for _, p := range managed {
		arn := str(p.Arn)
		if _, _, err := s.ids.PolicyByARN(tx, account, arn); missing(err) {
			return nil, nil, validation("Policy %s does not exist or is not attachable.", arn)
		} else if err != nil {
			return nil, nil, err
		}
		arns = append(arns, arn)
		plain += len(arn)
	}
	if plain > maxPlain {
		return nil, nil, stsapi.ErrPackedPolicyTooLargeException.New("Packed policy consumes %d%% of allotted space, please use smaller policy.", plain*100/maxPlain)
	}
	return policies, arns, nil
}

// packed answers how much of the room for policies and tags a session takes, in
// per cent; nil if it has neither.
func packed(s *redoubt.Session) (*int32, error) {
	if len(s.Policies)+len(s.PolicyARNs)+len(s.Tags) == 0 {
		return nil, nil
	}
	b, err := json.Marshal([]any{s.Policies, s.PolicyARNs, s.Tags, s.TransitiveTags})
	if err != nil {
		return nil, err
	}
	size := (len(identity.Deflate(b))*100 + maxPacked - 1) / maxPacked
	if size > 100 {
		if len(s.Policies)+len(s.PolicyARNs) == 0 {
			return nil, stsapi.ErrPackedPolicyTooLargeException.New("Packed size of session tags consumes %d%% of allotted space.", size)
		}
		return nil, stsapi.ErrPackedPolicyTooLargeException.New("Packed policy consumes %d%% of allotted space, please use smaller policy.", size)
	}
	return new(int32(size)), nil
}

// sessionTags reads the tags of a request: keys differ without regard to case.
func sessionTags(list []stsapi.Tag) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	t := map[string]string{}
	for _, tag := range list {
		k := str(tag.Key)
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, errParameter.New("Invalid tag key: tag keys with the prefix aws: are reserved for AWS use.")
		}
		if _, dup := find(t, k); dup {
			return nil, errParameter.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		t[k] = str(tag.Value)
	}
	return t, nil
}

// find looks a tag up without regard to case.
func find(t map[string]string, key string) (string, bool) {
	for k := range t {
		if strings.EqualFold(k, key) {
			return k, true
		}
	}
	return "", false
}

// chain lays the tags of a request over those that the calling session hands on.
func chain(s *redoubt.Session, caller *redoubt.Session, tags map[string]string, transitive []string) error {
	for _, k := range transitive {
		if _, ok := find(tags, k); !ok {
			return errParameter.New("The specified transitive tag key must be included in the requested tags.")
		}
	}
	s.Tags, s.TransitiveTags = map[string]string{}, slices.Clone(transitive)
	if caller != nil {
		for _, k := range caller.TransitiveTags {
			if _, ok := find(tags, k); ok {
				return errParameter.New("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
			}
			if have, ok := find(caller.Tags, k); ok {
				s.Tags[have] = caller.Tags[have]
				s.TransitiveTags = append(s.TransitiveTags, have)
			}
		}
	}
	for k, v := range tags {
		s.Tags[k] = v
	}
	if len(s.Tags) == 0 {
		s.Tags = nil
	}
	return nil
}

// lasts answers how long a session of a role lasts.
func lasts(r *identity.Role, asked *int32, chained bool) (time.Duration, error) {
	seconds := hour
	if asked != nil {
		seconds = *asked
		if chained && seconds > hour {
			return 0, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
		}
		if seconds > r.MaxSession {
			return 0, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		}
	}
	return time.Duration(seconds) * time.Second, nil
}

// issue makes credentials for a principal with a session.
func (s *Service) issue(p *redoubt.Principal) (*stsapi.Credentials, error) {
	t, err := s.ids.Issue(p)
	if err != nil {
		return nil, err
	}
	return &stsapi.Credentials{AccessKeyId: &t.AccessKeyID, SecretAccessKey: &t.Secret, SessionToken: &t.Token, Expiration: &t.Expires}, nil
}

// times sets when a session begins and ends, in whole seconds.
func (s *Service) times(to *redoubt.Session, d time.Duration) {
	to.Issued = s.clock.Now().UTC().Truncate(time.Second)
	to.Expires = to.Issued.Add(d)
}

// str reads an optional string.
func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
