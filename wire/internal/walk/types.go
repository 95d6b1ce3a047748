// Package walk goes over Go values by their schema, once for every protocol: a
// Source is a cursor over a protocol's input, a Sink writes its output. It
// relies on the layout that op/schema fixes (field i of a struct is member i of
// its shape) and on nothing else of the generated types.
package walk

import (
	"sync"
	"sync/atomic"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// WireName names members as JSON and XML do.
func WireName(m *schema.Member) string { return m.WireName() }

// Cache holds what a protocol derives from service tables. Its entries are
// built on first use: a server that never sees a service pays nothing for it.
type Cache struct {
	// Name is a member's name on the wire.
	Name     func(*schema.Member) string
	services sync.Map // *schema.Service -> *Service
}

// Service answers the derived tables of svc.
func (c *Cache) Service(svc *schema.Service) *Service {
	if s, ok := c.services.Load(svc); ok {
		return s.(*Service)
	}
	s, _ := c.services.LoadOrStore(svc, &Service{
		Service: svc,
		name:    c.Name,
		structs: make([]atomic.Pointer[Struct], len(svc.Shapes)),
	})
	return s.(*Service)
}

// Service is a schema.Service with one protocol's lookup tables.
type Service struct {
	*schema.Service
	name    func(*schema.Member) string
	structs []atomic.Pointer[Struct]
}

// Struct is what a protocol knows about one structure shape.
type Struct struct {
	*schema.Shape
	// Names are the members' wire names.
	Names []string
	index map[string]int // only where a linear search would be slower
}

// Struct answers the structure at i. Two goroutines may build it at once; both
// build the same.
func (s *Service) Struct(i schema.Index) *Struct {
	if st := s.structs[i].Load(); st != nil {
		return st
	}
	sh := &s.Shapes[i]
	st := &Struct{Shape: sh, Names: make([]string, len(sh.Members))}
	for k := range sh.Members {
		st.Names[k] = s.name(&sh.Members[k])
	}
	if len(st.Names) > 8 {
		st.index = make(map[string]int, len(st.Names))
		for k, n := range st.Names {
			st.index[n] = k
		}
	}
	s.structs[i].Store(st)
	return st
}

// Find answers the member with that wire name, or -1. next is where it is
// looked for first: clients send members in the model's order.
func (st *Struct) Find(name []byte, next int) int {
	if next < len(st.Names) && st.Names[next] == string(name) {
		return next
	}
	if st.index != nil {
		if k, ok := st.index[string(name)]; ok {
			return k
		}
		return -1
	}
	for k, n := range st.Names {
		if n == string(name) {
			return k
		}
	}
	return -1
}
