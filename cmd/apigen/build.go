package main

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// unit is one service on its way to Go: its tables and the Go names of its
// parts.
type unit struct {
	source  string // which model, for the header
	prefix  string // of all Go names but Model
	listed  bool   // operations only
	service schema.Service

	scope                  scope
	types                  map[schema.Index]string // structures
	fields                 map[schema.Index][]string
	errors                 map[schema.Index]string // error kinds
	inputs, outputs, descs map[string]string       // by operation
	index                  map[string]schema.Index
}

// build makes the tables of a model.
func build(name string, m *model, prefix string) (*unit, error) {
	md := m.Metadata
	u := &unit{
		prefix: prefix,
		source: md.UID,
		listed: listed[name],
		types:  map[schema.Index]string{}, fields: map[schema.Index][]string{}, errors: map[schema.Index]string{},
		inputs: map[string]string{}, outputs: map[string]string{}, descs: map[string]string{},
		index: map[string]schema.Index{},
		scope: scope{"Model": true},
	}
	if u.source == "" {
		u.source = name + "-" + md.APIVersion
	}
	signing := md.SigningName
	if signing == "" {
		signing = md.EndpointPrefix
	}
	iam := iamPrefix[name]
	if iam == "" {
		iam = signing
	}
	protocols := md.Protocols
	if len(protocols) == 0 {
		protocols = []string{md.Protocol}
	}
	u.service = schema.Service{
		Name: name, ID: md.ServiceID, FullName: md.ServiceFullName, APIVersion: md.APIVersion,
		EndpointPrefix: md.EndpointPrefix, SigningName: signing,
		ARNNamespace: iam, Global: global[name],
		JSONVersion: md.JSONVersion, TargetPrefix: md.TargetPrefix,
		QueryCompatible: md.AWSQueryCompatible != nil, XMLNamespace: schema.Namespace(md.XMLNamespace),
		IAMPrefix: iam,
	}
	if signing != "" {
		u.service.EventSource = signing + ".amazonaws.com"
	}
	for _, p := range protocols {
		u.service.Protocols = append(u.service.Protocols, schema.Protocol(p))
	}
	if !u.listed {
		if err := u.shapes(m); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, op := range slices.Sorted(maps.Keys(m.Operations)) {
		if err := u.operation(op, m.Operations[op]); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, op, err)
		}
	}
	for i := range u.service.Shapes {
		if s := &u.service.Shapes[i]; s.Has(schema.Exception) {
			u.errors[schema.Index(i)] = u.scope.take(u.prefix + "Err" + exported(s.Name))
		}
	}
	return u, nil
}

