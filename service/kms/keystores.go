package kms

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// KeyStore is a custom key store: keys in it live elsewhere, in a CloudHSM
// cluster or behind an external key store proxy, and an engine (package
// keystore) does their work.
type KeyStore struct {
	ID      string
	Name    string
	Type    string
	Created time.Time
	State   string // ConnectionState
	Failure string `json:",omitempty"` // ConnectionErrorCode, while FAILED

	Cluster     string `json:",omitempty"`
	TrustAnchor string `json:",omitempty"`

	Endpoint     string `json:",omitempty"`
	Path         string `json:",omitempty"`
	Connectivity string `json:",omitempty"`
	VPCService   string `json:",omitempty"`
	VPCOwner     string `json:",omitempty"`
	AccessKeyID  string `json:",omitempty"`

	// Sealed are the storeSecrets, bound to the store's id.
	Sealed []byte
}

// storeSecrets are what must not lie in the store in the clear.
type storeSecrets struct {
	Password     string `json:",omitempty"`
	NextPassword string `json:",omitempty"` // see keystore.Settings
	Secret       string `json:",omitempty"`
}

// storedKey says that a key lies in a custom key store.
type storedKey struct{ Key string }

var (
	keyStores  = store.RegionalTable[KeyStore]("kms.keystore")
	storeKeys  = store.RegionalTable[storedKey]("kms.keystorekey") // key store, key id
	storeBacks = store.RegionalTable[storedKey]("kms.keystorexks") // key store, XksKeyId
)

const storePurpose = "kms.keystore"

// CreateCustomKeyStore makes a store, disconnected.
func (s *Service) CreateCustomKeyStore(ctx context.Context, c *redoubt.Call, in *kmsapi.CreateCustomKeyStoreInput) (*kmsapi.CreateCustomKeyStoreOutput, error) {
	tx := store.From(ctx)
	ks, sec, err := newKeyStore(in)
	if err != nil {
		return nil, err
	}
	same, err := s.checkUnique(tx, c, ks, "")
	if err != nil {
		return nil, err
	}
	if same != nil {
		return &kmsapi.CreateCustomKeyStoreOutput{CustomKeyStoreId: &same.ID}, nil
	}
	backend, err := s.backend(ks.Type)
	if err != nil {
		return nil, err
	}
	var id [9]byte
	rand.Read(id[:])
	ks.ID = "cks-" + hex.EncodeToString(id[:])[:17]
	ks.Created, ks.State = s.clock.Now(), kmsapi.ConnectionStateTypeDisconnected
	if ks.checkable() {
		if err := backend.Check(ctx, settings(c.Account, c.Region, ks, sec), nil, storeRequest(c, "")); err != nil {
			return nil, failure(err, atSetup)
		}
	}
	if err := s.sealSecrets(ks, sec); err != nil {
		return nil, err
	}
	return &kmsapi.CreateCustomKeyStoreOutput{CustomKeyStoreId: &ks.ID}, keyStores.In(c.Account, c.Region).Put(tx, ks.ID, ks)
}

// newKeyStore reads a request, refusing what does not go with the type.
func newKeyStore(in *kmsapi.CreateCustomKeyStoreInput) (*KeyStore, storeSecrets, error) {
	ks := &KeyStore{Name: *in.CustomKeyStoreName, Type: kmsapi.CustomKeyStoreTypeAwsCloudhsm}
	if in.CustomKeyStoreType != nil {
		ks.Type = *in.CustomKeyStoreType
	}
	hsm := ks.Type == kmsapi.CustomKeyStoreTypeAwsCloudhsm
	ofXKS := firstSet(in.XksProxyUriEndpoint, in.XksProxyUriPath, in.XksProxyConnectivity, in.XksProxyVpcEndpointServiceName, in.XksProxyVpcEndpointServiceOwner) != nil || in.XksProxyAuthenticationCredential != nil
	ofHSM := firstSet(in.CloudHsmClusterId, in.TrustAnchorCertificate, in.KeyStorePassword) != nil
	if hsm && ofXKS || !hsm && ofHSM {
		return nil, storeSecrets{}, redoubt.ErrValidation.New("The request has parameters that are not valid for a custom key store of type %s.", ks.Type)
	}
	if hsm {
		for name, p := range map[string]*string{"CloudHsmClusterId": in.CloudHsmClusterId, "TrustAnchorCertificate": in.TrustAnchorCertificate, "KeyStorePassword": in.KeyStorePassword} {
			if p == nil {
				return nil, storeSecrets{}, missingForType(name, ks.Type)
			}
		}
		ks.Cluster, ks.TrustAnchor = *in.CloudHsmClusterId, *in.TrustAnchorCertificate
		return ks, storeSecrets{Password: *in.KeyStorePassword}, nil
	}
	for name, p := range map[string]*string{"XksProxyUriEndpoint": in.XksProxyUriEndpoint, "XksProxyUriPath": in.XksProxyUriPath, "XksProxyConnectivity": in.XksProxyConnectivity} {
		if p == nil {
			return nil, storeSecrets{}, missingForType(name, ks.Type)
		}
	}
	cred := in.XksProxyAuthenticationCredential
	if cred == nil {
		return nil, storeSecrets{}, missingForType("XksProxyAuthenticationCredential", ks.Type)
	}
	ks.Endpoint, ks.Path, ks.Connectivity = *in.XksProxyUriEndpoint, *in.XksProxyUriPath, *in.XksProxyConnectivity
	ks.VPCService, ks.VPCOwner = value(in.XksProxyVpcEndpointServiceName), value(in.XksProxyVpcEndpointServiceOwner)
	ks.AccessKeyID = value(cred.AccessKeyId)
	return ks, storeSecrets{Secret: value(cred.RawSecretAccessKey)}, ks.checkConnectivity()
}

