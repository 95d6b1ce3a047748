package lambda

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Layer is a layer's numbering; its versions are records of their own.
type Layer struct {
	Published int64 // the number of the newest version that was ever published
}

// LayerVersion is a version of a layer.
type LayerVersion struct {
	Layer         string // name
	Number        int64
	Description   string
	License       string
	Runtimes      []string `json:",omitempty"`
	Architectures []string `json:",omitempty"`
	Code          Code
	Created       time.Time
	Statements    []Statement `json:",omitempty"` // of its resource policy
	Revision      string      `json:",omitempty"` // of the policy
}

var (
	layers        = store.RegionalTable[Layer]("lambda.layer")               // by name
	layerVersions = store.RegionalTable[LayerVersion]("lambda.layerversion") // by name and number
)

// layerNeed is a right on a layer's version, or on the layer.
func (s *Service) layerNeed(ctx context.Context, l layerRef, action string) (redoubt.Need, error) {
	n := redoubt.Need{Action: action, Resource: l.arn(), Account: l.account}
	if l.number == 0 {
		return n, nil
	}
	v, err := l.get(store.From(ctx))
	if errors.Is(err, store.ErrNotFound) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	if len(v.Statements) > 0 {
		n.Policy = document(v.Statements)
	}
	return n, nil
}

// onLayer states the operation's right on the layer that a call names.
func onLayer[I any](s *Service, of func(*I) (name *string, number *int64)) func(context.Context, *redoubt.Call, *I) ([]redoubt.Need, error) {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		name, number := of(in)
		l, err := statedLayer(c, name, number)
		if err != nil {
			return nil, err
		}
		n, err := s.layerNeed(ctx, l, "lambda:"+c.Operation)
		return []redoubt.Need{n}, err
	}
}

func (s *Service) layerByARNNeeds(ctx context.Context, _ *redoubt.Call, in *api.GetLayerVersionByArnInput) ([]redoubt.Need, error) {
	l, err := parseLayer(value(in.Arn))
	if err != nil {
		return nil, err
	}
	n, err := s.layerNeed(ctx, l, "lambda:GetLayerVersion")
	return []redoubt.Need{n}, err
}

// useLayers sets the layers of a version and counts them among their packages'
// users.
func (s *Service) useLayers(tx *store.Tx, c *redoubt.Call, v *Version, arns []string) error {
	if len(arns) > maxLayers {
		return invalid("Cannot reference more than %d layers.", maxLayers)
	}
	seen := map[string]string{}
	for _, arn := range arns {
		l, err := parseLayer(arn)
		if err != nil {
			return err
		}
		if l.region != c.Region {
			return invalid("Layers are not in the same region as the function. Layers are expected to be in region %s.", c.Region)
		}
		if other, ok := seen[l.layer()]; ok {
			return invalid("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", other, arn)
		}
		seen[l.layer()] = arn
		lv, err := l.get(tx)
		if errors.Is(err, store.ErrNotFound) {
			return invalid("Layer version %s does not exist.", arn)
		}
		if err != nil {
			return err
		}
		used := LayerRef{ARN: arn, Size: lv.Code.Size, Code: lv.Code.ID}
		if err := s.useLayerCode(tx, used, 1); err != nil {
			return err
		}
		v.Layers = append(v.Layers, used)
	}
	at := ref{account: c.Account, region: c.Region}
	return s.fits(tx, at, v)
}

const maxLayers = 5

// useLayerCode counts a function more or less among the users of a layer's package.
// The package stays for functions that use it after the layer version was deleted.
func (s *Service) useLayerCode(tx *store.Tx, l LayerRef, by int) error {
	at, err := parseLayer(l.ARN)
	if err != nil {
		return err
	}
	return s.use(tx, at.account, at.region, l.Code, by)
}

