package storetest

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Txn is one transaction of a recorded history over lists: every key holds a
// list, transactions read lists and append elements that are unique in the whole
// history. A list shows the order of all writes to it, so that the order of
// transactions can be inferred (as Elle does, Kingsbury and Alvaro 2020).
type Txn struct {
	Who        string
	Begin, End time.Duration // on one monotonic clock; End only for Committed
	Reads      map[string][]int
	Appends    map[string]int // at most one element a key
	Outcome    Outcome
}

// Outcome is what the client was told.
type Outcome uint8

// Outcomes. A transaction that only reads and did not commit is left out.
const (
	Committed Outcome = iota
	Refused           // certainly did not happen
	Unknown           // may have happened, may happen later
)

func (t *Txn) String() string {
	var reads []string
	for k, list := range t.Reads {
		reads = append(reads, fmt.Sprintf("%s: %d up to %v", k, len(list), list[max(0, len(list)-3):]))
	}
	slices.Sort(reads)
	return fmt.Sprintf("%s [%v %v] read {%s} append %v outcome %d", t.Who, t.Begin, t.End, strings.Join(reads, ", "), t.Appends, t.Outcome)
}

// CheckLists answers nil if the history is strictly serializable: some order of
// the committed transactions, and of some with unknown outcome, explains every
// read, and agrees with real time (what began after another one ended comes
// after it).
//
// It builds the graph of who must come before whom (write after write, read of a
// write, overwriting what was read, real time) and looks for a circle. final
// holds every list as it was when all was over.
func CheckLists(history []*Txn, final map[string][]int) error {
	c := checker{writer: map[int]int{}, history: history}
	for i, t := range history {
		for _, e := range t.Appends {
			c.writer[e] = i
		}
	}
	if err := c.lists(final); err != nil {
		return err
	}
	c.realTime()
	if circle := c.circle(); circle != nil {
		var b strings.Builder
		for _, i := range circle {
			if i < len(history) {
				fmt.Fprintf(&b, "\n  %v", history[i])
			}
		}
		return fmt.Errorf("no order of transactions explains this circle:%s", b.String())
	}
	return nil
}

type checker struct {
	history []*Txn
	writer  map[int]int // element to transaction
	next    [][]int     // edges; nodes beyond the history are moments
}

func (c *checker) edge(a, b int) {
	if a != b {
		c.next[a] = append(c.next[a], b)
	}
}

// lists checks every read against the final lists and adds the edges that
// follow from them.
func (c *checker) lists(final map[string][]int) error {
	c.next = make([][]int, len(c.history))
	place := map[int]int{}
	for k, list := range final {
		for i, e := range list {
			if _, twice := place[e]; twice {
				return fmt.Errorf("%s: element %d appears twice", k, e)
			}
			place[e] = i
			w, ok := c.writer[e]
			if !ok {
				return fmt.Errorf("%s: nobody appended %d", k, e)
			}
			t := c.history[w]
			if t.Outcome == Refused {
				return fmt.Errorf("%s: element %d of a refused transaction: %v", k, e, t)
			}
			if t.Appends[k] != e {
				return fmt.Errorf("%s: element %d belongs to another list: %v", k, e, t)
			}
			if i > 0 {
				c.edge(c.writer[list[i-1]], w)
			}
		}
	}
	for i, t := range c.history {
		if t.Outcome == Committed {
			for k, e := range t.Appends {
				if p, ok := place[e]; !ok || final[k][p] != e {
					return fmt.Errorf("%s: acknowledged element %d is lost: %v", k, e, t)
				}
			}
		}
		if t.Outcome == Refused {
			continue
		}
		for k, read := range t.Reads {
			list := final[k]
			if len(read) > len(list) || !slices.Equal(read, list[:len(read)]) {
				return fmt.Errorf("%s: %v was read, which is no beginning of the list in the end: %v", k, read, t)
			}
			if len(read) > 0 {
				c.edge(c.writer[read[len(read)-1]], i)
			}
			if len(read) < len(list) {
				c.edge(i, c.writer[list[len(read)]])
			}
		}
	}
	return nil
}

// realTime puts a moment after the end of every transaction, in a row; whatever
// begins later hangs on the last moment before its beginning.
func (c *checker) realTime() {
	var ended []int
	for i, t := range c.history {
		if t.Outcome == Committed {
			ended = append(ended, i)
		}
	}
	slices.SortFunc(ended, func(a, b int) int { return int(c.history[a].End - c.history[b].End) })
	first := len(c.history)
	for n, i := range ended {
		c.next = append(c.next, nil)
		c.next[i] = append(c.next[i], first+n)
		if n > 0 {
			c.next[first+n-1] = append(c.next[first+n-1], first+n)
		}
	}
	for i, t := range c.history {
		if t.Outcome == Refused {
			continue
		}
		n := sort.Search(len(ended), func(n int) bool { return c.history[ended[n]].End >= t.Begin })
		if n > 0 {
			c.next[first+n-1] = append(c.next[first+n-1], i)
		}
	}
}

// circle answers a short circle of the graph, or nil.
func (c *checker) circle() []int {
	for _, group := range c.components() {
		if len(group) > 1 {
			return c.shortest(group)
		}
	}
	return nil
}

// components are the strongly connected ones (Tarjan), without recursion.
func (c *checker) components() [][]int {
	n := len(c.next)
	index, low := make([]int, n), make([]int, n)
	onStack := make([]bool, n)
	var stack []int
	var out [][]int
	counter := 0
	type frame struct{ node, edge int }
	for root := range n {
		if index[root] != 0 {
			continue
		}
		work := []frame{{root, 0}}
		for len(work) > 0 {
			f := &work[len(work)-1]
			v := f.node
			if f.edge == 0 {
				counter++
				index[v], low[v] = counter, counter
				stack = append(stack, v)
				onStack[v] = true
			}
			if f.edge < len(c.next[v]) {
				w := c.next[v][f.edge]
				f.edge++
				if index[w] == 0 {
					work = append(work, frame{w, 0})
				} else if onStack[w] {
					low[v] = min(low[v], index[w])
				}
				continue
			}
			if low[v] == index[v] {
				var group []int
				for {
					w := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					onStack[w] = false
					group = append(group, w)
					if w == v {
						break
					}
				}
				out = append(out, group)
			}
			work = work[:len(work)-1]
			if len(work) > 0 {
				p := work[len(work)-1].node
				low[p] = min(low[p], low[v])
			}
		}
	}
	return out
}

// shortest finds the shortest circle through one node of a component.
func (c *checker) shortest(group []int) []int {
	in := map[int]bool{}
	for _, v := range group {
		in[v] = true
	}
	start := slices.Min(group) // a transaction, not a moment
	from := map[int]int{}
	queue := []int{start}
	for len(queue) > 0 {
		v := queue[0]
		queue = queue[1:]
		for _, w := range c.next[v] {
			if w == start {
				path := []int{v}
				for v != start {
					v = from[v]
					path = append(path, v)
				}
				slices.Reverse(path)
				return path
			}
			if _, seen := from[w]; in[w] && !seen {
				from[w] = v
				queue = append(queue, w)
			}
		}
	}
	return group
}
