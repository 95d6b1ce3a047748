package memory_test

import (
	"testing"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
	"github.com/redoubt-sec/redoubt/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Suite{Open: func(testing.TB) store.Backend { return memory.New() }})
}