// PublishLayerVersion makes the next version of a layer.
func (s *Service) PublishLayerVersion(ctx context.Context, c *redoubt.Call, in *api.PublishLayerVersionInput) (*api.PublishLayerVersionOutput, error) {
	l, err := layerOf(c, in.LayerName, nil)
	if err != nil {
		return nil, err
	}
	if l.account != c.Account {
		return nil, accessDenied("Cross-account layer publishing is not allowed.")
	}
	zip, err := s.fetch(ctx, c, source{zip: in.Content.ZipFile, bucket: in.Content.S3Bucket, key: in.Content.S3Key, version: in.Content.S3ObjectVersion})
	if err != nil {
		return nil, err
	}
	code, err := s.accept(ctx, ref{account: l.account, region: l.region}, zip)
	if err != nil {
		return nil, err
	}
	v := &LayerVersion{
		Layer: l.name, Description: value(in.Description), License: value(in.LicenseInfo),
		Runtimes: in.CompatibleRuntimes, Architectures: in.CompatibleArchitectures, Code: code, Created: s.Clock.Now(),
	}
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		rows := layers.In(l.account, l.region)
		record := Layer{}
		if known, err := rows.Get(tx, l.name); err == nil {
			record = *known
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		record.Published++
		v.Number, l.number = record.Published, record.Published
		if err := rows.Put(tx, l.name, &record); err != nil {
			return err
		}
		if err := s.use(tx, l.account, l.region, code.ID, 1); err != nil {
			return err
		}
		return layerVersions.In(l.account, l.region).Put(tx, l.id(), v)
	})
	if err != nil {
		return nil, err
	}
	content, err := s.layerContent(c, l, v)
	return &api.PublishLayerVersionOutput{
		Content: content, LayerArn: new(l.layer()), LayerVersionArn: new(l.arn()), Description: &v.Description,
		CreatedDate: new(stamp(v.Created)), Version: &v.Number, CompatibleArchitectures: v.Architectures,
		CompatibleRuntimes: v.Runtimes, LicenseInfo: present(v.License),
	}, err
}

func (s *Service) layerContent(c *redoubt.Call, l layerRef, v *LayerVersion) (*api.LayerVersionContentOutput, error) {
	at, err := s.link(c, l.account, l.region, v.Code.ID)
	return &api.LayerVersionContentOutput{Location: &at, CodeSha256: &v.Code.SHA256, CodeSize: &v.Code.Size}, err
}

// GetLayerVersion shows a layer's version with where its package can be had.
func (s *Service) GetLayerVersion(ctx context.Context, c *redoubt.Call, in *api.GetLayerVersionInput) (*api.GetLayerVersionOutput, error) {
	l, err := layerOf(c, in.LayerName, in.VersionNumber)
	if err != nil {
		return nil, err
	}
	return s.shownLayer(ctx, c, l)
}

// GetLayerVersionByArn is GetLayerVersion for an ARN.
func (s *Service) GetLayerVersionByArn(ctx context.Context, c *redoubt.Call, in *api.GetLayerVersionByArnInput) (*api.GetLayerVersionByArnOutput, error) {
	l, err := parseLayer(value(in.Arn))
	if err != nil {
		return nil, err
	}
	return s.shownLayer(ctx, c, l)
}

func (s *Service) shownLayer(ctx context.Context, c *redoubt.Call, l layerRef) (*api.GetLayerVersionOutput, error) {
	v, err := l.get(store.From(ctx))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noResource()
	}
	if err != nil {
		return nil, err
	}
	content, err := s.layerContent(c, l, v)
	return &api.GetLayerVersionOutput{
		Content: content, LayerArn: new(l.layer()), LayerVersionArn: new(l.arn()), Description: &v.Description,
		CreatedDate: new(stamp(v.Created)), Version: &v.Number, CompatibleArchitectures: v.Architectures,
		CompatibleRuntimes: v.Runtimes, LicenseInfo: present(v.License),
	}, err
}

