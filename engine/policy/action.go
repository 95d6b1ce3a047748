package policy

import (
	"slices"
	"strings"
)

// actionSet is an Action or NotAction element, sorted by service: AWS's managed
// policies name hundreds of actions in one statement, and only one service's can
// match.
type actionSet struct {
	all      bool            // "*"
	every    []string        // patterns of names in every service, from "*:name"
	services []serviceAction // sorted by service
	texts    []string        // as written

	building map[string]int // index into services, until they are sorted
}

type serviceAction struct {
	service string // in lower case
	all     bool   // "kms:*"
	names   []string
}

func (a *actionSet) add(text string) {
	a.texts = append(a.texts, text)
	service, name, ok := strings.Cut(strings.ToLower(text), ":")
	name = encode(name)
	switch {
	case !ok:
		// The grammar lets only "*" stand without a service.
		a.all = true
	case service == "*":
		a.every = append(a.every, name)
	default:
		i, found := a.building[service]
		if !found {
			if a.building == nil {
				a.building = make(map[string]int)
			}
			i = len(a.services)
			a.building[service] = i
			a.services = append(a.services, serviceAction{service: service})
		}
		s := &a.services[i]
		if name == "\xff" {
			s.all = true
		} else {
			s.names = append(s.names, name)
		}
	}
}

// finish readies the set for match, once all actions are added.
func (a *actionSet) finish() {
	a.building = nil
	slices.SortFunc(a.services, func(x, y serviceAction) int { return strings.Compare(x.service, y.service) })
}

// match compares without case. Source: IAM JSON policy elements: Action ("The
// prefix and the action name are case insensitive").
func (a *actionSet) match(service, name string) bool {
	if a.all {
		return true
	}
	for _, p := range a.every {
		if wildFold(p, name) {
			return true
		}
	}
	s := a.find(service)
	if s == nil {
		return false
	}
	if s.all {
		return true
	}
	for _, p := range s.names {
		if wildFold(p, name) {
			return true
		}
	}
	return false
}

func (a *actionSet) find(service string) *serviceAction {
	low, high := 0, len(a.services)
	for low < high {
		mid := (low + high) / 2
		switch c := compareFold(a.services[mid].service, service); {
		case c == 0:
			return &a.services[mid]
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return nil
}

// compareFold compares p, in lower case, with s in any, without allocating.
func compareFold(p, s string) int {
	for i := 0; i < len(p) && i < len(s); i++ {
		if c := lower(s[i]); p[i] != c {
			return int(p[i]) - int(c)
		}
	}
	return len(p) - len(s)
}
