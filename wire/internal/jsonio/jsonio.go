package jsonio

import (
	"reflect"
	"sync"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/internal/walk"
)

// JSON is what a codec keeps: cursors and writers for reuse.
type JSON struct {
	// Depth is how deeply values may nest.
	Depth   int
	sources sync.Pool // *Source
	sinks   sync.Pool // *Sink
}

func (j *JSON) read(text []byte, f func(*Source) error) error {
	s, _ := j.sources.Get().(*Source)
	if s == nil {
		s = new(Source)
	}
	err := s.reset(text, j.Depth)
	if err == nil {
		err = f(s)
	}
	s.forget()
	j.sources.Put(s)
	return err
}

// Decode reads the structure at i from text into v.
func (j *JSON) Decode(svc *walk.Service, i schema.Index, text []byte, v reflect.Value) error {
	return j.read(text, func(s *Source) error { return s.decode(svc, i, v) })
}

// DecodeMember reads the value of one member, for payloads.
func (j *JSON) DecodeMember(svc *walk.Service, m *schema.Member, text []byte, f reflect.Value) error {
	return j.read(text, func(s *Source) error {
		d := walk.NewDecoder(svc, s, len(text))
		if err := d.Member(m, f); err != nil {
			return err
		}
		return s.end()
	})
}

// Document reads free-form JSON.
func (j *JSON) Document(text []byte) (v any, err error) {
	err = j.read(text, func(s *Source) error {
		if v, err = s.Document(); err != nil {
			return err
		}
		return s.end()
	})
	return v, err
}

// Check refuses text that is not one JSON object.
func (j *JSON) Check(text []byte) error {
	return j.read(text, func(s *Source) error {
		if s.peek() != '{' {
			return errSyntax
		}
		if err := s.skip(); err != nil {
			return err
		}
		return s.end()
	})
}

func (j *JSON) write(svc *walk.Service, b []byte, f func(*walk.Encoder, *Sink)) ([]byte, error) {
	s, _ := j.sinks.Get().(*Sink)
	if s == nil {
		s = new(Sink)
	}
	s.B, s.comma = b, false
	s.walk = walk.NewEncoder(svc, s)
	f(&s.walk, s)
	b, err := s.B, s.walk.Err()
	s.B, s.walk = nil, walk.Encoder{}
	j.sinks.Put(s)
	return b, err
}

// Encode appends the structure at i to b.
func (j *JSON) Encode(svc *walk.Service, i schema.Index, b []byte, v reflect.Value) ([]byte, error) {
	return j.write(svc, b, func(e *walk.Encoder, _ *Sink) { e.Struct(i, v) })
}

// EncodeMembers appends an object of the picked members.
func (j *JSON) EncodeMembers(svc *walk.Service, i schema.Index, b []byte, v reflect.Value, pick func(*schema.Member) bool) ([]byte, error) {
	return j.write(svc, b, func(e *walk.Encoder, s *Sink) {
		s.open('{')
		e.Members(svc.Struct(i), v, pick)
		s.close('}')
	})
}

// EncodeMember appends one member's value, for payloads.
func (j *JSON) EncodeMember(svc *walk.Service, m *schema.Member, b []byte, f reflect.Value) ([]byte, error) {
	return j.write(svc, b, func(e *walk.Encoder, _ *Sink) { e.Member(m, f) })
}

// EncodeFault appends the body of an error; typ, when not empty, becomes its
// __type. A field of the wrong type spoils only itself: the refusal must arrive.
func (j *JSON) EncodeFault(svc *walk.Service, st *walk.Struct, b []byte, typ string, err *redoubt.Error, inBody func(*schema.Member) bool) []byte {
	b, _ = j.write(svc, b, func(e *walk.Encoder, s *Sink) {
		s.open('{')
		if typ != "" {
			s.Extra("__type", typ)
		}
		e.FaultBody(st, err, "", s, inBody)
		s.close('}')
	})
	return b
}
