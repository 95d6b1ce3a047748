package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// jobs are reports of service use by their ids. The report itself is made when it
// is read, from what identity has noted by then.
var jobs = store.AccountTable[accessJob]("iam.accessjob")

type accessJob struct {
	ARN         string
	ActionLevel bool
	Made        time.Time
}

// entity is a user or role that a report is about.
type entity struct {
	noun       identity.Noun
	id, arn    string
	name, path string
	byService  map[string]*identity.Access
}

// resource finds what a report is about: a user, group, role or policy.
func (s *Service) resource(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
	arn := str(text(in, "Arn"))
	if isPolicyARN(arn) {
		return s.managed("Arn")(tx, c, in)
	}
	return s.principal("Arn")(tx, c, in)
}

// GenerateServiceLastAccessedDetails implements the operation of that name.
func (s *Service) GenerateServiceLastAccessedDetails(ctx context.Context, c *redoubt.Call, in *iamapi.GenerateServiceLastAccessedDetailsInput) (*iamapi.GenerateServiceLastAccessedDetailsOutput, error) {
	tx := store.From(ctx)
	if _, _, err := s.entities(tx, c, *in.Arn); err != nil {
		return nil, err
	}
	id := newUUID()
	err := jobs.In(c.Account).Put(tx, id, &accessJob{*in.Arn, str(in.Granularity) == "ACTION_LEVEL", s.clock.Now().UTC()})
	return &iamapi.GenerateServiceLastAccessedDetailsOutput{JobId: &id}, err
}

// entities answers the users and roles that a resource stands for, and which
// services its policies grant.
func (s *Service) entities(tx *store.Tx, c *redoubt.Call, arn string) ([]entity, func(string) bool, error) {
	if isPolicyARN(arn) {
		p, _, err := s.policy(tx, c, arn)
		if err != nil {
			return nil, nil, err
		}
		reach := reachOf(p.Version(p.Default).Document.Text)
		list, err := s.policyEntities(tx, c, arn)
		return list, reach.grants, err
	}
	r, ok := refOf(c, arn)
	if !ok {
		return nil, nil, iamapi.ErrInvalidInputException.New("ARN %s is not valid.", arn)
	}
	held, err := s.heldOf(tx, c, r)
	if err != nil {
		return nil, nil, err
	}
	grants := func(ns string) bool {
		return slices.ContainsFunc(held, func(p heldPolicy) bool { return p.reach.grants(ns) })
	}
	list, err := s.refEntities(tx, c, r)
	return list, grants, err
}

func (s *Service) policyEntities(tx *store.Tx, c *redoubt.Call, arn string) ([]entity, error) {
	var list []entity
	for a, err := range s.ids.Attachments(tx, c.Account, arn) {
		if err != nil {
			return nil, err
		}
		if a.Boundary {
			continue
		}
		name, _, err := s.ids.HolderName(tx, c.Account, a.Noun, a.ID)
		if err != nil {
			return nil, err
		}
		more, err := s.refEntities(tx, c, identity.Ref{Noun: a.Noun, Name: name})
		if err != nil {
			return nil, err
		}
		for _, e := range more {
			if !slices.ContainsFunc(list, func(have entity) bool { return have.id == e.id }) {
				list = append(list, e)
			}
		}
	}
	return list, nil
}