func missingForType(name, typ string) error {
	return redoubt.ErrValidation.New("%s is required for a custom key store of type %s.", name, typ)
}

// checkConnectivity refuses a VPC endpoint service without VPC connectivity, and
// the other way round.
func (ks *KeyStore) checkConnectivity() error {
	vpc := ks.Connectivity == kmsapi.XksProxyConnectivityTypeVpcEndpointService
	switch {
	case vpc && ks.VPCService == "":
		return redoubt.ErrValidation.New("XksProxyVpcEndpointServiceName is required when XksProxyConnectivity is VPC_ENDPOINT_SERVICE.")
	case !vpc && (ks.VPCService != "" || ks.VPCOwner != ""):
		return redoubt.ErrValidation.New("XksProxyVpcEndpointServiceName is valid only when XksProxyConnectivity is VPC_ENDPOINT_SERVICE.")
	}
	return nil
}

// checkable tells whether the other side must be reachable before it is
// connected: everything but a proxy behind a VPC endpoint service.
func (ks *KeyStore) checkable() bool {
	return ks.Connectivity != kmsapi.XksProxyConnectivityTypeVpcEndpointService
}

// checkUnique refuses what another store has already, other than the one with id
// self. A store made again as it is, is answered.
func (s *Service) checkUnique(tx *store.Tx, c *redoubt.Call, ks *KeyStore, self string) (same *KeyStore, err error) {
	n := 0
	for row, err := range keyStores.In(c.Account, c.Region).Scan(tx, store.Query{}) {
		if err != nil {
			return nil, err
		}
		o := row.Value
		n++
		if o.ID == self {
			continue
		}
		uri := ks.Endpoint != "" && o.Endpoint == ks.Endpoint
		switch {
		case self == "" && o.Name == ks.Name && o.Type == ks.Type && o.Cluster == ks.Cluster && o.TrustAnchor == ks.TrustAnchor &&
			o.Endpoint == ks.Endpoint && o.Path == ks.Path && o.Connectivity == ks.Connectivity && o.VPCService == ks.VPCService && o.AccessKeyID == ks.AccessKeyID:
			return o, nil
		case o.Name == ks.Name:
			return nil, kmsapi.ErrCustomKeyStoreNameInUseException.New("The custom key store name %s is already in use.", ks.Name)
		case ks.Cluster != "" && o.Cluster == ks.Cluster:
			return nil, kmsapi.ErrCloudHsmClusterInUseException.New("The CloudHSM cluster %s is already associated with a custom key store.", ks.Cluster)
		case uri && o.Path == ks.Path:
			return nil, kmsapi.ErrXksProxyUriInUseException.New("The external key store proxy URI %s%s is already in use.", ks.Endpoint, ks.Path)
		case uri && (o.Connectivity != ks.Connectivity || !ks.checkable()):
			return nil, kmsapi.ErrXksProxyUriEndpointInUseException.New("The external key store proxy endpoint %s is already in use.", ks.Endpoint)
		case ks.VPCService != "" && o.VPCService == ks.VPCService:
			return nil, kmsapi.ErrXksProxyVpcEndpointServiceInUseException.New("The VPC endpoint service %s is already in use.", ks.VPCService)
		}
	}
	if self == "" && n >= s.quotas.KeyStores {
		return nil, kmsapi.ErrLimitExceededException.New("The quota of %d custom key stores is exceeded.", s.quotas.KeyStores)
	}
	return nil, nil
}

