package ssm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
	"github.com/redoubt-sec/redoubt/store/pebble"
)

// fill makes n parameters, a thousand to a path, with values of 64 bytes.
func (b *bench) fill(n int) {
	const batch = 300
	rows := parameters.In(home, here)
	for from := 0; from < n; from += batch {
		b.do(func(ctx context.Context) error {
			for i := from; i < min(from+batch, n); i++ {
				at := place(fmt.Sprintf("app/%04d/key-%03d", i/1000, i%1000))
				v := Version{Number: 1, Type: "String", DataType: "text", Tier: standard, Modified: b.clock.Now(), User: "arn:aws:iam::123456789012:user/admin"}
				var err error
				if v.Value, err = b.ring.Seal(valuePurpose, sealContext(ownerOf(home, here, at), 1), make([]byte, 64)); err != nil {
					return err
				}
				if err := rows.Put(store.From(ctx), at.id(), &Parameter{Name: "/" + string(at), Current: v, Oldest: 1}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// processor is the time that this process has used, whatever else the machine does.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLists measures pages of lists over 20,000 parameters of one account and
// region, or over a million with REDOUBT_SOAK=1.
func BenchmarkLists(t *testing.B) {
	n := 20_000
	if os.Getenv("REDOUBT_SOAK") != "" {
		n = 1_000_000
	}
	backend, err := pebble.Open(filepath.Join(t.TempDir(), "store"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(backend, 0)
	defer db.Close()
	b := newBench(t, db)
	start := time.Now()
	b.fill(n)
	t.Logf("%d parameters in %v", n, time.Since(start))
	middle := fmt.Sprintf("/app/%04d", n/2000)
	byPath := func(in ssmapi.GetParametersByPathInput) func(ctx context.Context, token *string) (int, *string, error) {
		return func(ctx context.Context, token *string) (int, *string, error) {
			in.NextToken = token
			out, err := b.GetParametersByPath(ctx, call("GetParametersByPath"), &in)
			if err != nil {
				return 0, nil, err
			}
			return len(out.Parameters), out.NextToken, nil
		}
	}
	described := func(f ...ssmapi.ParameterStringFilter) func(ctx context.Context, token *string) (int, *string, error) {
		return func(ctx context.Context, token *string) (int, *string, error) {
			out, err := b.DescribeParameters(ctx, call("DescribeParameters"), &ssmapi.DescribeParametersInput{ParameterFilters: f, NextToken: token})
			if err != nil {
				return 0, nil, err
			}
			return len(out.Parameters), out.NextToken, nil
		}
	}
	by := func(key, option string, values ...string) ssmapi.ParameterStringFilter {
		return ssmapi.ParameterStringFilter{Key: &key, Option: &option, Values: values}
	}
	for _, x := range []struct {
		name string
		page func(ctx context.Context, token *string) (int, *string, error)
	}{
		{"ByPath one level", byPath(ssmapi.GetParametersByPathInput{Path: &middle})},
		{"ByPath recursive root", byPath(ssmapi.GetParametersByPathInput{Path: new("/"), Recursive: new(true)})},
		{"ByPath empty root", byPath(ssmapi.GetParametersByPathInput{Path: new("/")})},
		{"ByPath no match", byPath(ssmapi.GetParametersByPathInput{Path: new("/"), Recursive: new(true), ParameterFilters: []ssmapi.ParameterStringFilter{by("Type", equals, "SecureString")}})},
		{"Describe all", described()},
		{"Describe by name", described(by("Name", equals, middle+"/key-500"))},
		{"Describe by beginning", described(by("Name", beginsWith, middle+"/key-5"))},
		{"Describe no match", described(by("Name", contains, "nothing"))},
	} {
		t.Run(x.name, func(t *testing.B) {
			var token *string
			found, before := 0, processor()
			for t.Loop() { // one page after the other, over and over
				b.do(func(ctx context.Context) error {
					n, next, err := x.page(ctx, token)
					found, token = n, next
					return err
				})
			}
			t.ReportMetric(float64(found), "found")
			t.ReportMetric(float64((processor()-before).Microseconds())/float64(t.N), "cpu-µs/op")
		})
	}
}

// TestPagesLookAtLittle: a page reads a bounded number of records, whatever the
// filter, and all pages together find everything once.
func TestPagesLookAtLittle(t *testing.T) {
	db := store.Open(memory.New(), 0)
	defer db.Close()
	b := newBench(t, db)
	b.fill(1300)
	b.put(&ssmapi.PutParameterInput{Name: new("/zz/needle"), Value: new("v"), Type: new("StringList")})
	f := []ssmapi.ParameterStringFilter{{Key: new("Type"), Values: []string{"StringList"}}}
	var token *string
	var sizes []int
	for {
		b.do(func(ctx context.Context) error {
			out, err := b.DescribeParameters(ctx, call("DescribeParameters"), &ssmapi.DescribeParametersInput{ParameterFilters: f, NextToken: token})
			if err == nil {
				sizes, token = append(sizes, len(out.Parameters)), out.NextToken
			}
			return err
		})
		if token == nil {
			break
		}
	}
	if fmt.Sprint(sizes) != "[0 0 1]" {
		t.Errorf("pages of %v", sizes)
	}
	seen := map[string]bool{}
	for {
		b.do(func(ctx context.Context) error {
			out, err := b.GetParametersByPath(ctx, call("GetParametersByPath"), &ssmapi.GetParametersByPathInput{Path: new("/app"), Recursive: new(true), NextToken: token})
			if err != nil {
				return err
			}
			for _, p := range out.Parameters {
				if seen[*p.Name] {
					t.Errorf("%s twice", *p.Name)
				}
				seen[*p.Name] = true
			}
			token = out.NextToken
			return nil
		})
		if token == nil {
			break
		}
	}
	if len(seen) != 1300 {
		t.Errorf("%d found", len(seen))
	}
}

// TestNewRootKey: every sealed value goes under a new root key, old versions too.
func TestNewRootKey(t *testing.T) {
	db := store.Open(memory.New(), 0)
	defer db.Close()
	b := newBench(t, db)
	for i := range 3 {
		b.put(&ssmapi.PutParameterInput{Name: new("/a/b"), Value: new(fmt.Sprint("v", i+1)), Type: new("String"), Overwrite: new(true)})
	}
	if err := b.ring.RotateSeal(t.Context(), keyring.NewFileSeal(t.TempDir()+"/new"), true); err != nil {
		t.Fatal(err)
	}
	for _, o := range []keyring.Owner{
		keyring.Records("ssm.parameter", parameters.All(), func(id string, p *Parameter) (bool, error) { return b.renew(id, &p.Current) }),
		keyring.Records("ssm.version", blocks.All(), b.renewBlock),
	} {
		if next, n, err := o.Reseal(t.Context(), db, ""); err != nil || next != "" || n != 1 {
			t.Errorf("%s: %d changed, next %q, %v", o.Name, n, next, err)
		}
	}
	b.do(func(ctx context.Context) error {
		p, err := load(store.From(ctx), home, here, "a/b")
		if err != nil {
			return err
		}
		for number := int64(1); number <= 3; number++ {
			v, err := version(store.From(ctx), home, here, "a/b", p, number)
			if err != nil {
				return err
			}
			if g, ok := keyring.Generation(v.Value); !ok || g != 2 {
				t.Errorf("version %d: generation %d", number, g)
			}
			text, err := b.reveal(ctx, call("GetParameter"), home, "a/b", v, false)
			if err != nil || *text != fmt.Sprint("v", number) {
				t.Errorf("version %d: %v %v", number, text, err)
			}
		}
		return nil
	})
}

// TestQuotas: the parameters of an account and region are counted by tier.
func TestQuotas(t *testing.T) {
	db := store.Open(memory.New(), 0)
	defer db.Close()
	b := newBench(t, db)
	b.quotas = Quotas{Standard: 2, Advanced: 1}
	try := func(name, tier string) (string, error) {
		var out *ssmapi.PutParameterOutput
		err := db.Run(t.Context(), func(ctx context.Context) (err error) {
			out, err = b.PutParameter(ctx, call("PutParameter"), &ssmapi.PutParameterInput{Name: &name, Value: new("v"), Type: new("String"), Tier: &tier, Overwrite: new(true)})
			return err
		})
		if err != nil {
			return "", err
		}
		return *out.Tier, nil
	}
	for _, x := range []struct{ name, tier, want string }{
		{"a", standard, standard}, {"b", standard, standard}, {"c", standard, ""}, {"a", standard, standard},
		{"c", intelligent, advanced}, {"d", intelligent, ""}, {"e", advanced, ""}, {"b", advanced, ""},
	} {
		got, err := try(x.name, x.tier)
		if got != x.want {
			t.Errorf("%v: %s, %v", x, got, err)
		}
		if e, ok := err.(interface{ Is(error) bool }); x.want == "" && (!ok || !e.Is(ssmapi.ErrParameterLimitExceeded)) {
			t.Errorf("%v: %v", x, err)
		}
	}
	b.do(func(ctx context.Context) error {
		_, err := b.DeleteParameter(ctx, call("DeleteParameter"), &ssmapi.DeleteParameterInput{Name: new("a")})
		return err
	})
	if _, err := try("f", standard); err != nil {
		t.Error("after a deletion:", err)
	}
}
