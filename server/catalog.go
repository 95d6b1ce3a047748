package server

import (
	"slices"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// CatalogService is a service and how much of it is implemented.
type CatalogService struct {
	Name, FullName string
	Operations     []CatalogOperation
}

// CatalogOperation is one of its operations.
type CatalogOperation struct {
	Name string
	Done bool
}

// Implemented counts.
func (s *CatalogService) Implemented() (n int) {
	for _, o := range s.Operations {
		if o.Done {
			n++
		}
	}
	return n
}

// Catalog lists every operation of every known service, by name.
func Catalog() []CatalogService { return catalog(Rooms()) }

// Rooms lists the rooms with their rows, for whoever wants to look at the rows
// and call nothing.
func Rooms() []op.Service { return (&Server{}).services() }

func catalog(rooms []op.Service) []CatalogService {
	done := map[*schema.Operation]bool{}
	for _, r := range rooms {
		for _, o := range r.Operations {
			done[o.Schema] = true
		}
	}
	models := append(slices.Clone(all.Services()), &redoubtapi.Model)
	slices.SortFunc(models, func(a, b *schema.Service) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	var list []CatalogService
	for _, m := range models {
		s := CatalogService{Name: m.Name, FullName: m.FullName}
		for i := range m.Operations {
			s.Operations = append(s.Operations, CatalogOperation{m.Operations[i].Name, done[&m.Operations[i]]})
		}
		list = append(list, s)
	}
	return list
}

// status is the catalog of the services that this server has, as the
// administration service answers it.
func (s *Server) status() []redoubtapi.ServiceStatus {
	var list []redoubtapi.ServiceStatus
	for _, c := range catalog(s.services()) {
		if n := c.Implemented(); n > 0 {
			list = append(list, redoubtapi.ServiceStatus{Name: new(c.Name), Operations: new(int32(len(c.Operations))), Implemented: new(int32(n))})
		}
	}
	return list
}