// DescribeCustomKeyStores lists stores, or one of them.
func (s *Service) DescribeCustomKeyStores(ctx context.Context, c *redoubt.Call, in *kmsapi.DescribeCustomKeyStoresInput) (*kmsapi.DescribeCustomKeyStoresOutput, error) {
	if in.CustomKeyStoreId != nil && in.CustomKeyStoreName != nil {
		return nil, redoubt.ErrValidation.New("You can specify either CustomKeyStoreId or CustomKeyStoreName, but not both.")
	}
	p, err := s.page(c, in.Limit, in.Marker, keyPages, value(in.CustomKeyStoreId), value(in.CustomKeyStoreName))
	if err != nil {
		return nil, err
	}
	out := &kmsapi.DescribeCustomKeyStoresOutput{CustomKeyStores: []kmsapi.CustomKeyStoresListEntry{}}
	for row, err := range keyStores.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{After: p.after}) {
		if err != nil {
			return nil, err
		}
		ks := row.Value
		if in.CustomKeyStoreId != nil && ks.ID != *in.CustomKeyStoreId || in.CustomKeyStoreName != nil && ks.Name != *in.CustomKeyStoreName {
			continue
		}
		if len(out.CustomKeyStores) == p.limit {
			p.more(out.CustomKeyStores[p.limit-1].CustomKeyStoreId)
			break
		}
		out.CustomKeyStores = append(out.CustomKeyStores, storeEntry(ks))
	}
	if len(out.CustomKeyStores) == 0 && in.Marker == nil && firstSet(in.CustomKeyStoreId, in.CustomKeyStoreName) != nil {
		return nil, noSuchStore(*firstSet(in.CustomKeyStoreId, in.CustomKeyStoreName))
	}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

func storeEntry(ks *KeyStore) kmsapi.CustomKeyStoresListEntry {
	e := kmsapi.CustomKeyStoresListEntry{
		CustomKeyStoreId: &ks.ID, CustomKeyStoreName: &ks.Name, CustomKeyStoreType: &ks.Type,
		ConnectionState: &ks.State, CreationDate: &ks.Created,
	}
	if ks.Failure != "" {
		e.ConnectionErrorCode = &ks.Failure
	}
	if ks.Type == kmsapi.CustomKeyStoreTypeAwsCloudhsm {
		e.CloudHsmClusterId, e.TrustAnchorCertificate = &ks.Cluster, &ks.TrustAnchor
		return e
	}
	x := &kmsapi.XksProxyConfigurationType{Connectivity: &ks.Connectivity, AccessKeyId: &ks.AccessKeyID, UriEndpoint: &ks.Endpoint, UriPath: &ks.Path}
	if ks.VPCService != "" {
		x.VpcEndpointServiceName = &ks.VPCService
	}
	if ks.VPCOwner != "" {
		x.VpcEndpointServiceOwner = &ks.VPCOwner
	}
	e.XksProxyConfiguration = x
	return e
}

func noSuchStore(name string) error {
	return kmsapi.ErrCustomKeyStoreNotFoundException.New("Custom key store %s does not exist.", name)
}

func badStoreState(ks *KeyStore) error {
	return kmsapi.ErrCustomKeyStoreInvalidStateException.New("Custom key store %s is in state %s, which is not valid for this operation.", ks.ID, ks.State)
}

// keyStore answers the caller's store of that id.
func (s *Service) keyStore(tx *store.Tx, c *redoubt.Call, id string) (*KeyStore, error) {
	ks, err := loadStore(tx, c.Account, c.Region, id)
	if err == nil && ks == nil {
		err = noSuchStore(id)
	}
	return ks, err
}

// loadStore answers the store, or nil when there is none.
func loadStore(tx *store.Tx, account, region, id string) (*KeyStore, error) {
	ks, err := keyStores.In(account, region).Get(tx, id)
	if isNotFound(err) {
		return nil, nil
	}
	return ks, err
}

// sealSecrets puts the secrets, sealed, into the record.
func (s *Service) sealSecrets(ks *KeyStore, sec storeSecrets) error {
	b, err := json.Marshal(&sec)
	if err != nil {
		return internal(err)
	}
	defer material.Material(b).Wipe()
	ks.Sealed, err = s.ring.Seal(storePurpose, []byte(ks.ID), b)
	return engine(err, nil, "")
}

func (s *Service) openSecrets(ks *KeyStore) (sec storeSecrets, err error) {
	b, err := s.ring.Open(storePurpose, []byte(ks.ID), ks.Sealed)
	if err != nil {
		return sec, engine(err, nil, "")
	}
	defer material.Material(b).Wipe()
	if err := json.Unmarshal(b, &sec); err != nil {
		return sec, internal(err)
	}
	return sec, nil
}

// backend answers the engine for a type of store.
func (s *Service) backend(typ string) (keystore.Backend, error) {
	b := s.backends[typ]
	if b == nil {
		return nil, redoubt.ErrNotImplemented.New("Custom key stores of type %s are not configured on this server.", typ)
	}
	return b, nil
}

func settings(account, region string, ks *KeyStore, sec storeSecrets) *keystore.Settings {
	return &keystore.Settings{
		ID: ks.ID, Account: account, Region: region,
		Cluster: ks.Cluster, TrustAnchor: ks.TrustAnchor, Password: sec.Password, NextPassword: sec.NextPassword,
		Endpoint: ks.Endpoint, Path: ks.Path, VPCService: ks.VPCService, AccessKeyID: ks.AccessKeyID, Secret: sec.Secret,
	}
}

// storeRequest tells an engine for whom it works.
func storeRequest(c *redoubt.Call, keyARN string) keystore.Request {
	return keystore.Request{Operation: c.Operation, RequestID: c.RequestID, Principal: c.Principal.ARN, ViaService: c.Via.Service, KeyARN: keyARN}
}
