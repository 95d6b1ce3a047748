package lambda

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// URL is a function's address on the web.
type URL struct {
	ID        string // the first label of its host
	Qualifier string // an alias, or empty
	Auth      string // NONE or AWS_IAM
	Mode      string `json:",omitempty"` // BUFFERED; empty: not said
	CORS      *api.Cors
	Created   time.Time
	Modified  time.Time
}

// urlPlace is whose a host is.
type urlPlace struct{ Account, Name, Function, Qualifier string }

var (
	urls      = store.RegionalTable[URL]("lambda.url")        // by function ID and qualifier
	urlPlaces = store.GlobalTable[urlPlace]("lambda.urlhost") // by region and first label
)

// newURLID makes the first label of a host: 32 lower-case letters and digits.
func newURLID() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	b := make([]byte, 32)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b)
}

// address is the URL as AWS writes it.
func (u *URL) address(region string) string {
	return "https://" + u.ID + ".lambda-url." + region + ".on.aws/"
}

// onURL states the operation's right on the function of a URL, with the condition
// keys of URLs.
func onURL[I any](s *Service, of func(*I) (name, qualifier, auth *string)) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		name, qualifier, auth := of(in)
		r, err := statedRef(c, value(name), qualifier)
		if err != nil {
			return nil, err
		}
		n, err := s.need(ctx, r, "lambda:"+c.Operation)
		if err != nil {
			return nil, err
		}
		n.Conditions = map[string][]string{"lambda:FunctionArn": {r.arn()}}
		if auth == nil {
			if _, _, u, err := s.urlOf(store.From(ctx), r); err == nil {
				auth = &u.Auth
			}
		}
		if auth != nil {
			n.Conditions["lambda:FunctionUrlAuthType"] = []string{*auth}
		}
		return []redoubt.Need{n}, nil
	}
}

// urlOf answers the URL of what r names.
func (s *Service) urlOf(tx *store.Tx, r ref) (ref, *Function, *URL, error) {
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return r, nil, nil, noResource()
	}
	if err != nil {
		return r, nil, nil, err
	}
	u, err := urls.In(r.account, r.region).Get(tx, store.ID(f.ID, r.qualifier))
	if errors.Is(err, store.ErrNotFound) {
		err = noResource()
	}
	return r, f, u, err
}

func (s *Service) urlFor(ctx context.Context, c *redoubt.Call, name, qualifier *string) (ref, *Function, *URL, error) {
	r, err := parseRef(c, value(name), qualifier)
	if err != nil {
		return r, nil, nil, err
	}
	return s.urlOf(store.From(ctx), r)
}

func checkMode(mode *string) error {
	if value(mode) == api.InvokeModeResponseStream {
		return invalid("RESPONSE_STREAM is not supported by this server.")
	}
	return nil
}

// CreateFunctionUrlConfig gives a function or an alias an address.
func (s *Service) CreateFunctionUrlConfig(ctx context.Context, c *redoubt.Call, in *api.CreateFunctionUrlConfigInput) (*api.CreateFunctionUrlConfigOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	if s.isInside(r) {
		return nil, isBuiltin(r)
	}
	if err := checkMode(in.InvokeMode); err != nil {
		return nil, err
	}
	f, err := s.exists(tx, r)
	if errors.Is(err, api.ErrResourceNotFoundException) {
		return nil, notFound("Function does not exist")
	}
	if err != nil {
		return nil, err
	}
	if isVersion(r.qualifier) || r.qualifier == latest {
		return nil, redoubt.ErrValidation.New("1 validation error detected: Value '%s' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)", r.qualifier)
	}
	has, err := urls.In(r.account, r.region).Has(tx, store.ID(f.ID, r.qualifier))
	if err != nil {
		return nil, err
	}
	if has {
		return nil, conflict("Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this Lambda function", r.arn())
	}
	now := s.Clock.Now()
	u := &URL{ID: newURLID(), Qualifier: r.qualifier, Auth: value(in.AuthType), Mode: value(in.InvokeMode), CORS: in.Cors, Created: now, Modified: now}
	if err := urlPlaces.Rows().Put(tx, store.ID(r.region, u.ID), &urlPlace{r.account, r.name, f.ID, r.qualifier}); err != nil {
		return nil, err
	}
	return &api.CreateFunctionUrlConfigOutput{
		FunctionUrl: new(u.address(r.region)), FunctionArn: new(r.arn()), AuthType: &u.Auth, Cors: u.CORS,
		CreationTime: new(zulu(u.Created)), InvokeMode: present(u.Mode),
	}, urls.In(r.account, r.region).Put(tx, store.ID(f.ID, r.qualifier), u)
}