// shapes converts what operations reach, by name. What none reaches (some
// models carry leftovers) would only cost space.
func (u *unit) shapes(m *model) error {
	reached := map[string]bool{}
	var reach func(r *reference)
	reach = func(r *reference) {
		if r == nil || reached[r.Shape] {
			return
		}
		s := m.Shapes[r.Shape]
		if s == nil {
			return // found again, and refused, by find
		}
		reached[r.Shape] = true
		for _, e := range s.Members {
			narrow(m, r.Shape+exported(e.Name), e.Value)
			reach(e.Value)
		}
		reach(s.Member)
		reach(s.Key)
		reach(s.Value)
	}
	for _, o := range m.Operations {
		reach(o.Input)
		reach(o.Output)
		for _, e := range o.Errors {
			reach(e)
		}
	}
	for _, name := range slices.Collect(maps.Keys(m.Shapes)) {
		if s := m.Shapes[name]; s.Exception || s.Error != nil {
			reach(&reference{Shape: name})
		}
	}
	names := slices.Sorted(maps.Keys(reached))
	if len(names) > math.MaxInt16 {
		return fmt.Errorf("%d shapes are more than schema.Index counts", len(names))
	}
	for i, name := range names {
		u.index[name] = schema.Index(i)
		if s := m.Shapes[name]; s.Type == "structure" && !s.Document {
			u.types[schema.Index(i)] = u.scope.take(u.prefix+exported(name), u.prefix+exported(name)+"Shape")
		}
	}
	u.service.Shapes = make([]schema.Shape, len(names))
	for i, name := range names {
		if err := u.shape(schema.Index(i), name, m.Shapes[name], m); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// narrow gives a use of a string shape that lists values of its own a shape of
// its own, so that enums stand on shapes only.
func narrow(m *model, name string, r *reference) {
	if len(r.Enum) == 0 || m.Shapes[name] != nil || m.Shapes[r.Shape] == nil {
		return
	}
	s := *m.Shapes[r.Shape]
	s.Enum = r.Enum
	m.Shapes[name] = &s
	r.Shape, r.Enum = name, nil
}

var kinds = map[string]schema.Kind{
	"structure": schema.Structure, "list": schema.List, "map": schema.Map, "string": schema.String,
	"integer": schema.Integer, "long": schema.Long, "float": schema.Float, "double": schema.Double,
	"boolean": schema.Boolean, "timestamp": schema.Timestamp, "blob": schema.Blob,
}

func (u *unit) shape(i schema.Index, name string, s *modelShape, m *model) error {
	kind, ok := kinds[s.Type]
	if !ok {
		return fmt.Errorf("unknown type %q", s.Type)
	}
	if s.Document {
		kind = schema.Document
	}
	out := schema.Shape{
		Name: name, Kind: kind, Enum: s.Enum, Pattern: s.Pattern, LocationName: s.LocationName,
		XMLNamespace: schema.Namespace(s.XMLNamespace), Format: s.TimestampFormat,
		Flags: flags(
			s.Sensitive, schema.Sensitive, s.Flattened, schema.Flattened, s.Union, schema.Union,
			s.Wrapper, schema.Wrapper, s.Exception || s.Error != nil, schema.Exception,
			s.EventStream, schema.EventStream, s.Streaming, schema.Streaming, s.Event, schema.Event,
			s.Error != nil && s.Error.SenderFault, schema.Sender, s.Fault, schema.Fault,
			s.Min != nil, schema.HasMin, s.Max != nil, schema.HasMax, s.Box, schema.Box),
	}
	if s.Min != nil {
		out.Min = *s.Min
	}
	if s.Max != nil {
		out.Max = *s.Max
	}
	if s.Error != nil {
		out.Status = s.Error.HTTPStatusCode
		if s.Error.Code != name {
			out.Code = s.Error.Code
		}
	}
	var err error
	switch kind {
	case schema.List:
		if s.Member == nil {
			return fmt.Errorf("list without member")
		}
		out.ElemName, out.ElemNamespace = s.Member.LocationName, schema.Namespace(s.Member.XMLNamespace)
		out.Elem, err = u.find(s.Member)
	case schema.Map:
		if s.Key == nil || s.Value == nil {
			return fmt.Errorf("map without key or value")
		}
		out.ElemName, out.ElemNamespace = s.Value.LocationName, schema.Namespace(s.Value.XMLNamespace)
		out.KeyName, out.KeyNamespace = s.Key.LocationName, schema.Namespace(s.Key.XMLNamespace)
		if out.Elem, err = u.find(s.Value); err == nil {
			out.Key, err = u.find(s.Key)
		}
	case schema.Structure:
		out.Payload = -1
		if out.Members, err = u.members(s, m); err != nil {
			return err
		}
		fields := scope{}
		for j, mem := range out.Members {
			u.fields[i] = append(u.fields[i], fields.take(exported(mem.Name)))
			if mem.Name == s.Payload {
				out.Payload = int16(j)
			}
		}
		if s.Payload != "" && out.Payload < 0 {
			return fmt.Errorf("no payload member %q", s.Payload)
		}
	}
	u.service.Shapes[i] = out
	return err
}

var locations = map[string]schema.Location{
	"": schema.Body, "header": schema.Header, "headers": schema.Headers, "uri": schema.URI,
	"querystring": schema.QueryString, "statusCode": schema.StatusCode,
}

func (u *unit) members(s *modelShape, m *model) ([]schema.Member, error) {
	var list []schema.Member
	for _, e := range s.Members {
		r := e.Value
		at, err := u.find(r)
		if err != nil {
			return nil, err
		}
		location, ok := locations[r.Location]
		if !ok {
			return nil, fmt.Errorf("unknown location %q", r.Location)
		}
		streaming := (r.Streaming || m.Shapes[r.Shape].Streaming) && m.Shapes[r.Shape].Type == "blob"
		x := schema.Member{
			Name: e.Name, Shape: at, Location: location, QueryName: r.QueryName,
			XMLNamespace: schema.Namespace(r.XMLNamespace), Format: r.TimestampFormat,
			Flags: flags(
				slices.Contains(s.Required, e.Name), schema.Required, r.Flattened, schema.Flattened,
				streaming, schema.Streaming, r.IdempotencyToken, schema.IdempotencyToken,
				r.XMLAttribute, schema.XMLAttribute, r.HostLabel, schema.HostLabel,
				r.EventPayload, schema.EventPayload, r.JSONValue, schema.JSONValue, r.Box, schema.Box),
		}
		if r.LocationName != e.Name {
			x.LocationName = r.LocationName
		}
		list = append(list, x)
	}
	return list, nil
}

func (u *unit) operation(name string, o modelOperation) error {
	x := schema.Operation{
		Name: name, Method: o.HTTP.Method, URI: o.HTTP.RequestURI, ResponseCode: o.HTTP.ResponseCode,
		Input: schema.None, Output: schema.None,
		NoAuth: o.AuthType == "none", UnsignedPayload: o.UnsignedPayload,
		HostPrefix: o.Endpoint.HostPrefix, Deprecated: o.Deprecated,
		ChecksumAlgorithmMember: o.HTTPChecksum.RequestAlgorithmMember,
		ChecksumRequired:        o.HTTPChecksum.RequestChecksumRequired || o.HTTPChecksumRequired,
	}
	defer func() { u.service.Operations = append(u.service.Operations, x) }()
	if u.listed {
		return nil
	}
	var err error
	if o.Input != nil {
		x.InputName, x.InputNamespace = o.Input.LocationName, schema.Namespace(o.Input.XMLNamespace)
		if x.Input, err = u.find(o.Input); err != nil {
			return err
		}
	}
	if o.Output != nil {
		x.OutputWrapper = o.Output.ResultWrapper
		if x.Output, err = u.find(o.Output); err != nil {
			return err
		}
	}
	for _, e := range o.Errors {
		at, err := u.find(e)
		if err != nil {
			return err
		}
		x.Errors = append(x.Errors, at)
	}
	u.inputs[name] = u.alias(name+"Input", x.Input)
	u.outputs[name] = u.alias(name+"Output", x.Output)
	u.descs[name] = u.scope.take(u.prefix+"Op"+exported(name), u.prefix+"Operation"+exported(name))
	return nil
}

// alias answers the Go name under which an operation's input or output is
// known, op+"Input" and op+"Output". Where a shape that is something else has
// that name, the alias ends in "Type".
func (u *unit) alias(name string, at schema.Index) string {
	name = u.prefix + exported(name)
	if at != schema.None && u.types[at] == name {
		return name
	}
	return u.scope.take(name, name+"Type")
}

func (u *unit) find(r *reference) (schema.Index, error) {
	at, ok := u.index[r.Shape]
	if !ok {
		return schema.None, fmt.Errorf("no shape %q", r.Shape)
	}
	return at, nil
}

// flags gathers the flags whose condition holds: pairs of bool and Flag.
func flags(pairs ...any) (f schema.Flag) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i].(bool) {
			f |= pairs[i+1].(schema.Flag)
		}
	}
	return f
}
