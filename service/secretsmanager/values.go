package secretsmanager

import (
	"context"
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/store"
)

// GetSecretValue decrypts a version: the current one, or one named by its id or a
// label.
func (s *Service) GetSecretValue(ctx context.Context, c *redoubt.Call, in *api.GetSecretValueInput) (*api.GetSecretValueOutput, error) {
	sec, err := live(ctx, c, in.SecretId)
	if err != nil {
		return nil, err
	}
	v, err := choose(store.From(ctx), sec, in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	val, err := s.read(ctx, c, sec, v)
	if err != nil {
		return nil, err
	}
	out := &api.GetSecretValueOutput{ARN: &sec.ARN, Name: &sec.Name, VersionId: &v.ID, VersionStages: sec.labels(v.ID), CreatedDate: &v.Created}
	out.SecretString, out.SecretBinary = val.members()
	return out, nil
}

// members are the two members of an answer, of which one is set.
func (v content) members() (text *string, binary []byte) {
	if v.binary {
		return nil, v.text
	}
	return new(string(v.text)), nil
}

// choose answers the version that id and stage name, or the current one.
func choose(tx *store.Tx, sec *Secret, id, stage *string) (*Version, error) {
	if id == nil {
		name := current
		if stage != nil {
			name = *stage
		}
		at := sec.Stages[name]
		if at == "" {
			return nil, errNoStage(name)
		}
		v, err := sec.version(tx, at)
		if isAbsent(err) || err == nil && v.Sealed == nil {
			return nil, errNoStage(name) // the placeholder of a rotation has no value
		}
		return v, err
	}
	v, err := sec.version(tx, *id)
	if isAbsent(err) || err == nil && v.Sealed == nil {
		return nil, errNoVersion(*id)
	}
	if err == nil && stage != nil && sec.Stages[*stage] != *id {
		return nil, api.ErrInvalidRequestException.New("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, err
}

// read decrypts a version and notes the day.
func (s *Service) read(ctx context.Context, c *redoubt.Call, sec *Secret, v *Version) (content, error) {
	val, err := s.open(ctx, c, sec, v)
	if err != nil {
		return val, err
	}
	return val, s.accessed(store.From(ctx), sec, v)
}

// accessed notes that a value was read today. The day is all that AWS tells, so
// that a secret is written at most once a day for it.
func (s *Service) accessed(tx *store.Tx, sec *Secret, v *Version) error {
	today := s.clock.Now().Truncate(day)
	if !sec.Accessed.Equal(today) {
		_, err := sec.rows().Edit(tx, store.ID(sec.Name), func(sec *Secret) error {
			sec.Accessed = today
			return nil
		})
		if err != nil {
			return err
		}
	}
	if v.Accessed.Equal(today) {
		return nil
	}
	_, err := sec.versions().Edit(tx, sec.versionKey(v.ID), func(v *Version) error {
		v.Accessed = today
		return nil
	})
	return err
}

// BatchGetSecretValue reads the current values of several secrets. What a caller
// may not read, or nobody can, is an entry among the errors.
func (s *Service) BatchGetSecretValue(ctx context.Context, c *redoubt.Call, in *api.BatchGetSecretValueInput) (*api.BatchGetSecretValueOutput, error) {
	if err := checkBatch(in); err != nil {
		return nil, err
	}
	out := &api.BatchGetSecretValueOutput{SecretValues: []api.SecretValueEntry{}, Errors: []api.APIErrorType{}}
	ids := in.SecretIdList
	if len(in.Filters) > 0 {
		list, next, err := s.batchPage(ctx, c, in)
		if err != nil {
			return nil, err
		}
		out.NextToken = next
		for _, sec := range list {
			ids = append(ids, sec.ARN)
		}
	}
	for _, id := range ids {
		entry, err := s.batchEntry(ctx, c, id)
		var refusal *redoubt.Error
		switch {
		case errors.As(err, &refusal) && !refusal.Fault:
			out.Errors = append(out.Errors, api.APIErrorType{SecretId: new(id), ErrorCode: &refusal.Code, Message: present(refusal.Message)})
		case err != nil:
			return nil, err
		default:
			out.SecretValues = append(out.SecretValues, entry)
		}
	}
	return out, nil
}

func (s *Service) batchEntry(ctx context.Context, c *redoubt.Call, id string) (e api.SecretValueEntry, err error) {
	if err := c.Denied[id]; err != nil {
		return e, err
	}
	out, err := s.GetSecretValue(ctx, c, &api.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return e, err
	}
	return api.SecretValueEntry(*out), nil
}

// checkBatch refuses requests that say too much or too little.
func checkBatch(in *api.BatchGetSecretValueInput) error {
	switch {
	case (len(in.SecretIdList) > 0) == (len(in.Filters) > 0):
		return api.ErrInvalidParameterException.New("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	case in.MaxResults != nil && len(in.Filters) == 0:
		return api.ErrInvalidParameterException.New("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	case in.NextToken != nil && len(in.Filters) == 0:
		return api.ErrInvalidParameterException.New("'Filters' not specified. 'Filters' must also be specified when 'NextToken' is provided.")
	}
	return checkFilters(in.Filters)
}

// batchPage answers the secrets of one page that the filters find.
func (s *Service) batchPage(ctx context.Context, c *redoubt.Call, in *api.BatchGetSecretValueInput) ([]*Secret, *string, error) {
	limit := 20
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	return s.page(ctx, c, in.Filters, order{by: api.SortByTypeCreatedDate}, false, limit, in.NextToken)
}

// timePlace is a place in an order by time.
func timePlace(t time.Time, id string) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000000") + " " + id
}