// DeleteLayerVersion deletes a layer's version; functions that use it keep it. One
// that is not there is no error.
func (s *Service) DeleteLayerVersion(ctx context.Context, c *redoubt.Call, in *api.DeleteLayerVersionInput) (*api.DeleteLayerVersionOutput, error) {
	tx := store.From(ctx)
	l, err := layerOf(c, in.LayerName, in.VersionNumber)
	if err != nil {
		return nil, err
	}
	v, err := l.get(tx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.use(tx, l.account, l.region, v.Code.ID, -1); err != nil {
		return nil, err
	}
	return nil, layerVersions.In(l.account, l.region).Delete(tx, l.id())
}

// fitsFor reports whether a version is for a runtime and an architecture; nil: any.
func (v *LayerVersion) fitsFor(runtime, arch *string) bool {
	return (runtime == nil || slices.Contains(v.Runtimes, *runtime)) && (arch == nil || slices.Contains(v.Architectures, *arch))
}

func (v *LayerVersion) item(l layerRef) api.LayerVersionsListItem {
	return api.LayerVersionsListItem{
		LayerVersionArn: new(l.arn()), Version: &v.Number, Description: present(v.Description), CreatedDate: new(stamp(v.Created)),
		CompatibleArchitectures: v.Architectures, CompatibleRuntimes: v.Runtimes, LicenseInfo: present(v.License),
	}
}

// ListLayerVersions shows the versions of a layer, newest first.
func (s *Service) ListLayerVersions(ctx context.Context, c *redoubt.Call, in *api.ListLayerVersionsInput) (*api.ListLayerVersionsOutput, error) {
	tx := store.From(ctx)
	l, err := layerOf(c, in.LayerName, nil)
	if err != nil {
		return nil, err
	}
	parameters := []string{l.layer(), value(in.CompatibleRuntime), value(in.CompatibleArchitecture)}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, parameters...)
	if err != nil {
		return nil, err
	}
	out := &api.ListLayerVersionsOutput{LayerVersions: []api.LayerVersionsListItem{}}
	at := p.after
	for row, err := range layerVersions.In(l.account, l.region).Scan(tx, store.Query{Prefix: store.ID(l.name, ""), After: p.after, Reverse: true}) {
		if err != nil {
			return nil, err
		}
		if !row.Value.fitsFor(in.CompatibleRuntime, in.CompatibleArchitecture) {
			continue
		}
		if len(out.LayerVersions) == p.limit {
			out.NextMarker, err = s.marker(c, at, parameters...)
			return out, err
		}
		l.number, at = row.Value.Number, row.ID
		out.LayerVersions = append(out.LayerVersions, row.Value.item(l))
	}
	return out, nil
}

// ListLayers shows the account's layers in order of their names, each with its
// newest version that fits.
func (s *Service) ListLayers(ctx context.Context, c *redoubt.Call, in *api.ListLayersInput) (*api.ListLayersOutput, error) {
	tx := store.From(ctx)
	parameters := []string{value(in.CompatibleRuntime), value(in.CompatibleArchitecture)}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, parameters...)
	if err != nil {
		return nil, err
	}
	out := &api.ListLayersOutput{Layers: []api.LayersListItem{}}
	at := p.after
	for row, err := range layers.In(c.Account, c.Region).Scan(tx, store.Query{After: p.after}) {
		if err != nil {
			return nil, err
		}
		l, err := layerOf(c, &row.ID, nil)
		if err != nil {
			return nil, err
		}
		v, err := newestFor(tx, l, in.CompatibleRuntime, in.CompatibleArchitecture)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if len(out.Layers) == p.limit {
			out.NextMarker, err = s.marker(c, at, parameters...)
			return out, err
		}
		at, l.number = row.ID, v.Number
		item := v.item(l)
		out.Layers = append(out.Layers, api.LayersListItem{LayerName: new(strings.Clone(row.ID)), LayerArn: new(l.layer()), LatestMatchingVersion: &item})
	}
	return out, nil
}

func newestFor(tx *store.Tx, l layerRef, runtime, arch *string) (*LayerVersion, error) {
	for row, err := range layerVersions.In(l.account, l.region).Scan(tx, store.Query{Prefix: store.ID(l.name, ""), Reverse: true}) {
		if err != nil {
			return nil, err
		}
		if row.Value.fitsFor(runtime, arch) {
			return row.Value, nil
		}
	}
	return nil, nil
}