// refEntities answers a user or role itself, and a group's members.
func (s *Service) refEntities(tx *store.Tx, c *redoubt.Call, r identity.Ref) ([]entity, error) {
	switch r.Noun {
	case identity.NounGroup:
		g, err := s.ids.Group(tx, c.Account, r.Name)
		if err != nil {
			return nil, fail(err)
		}
		members, err := s.ids.Members(tx, c.Account, g)
		if err != nil {
			return nil, err
		}
		var list []entity
		for _, u := range members {
			e, err := s.userEntity(tx, c, u)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		return list, nil
	case identity.NounUser:
		u, err := s.ids.User(tx, c.Account, r.Name)
		if err != nil {
			return nil, fail(err)
		}
		e, err := s.userEntity(tx, c, u)
		return []entity{e}, err
	}
	role, err := s.ids.Role(tx, c.Account, r.Name)
	if err != nil {
		return nil, fail(err)
	}
	use, err := s.ids.Accesses(tx, c.Account, role.ID)
	return []entity{{noun: identity.NounRole, id: role.ID, arn: role.ARN(c.Account), name: role.Name, path: role.Path, byService: use}}, err
}

func (s *Service) userEntity(tx *store.Tx, c *redoubt.Call, u *identity.User) (entity, error) {
	use, err := s.ids.Accesses(tx, c.Account, u.ID)
	return entity{noun: identity.NounUser, id: u.ID, arn: u.ARN(c.Account), name: u.Name, path: u.Path, byService: use}, err
}

func (s *Service) job(tx *store.Tx, c *redoubt.Call, id string) (*accessJob, error) {
	j, err := jobs.In(c.Account).Get(tx, id)
	if absentRecord(err) {
		return nil, iamapi.ErrNoSuchEntityException.New("The job with id %s cannot be found.", id)
	}
	return j, err
}

// GetServiceLastAccessedDetails implements the operation of that name.
func (s *Service) GetServiceLastAccessedDetails(ctx context.Context, c *redoubt.Call, in *iamapi.GetServiceLastAccessedDetailsInput) (*iamapi.GetServiceLastAccessedDetailsOutput, error) {
	tx := store.From(ctx)
	j, err := s.job(tx, c, *in.JobId)
	if err != nil {
		return nil, err
	}
	list, grants, err := s.entities(tx, c, j.ARN)
	if err != nil {
		return nil, err
	}
	var rows []iamapi.ServiceLastAccessed
	for _, svc := range s.namespaces {
		if grants(svc.namespace) {
			rows = append(rows, lastAccessed(svc, list, j.ActionLevel))
		}
	}
	p, err := pageOf(rows, in.Marker, in.MaxItems, func(r iamapi.ServiceLastAccessed) string { return *r.ServiceNamespace })
	kind := "SERVICE_LEVEL"
	if j.ActionLevel {
		kind = "ACTION_LEVEL"
	}
	return &iamapi.GetServiceLastAccessedDetailsOutput{
		JobStatus: new("COMPLETED"), JobType: &kind, JobCreationDate: &j.Made, JobCompletionDate: &j.Made,
		ServicesLastAccessed: p.items, IsTruncated: p.truncated, Marker: p.marker,
	}, err
}

// lastAccessed is the newest use of a service by any of the entities.
func lastAccessed(svc namespace, list []entity, actions bool) iamapi.ServiceLastAccessed {
	r := iamapi.ServiceLastAccessed{ServiceName: &svc.name, ServiceNamespace: &svc.namespace, TotalAuthenticatedEntities: new(int32(0))}
	byAction := map[string]iamapi.TrackedActionLastAccessed{}
	for _, e := range list {
		use := e.byService[svc.namespace]
		if use == nil {
			continue
		}
		*r.TotalAuthenticatedEntities++
		if r.LastAuthenticated == nil || use.Time.After(*r.LastAuthenticated) {
			r.LastAuthenticated, r.LastAuthenticatedEntity, r.LastAuthenticatedRegion = &use.Time, &e.arn, &use.Region
		}
		for name, a := range use.Actions {
			if t, ok := byAction[name]; !ok || a.Time.After(*t.LastAccessedTime) {
				byAction[name] = iamapi.TrackedActionLastAccessed{
					ActionName: &name, LastAccessedEntity: &e.arn, LastAccessedTime: &a.Time, LastAccessedRegion: &a.Region,
				}
			}
		}
	}
	if actions {
		for _, t := range byAction {
			r.TrackedActionsLastAccessed = append(r.TrackedActionsLastAccessed, t)
		}
		slices.SortFunc(r.TrackedActionsLastAccessed, func(a, b iamapi.TrackedActionLastAccessed) int {
			return strings.Compare(*a.ActionName, *b.ActionName)
		})
	}
	return r
}

// GetServiceLastAccessedDetailsWithEntities implements the operation of that
// name: who could use the service, newest use first.
func (s *Service) GetServiceLastAccessedDetailsWithEntities(ctx context.Context, c *redoubt.Call, in *iamapi.GetServiceLastAccessedDetailsWithEntitiesInput) (*iamapi.GetServiceLastAccessedDetailsWithEntitiesOutput, error) {
	tx := store.From(ctx)
	j, err := s.job(tx, c, *in.JobId)
	if err != nil {
		return nil, err
	}
	list, _, err := s.entities(tx, c, j.ARN)
	if err != nil {
		return nil, err
	}
	last := func(e entity) time.Time {
		if use := e.byService[*in.ServiceNamespace]; use != nil {
			return use.Time
		}
		return time.Time{}
	}
	slices.SortFunc(list, func(a, b entity) int {
		return cmp.Or(last(b).Compare(last(a)), strings.Compare(a.id, b.id))
	})
	p, err := pageOf(list, in.Marker, in.MaxItems, func(e entity) string { return e.id })
	return &iamapi.GetServiceLastAccessedDetailsWithEntitiesOutput{
		JobStatus: new("COMPLETED"), JobCreationDate: &j.Made, JobCompletionDate: &j.Made,
		EntityDetailsList: mapped(p.items, func(e entity) iamapi.EntityDetails {
			kind := "USER"
			if e.noun == identity.NounRole {
				kind = "ROLE"
			}
			d := iamapi.EntityDetails{EntityInfo: &iamapi.EntityInfo{Arn: &e.arn, Name: &e.name, Type: &kind, Id: &e.id, Path: &e.path}}
			if t := last(e); !t.IsZero() {
				d.LastAuthenticated = &t
			}
			return d
		}),
		IsTruncated: p.truncated, Marker: p.marker,
	}, err
}
