package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestCache(t *testing.T) {
	c := NewCache(2)
	texts := [3]string{}
	for i := range texts {
		texts[i] = wrap(fmt.Sprintf(`{"Effect":"Allow","Action":"a:b%d","Resource":"*"}`, i))
	}
	get := func(text string, kind Kind) *Document {
		t.Helper()
		d, err := c.Parse(text, kind)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := get(texts[0], Identity)
	if get(texts[0], Identity) != a {
		t.Error("parsed twice")
	}
	if get(texts[0], Boundary) == a {
		t.Error("another kind is another document")
	}
	get(texts[1], Identity)
	get(texts[2], Identity)
	if c.Len() != 2 {
		t.Errorf("%d documents kept", c.Len())
	}
	if _, err := c.Parse("{", Identity); err == nil || c.Len() != 2 {
		t.Errorf("a refused text: %v, %d kept", err, c.Len())
	}
	if d := get(texts[0], Identity); d.Text() != texts[0] || d.Kind() != Identity {
		t.Error("another document came back")
	}
	if NewCache(0).max != 1 {
		t.Error("a cache without room")
	}
}

// Long policies take the room of many.
func TestCacheIsBoundedInBytes(t *testing.T) {
	c := NewCache(8192)
	pad := strings.Repeat(" ", 32<<10)
	for i := range 1000 {
		text := wrap(fmt.Sprintf(`{"Effect":"Allow","Action":"a:b%d","Resource":"*"}`, i)) + pad
		d, err := c.Parse(text, Identity)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := c.Parse(text, Identity); again != d {
			t.Fatal("not kept")
		}
	}
	held := 0
	for k, at := range c.entries {
		held += len(k.text)
		if c.slots[at].key != k {
			t.Fatal("an entry leads to another document")
		}
	}
	if held > c.room || held != c.bytes || len(c.slots) != len(c.entries) {
		t.Errorf("%d bytes held, %d counted, in %d slots by %d entries", held, c.bytes, len(c.slots), len(c.entries))
	}
	if d, err := c.Parse(wrap(allowAll)+strings.Repeat(" ", c.room), Identity); err == nil && d == nil || c.bytes > c.room {
		t.Error("one that is too long")
	}
}

// What is used stays, what is not goes.
func TestCacheKeepsTheUsed(t *testing.T) {
	c := NewCache(4)
	hot := wrap(allowAll)
	d, _ := c.Parse(hot, Identity)
	for i := range 100 {
		if _, err := c.Parse(wrap(fmt.Sprintf(`{"Effect":"Allow","Action":"a:b%d","Resource":"*"}`, i)), Identity); err != nil {
			t.Fatal(err)
		}
		if again, _ := c.Parse(hot, Identity); again != d {
			t.Fatalf("lost after %d others", i)
		}
	}
}

func TestConcurrency(t *testing.T) {
	c := NewCache(8)
	r := setting{by: appSession(), identity: allowSend, session: allowAll, policy: allowTo(`{"AWS":"111122223333"}`), strict: true}.request(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				text := wrap(fmt.Sprintf(`{"Effect":"Allow","Action":"a:b%d","Resource":"*"}`, (g+i)%16))
				if d, err := c.Parse(text, Identity); err != nil || d.Text() != text {
					t.Error(err)
				}
				if d := Evaluate(r); d.Reason != AllowedByIdentity {
					t.Error(d.Reason)
				}
				if i%50 == 0 {
					_ = Explain(r).Text()
					Simulate(r)
				}
			}
		})
	}
	wg.Wait()
	if c.Len() > 8 {
		t.Errorf("%d documents", c.Len())
	}
}
