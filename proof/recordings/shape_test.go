package recordings

import (
	"slices"
	"strings"
	"testing"
)

// shape writes the fields of a value: {a,b{c}} of objects, [..] of lists (the
// different shapes of their elements, by |), nothing of values. What is empty is
// [], whether list, object or text, since XML does not tell them apart.
func shape(v any) string {
	if m, ok := v.(map[string]any); v == "" || ok && len(m) == 0 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(shapeOf(v), "{"), "}")
}

func shapeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return "[]"
		}
		var fields []string
		for k, x := range v {
			fields = append(fields, k+shapeOf(x))
		}
		slices.Sort(fields)
		return "{" + strings.Join(fields, ",") + "}"
	case []any:
		var kinds []string
		for _, x := range v {
			kind := strings.TrimSuffix(strings.TrimPrefix(shapeOf(x), "{"), "}")
			if kind == "" {
				kind = "*"
			}
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
		slices.Sort(kinds)
		return "[" + strings.Join(kinds, "|") + "]"
	case string:
		if v == "" {
			return "[]"
		}
	}
	return ""
}

// canonical sorts the fields of a shape as a test writes it.
func canonical(fields string) string {
	rest := fields
	s := sorted(&rest, 0)
	if rest != "" {
		panic("bad shape: " + fields)
	}
	return s
}

// sorted reads fields up to the closing bracket end.
func sorted(rest *string, end byte) string {
	var kinds, fields []string
	for {
		*rest = strings.TrimLeft(*rest, " \n\t")
		i := strings.IndexAny(*rest, ",{}[]|")
		if i < 0 {
			i = len(*rest)
		}
		field := strings.TrimSpace((*rest)[:i])
		*rest = (*rest)[i:]
		if strings.HasPrefix(*rest, "{") {
			*rest = (*rest)[1:]
			inner := sorted(rest, '}')
			if inner == "" {
				field += "[]"
			} else {
				field += "{" + inner + "}"
			}
		} else if strings.HasPrefix(*rest, "[") {
			*rest = (*rest)[1:]
			field += "[" + sorted(rest, ']') + "]"
		}
		if field != "" {
			fields = append(fields, field)
		}
		*rest = strings.TrimLeft(*rest, " \n\t")
		if *rest == "" || (*rest)[0] == end || (*rest)[0] == '|' {
			slices.Sort(fields)
			kinds = append(kinds, strings.Join(fields, ","))
			fields = nil
			if *rest != "" && (*rest)[0] == '|' {
				*rest = (*rest)[1:]
				continue
			}
			if *rest != "" {
				*rest = (*rest)[1:]
			}
			slices.Sort(kinds)
			return strings.Join(kinds, "|")
		}
		if (*rest)[0] != ',' {
			panic("bad shape at " + *rest)
		}
		*rest = (*rest)[1:]
	}
}

// sameText compares messages; a pattern that ends in * is whatever the model says by
// now, since patterns grow; sets that AWS prints in no fixed order are compared
// as sets, and only what was recorded of one has to be in it, since models grow.
func sameText(got, want string) bool {
	if start, ok := strings.CutSuffix(want, "pattern: *"); ok {
		return strings.HasPrefix(got, start+"pattern: ")
	}
	const set = "enum value set: ["
	g, gs, ok1 := strings.Cut(got, set)
	w, ws, ok2 := strings.Cut(want, set)
	if !ok1 || !ok2 {
		return got == want
	}
	gs, g2, ok1 := strings.Cut(gs, "]")
	ws, w2, ok2 := strings.Cut(ws, "]")
	has := strings.Split(gs, ", ")
	for name := range strings.SplitSeq(ws, ", ") {
		if !slices.Contains(has, name) {
			return false
		}
	}
	return g == w && g2 == w2 && ok1 && ok2
}

func TestShape(t *testing.T) {
	for in, want := range map[string]string{
		"B,A{D,C[]},E[*],F{}":       "A{C[],D},B,E[*],F[]",
		"X[b,a|c{y,x}]":             "X[a,b|c{x,y}]",
		"R{A, T[K,V],\n\t L[N{b}]}": "R{A,L[N{b}],T[K,V]}",
	} {
		if got := canonical(in); got != want {
			t.Errorf("canonical(%q) = %q, want %q", in, got, want)
		}
	}
	v := map[string]any{"B": "x", "A": map[string]any{"D": "1", "C": []any{}}, "T": []any{map[string]any{"k": map[string]any{"z": "1"}}, "s"}}
	if got := shape(v); got != "A{C[],D},B,T[*|k{z}]" {
		t.Errorf("shape = %q", got)
	}
}
