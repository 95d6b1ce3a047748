package server

import (
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/redoubtapi"
)

// Who administers the installation over the API may not make the server load
// code of their choice.
func TestRotationLoadsOnlyConfiguredModules(t *testing.T) {
	s := &Server{conf: Config{SealModule: "/usr/lib/a.so", CloudHSM: map[string]HSMCluster{"cluster-x": {Module: "/usr/lib/b.so"}}}}
	_, _, err := s.sealFrom(t.Context(), &redoubtapi.RotateSealInput{Kind: new("pkcs11"), Module: new("/tmp/evil.so"), Token: new("t"), Label: new("l")})
	if err == nil || !strings.Contains(err.Error(), "does not name this PKCS #11 module") {
		t.Fatalf("%v", err)
	}
	for _, m := range []string{"/usr/lib/a.so", "/usr/lib/b.so"} {
		if !s.conf.namesModule(m) {
			t.Errorf("%s is configured", m)
		}
	}
}