// zulu is the form of times in URL configurations: "2026-01-02T03:04:05.678901Z".
func zulu(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// GetFunctionUrlConfig shows an address.
func (s *Service) GetFunctionUrlConfig(ctx context.Context, c *redoubt.Call, in *api.GetFunctionUrlConfigInput) (*api.GetFunctionUrlConfigOutput, error) {
	r, _, u, err := s.urlFor(ctx, c, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return &api.GetFunctionUrlConfigOutput{
		FunctionUrl: new(u.address(r.region)), FunctionArn: new(r.arn()), AuthType: &u.Auth, Cors: u.CORS,
		CreationTime: new(zulu(u.Created)), LastModifiedTime: new(zulu(u.Modified)), InvokeMode: new(u.mode()),
	}, nil
}

func (u *URL) mode() string {
	if u.Mode == "" {
		return api.InvokeModeBuffered
	}
	return u.Mode
}

// UpdateFunctionUrlConfig changes who may use an address, and from where.
func (s *Service) UpdateFunctionUrlConfig(ctx context.Context, c *redoubt.Call, in *api.UpdateFunctionUrlConfigInput) (*api.UpdateFunctionUrlConfigOutput, error) {
	if err := checkMode(in.InvokeMode); err != nil {
		return nil, err
	}
	r, err := parseRef(c, value(in.FunctionName), in.Qualifier)
	if err != nil {
		return nil, err
	}
	if _, err := s.exists(store.From(ctx), r); errors.Is(err, api.ErrResourceNotFoundException) {
		return nil, notFound("Function does not exist")
	} else if err != nil {
		return nil, err
	}
	r, f, _, err := s.urlOf(store.From(ctx), r)
	if err != nil {
		return nil, err
	}
	u, err := urls.In(r.account, r.region).Edit(store.From(ctx), store.ID(f.ID, r.qualifier), func(u *URL) error {
		if in.AuthType != nil {
			u.Auth = *in.AuthType
		}
		if in.Cors != nil {
			u.CORS = in.Cors
			if empty(in.Cors) {
				u.CORS = nil
			}
		}
		if in.InvokeMode != nil {
			u.Mode = *in.InvokeMode
		}
		u.Modified = s.Clock.Now()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateFunctionUrlConfigOutput{
		FunctionUrl: new(u.address(r.region)), FunctionArn: new(r.arn()), AuthType: &u.Auth, Cors: u.CORS,
		CreationTime: new(zulu(u.Created)), LastModifiedTime: new(zulu(u.Modified)), InvokeMode: present(u.Mode),
	}, nil
}

func empty(c *api.Cors) bool {
	return c.AllowCredentials == nil && c.MaxAge == nil && len(c.AllowHeaders)+len(c.AllowMethods)+len(c.AllowOrigins)+len(c.ExposeHeaders) == 0
}

// DeleteFunctionUrlConfig takes an address away.
func (s *Service) DeleteFunctionUrlConfig(ctx context.Context, c *redoubt.Call, in *api.DeleteFunctionUrlConfigInput) (*api.DeleteFunctionUrlConfigOutput, error) {
	r, f, _, err := s.urlFor(ctx, c, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return nil, s.forgetURL(store.From(ctx), r, f, r.qualifier)
}

// forgetURL removes an address if there is one.
func (s *Service) forgetURL(tx *store.Tx, r ref, f *Function, qualifier string) error {
	id := store.ID(f.ID, qualifier)
	u, err := urls.In(r.account, r.region).Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(urlPlaces.Rows().Delete(tx, store.ID(r.region, u.ID)), urls.In(r.account, r.region).Delete(tx, id))
}

// forgetURLs removes all addresses of a function.
func (s *Service) forgetURLs(tx *store.Tx, r ref, f *Function) error {
	var list []string
	for row, err := range urls.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(f.ID, "")}) {
		if err != nil {
			return err
		}
		list = append(list, row.Value.Qualifier)
	}
	for _, q := range list {
		if err := s.forgetURL(tx, r, f, q); err != nil {
			return err
		}
	}
	return nil
}

// ListFunctionUrlConfigs shows the addresses of a function and its aliases.
func (s *Service) ListFunctionUrlConfigs(ctx context.Context, c *redoubt.Call, in *api.ListFunctionUrlConfigsInput) (*api.ListFunctionUrlConfigsOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	r = r.unqualified()
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Function does not exist")
	}
	if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, f.ID)
	if err != nil {
		return nil, err
	}
	out := &api.ListFunctionUrlConfigsOutput{FunctionUrlConfigs: []api.FunctionUrlConfig{}}
	at := p.after
	for row, err := range urls.In(r.account, r.region).Scan(tx, store.Query{Prefix: store.ID(f.ID, ""), After: p.after}) {
		if err != nil {
			return nil, err
		}
		if len(out.FunctionUrlConfigs) == p.limit {
			out.NextMarker, err = s.marker(c, at, f.ID)
			return out, err
		}
		u := row.Value
		at = row.ID
		out.FunctionUrlConfigs = append(out.FunctionUrlConfigs, api.FunctionUrlConfig{
			FunctionUrl: new(u.address(r.region)), FunctionArn: new(r.with(u.Qualifier).arn()), AuthType: &u.Auth, Cors: u.CORS,
			CreationTime: new(zulu(u.Created)), LastModifiedTime: new(zulu(u.Modified)), InvokeMode: new(u.mode()),
		})
	}
	return out, nil
}
