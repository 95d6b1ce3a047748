package storetest

import (
	"strings"
	"testing"
	"time"
)

func txn(begin, end int, o Outcome, reads map[string][]int, appends map[string]int) *Txn {
	return &Txn{Who: "t", Begin: time.Duration(begin), End: time.Duration(end), Outcome: o, Reads: reads, Appends: appends}
}

type (
	rd = map[string][]int
	ap = map[string]int
)

// The checker must find every anomaly that it is there to find.
func TestCheckLists(t *testing.T) {
	for _, c := range []struct {
		name  string
		h     []*Txn
		final map[string][]int
		want  string // part of the error; empty: explained
	}{
		{"serial", []*Txn{
			txn(0, 1, Committed, rd{"x": nil}, ap{"x": 1}),
			txn(2, 3, Committed, rd{"x": {1}}, ap{"x": 2, "y": 3}),
			txn(4, 5, Committed, rd{"x": {1, 2}, "y": {3}}, nil),
		}, rd{"x": {1, 2}, "y": {3}}, ""},
		{"concurrent, either order", []*Txn{
			txn(0, 9, Committed, nil, ap{"x": 1}),
			txn(0, 9, Committed, rd{"x": nil}, ap{"y": 2}),
			txn(0, 9, Committed, rd{"x": {1}, "y": {2}}, nil),
		}, rd{"x": {1}, "y": {2}}, ""},
		{"unknown happened", []*Txn{
			txn(0, 0, Unknown, nil, ap{"x": 1}),
			txn(5, 6, Committed, rd{"x": {1}}, nil),
		}, rd{"x": {1}}, ""},
		{"unknown did not happen", []*Txn{txn(0, 0, Unknown, nil, ap{"x": 1})}, rd{}, ""},
		{"unknown happened late", []*Txn{
			txn(0, 0, Unknown, nil, ap{"x": 1}),
			txn(5, 6, Committed, rd{"x": nil}, nil),
			txn(7, 8, Committed, rd{"x": {1}}, nil),
		}, rd{"x": {1}}, ""},
		{"lost", []*Txn{txn(0, 1, Committed, nil, ap{"x": 1})}, rd{}, "lost"},
		{"refused but happened", []*Txn{txn(0, 1, Refused, nil, ap{"x": 1})}, rd{"x": {1}}, "refused"},
		{"out of nowhere", nil, rd{"x": {1}}, "nobody"},
		{"dirty read", []*Txn{
			txn(0, 1, Refused, nil, ap{"x": 1}),
			txn(2, 3, Committed, rd{"x": {1}}, nil),
		}, rd{"x": nil}, "no beginning"},
		{"stale read", []*Txn{
			txn(0, 1, Committed, nil, ap{"x": 1}),
			txn(2, 3, Committed, rd{"x": nil}, nil),
		}, rd{"x": {1}}, "circle"},
		{"read goes back", []*Txn{
			txn(0, 9, Committed, nil, ap{"x": 1}),
			txn(1, 2, Committed, rd{"x": {1}}, nil),
			txn(3, 4, Committed, rd{"x": nil}, nil),
		}, rd{"x": {1}}, "circle"},
		{"lost update", []*Txn{
			txn(0, 9, Committed, rd{"x": nil}, ap{"x": 1}),
			txn(0, 9, Committed, rd{"x": nil}, ap{"x": 2}),
		}, rd{"x": {1, 2}}, "circle"},
		{"write skew", []*Txn{
			txn(0, 9, Committed, rd{"y": nil}, ap{"x": 1}),
			txn(0, 9, Committed, rd{"x": nil}, ap{"y": 2}),
		}, rd{"x": {1}, "y": {2}}, "circle"},
		{"mixed states", []*Txn{
			txn(0, 9, Committed, nil, ap{"x": 1, "y": 2}),
			txn(0, 9, Committed, rd{"x": {1}, "y": nil}, nil),
		}, rd{"x": {1}, "y": {2}}, "circle"},
		{"two readers disagree", []*Txn{
			txn(0, 9, Committed, nil, ap{"x": 1}),
			txn(0, 9, Committed, nil, ap{"y": 2}),
			txn(0, 9, Committed, rd{"x": {1}, "y": nil}, nil),
			txn(0, 9, Committed, rd{"x": nil, "y": {2}}, nil),
		}, rd{"x": {1}, "y": {2}}, "circle"},
		{"twice", []*Txn{txn(0, 1, Committed, nil, ap{"x": 1})}, rd{"x": {1, 1}}, "twice"},
	} {
		err := CheckLists(c.h, c.final)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
