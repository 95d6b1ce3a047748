package kms

import (
	"context"
	"crypto/rand"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/store"
)

// ConnectCustomKeyStore starts to connect a store; a background job ends that,
// one way or the other.
func (s *Service) ConnectCustomKeyStore(ctx context.Context, c *redoubt.Call, in *kmsapi.ConnectCustomKeyStoreInput) (*kmsapi.ConnectCustomKeyStoreOutput, error) {
	tx := store.From(ctx)
	ks, err := s.keyStore(tx, c, *in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	switch ks.State {
	case kmsapi.ConnectionStateTypeConnected, kmsapi.ConnectionStateTypeConnecting:
		return nil, nil
	case kmsapi.ConnectionStateTypeDisconnected:
	default:
		return nil, badStoreState(ks)
	}
	if _, err := s.backend(ks.Type); err != nil {
		return nil, err
	}
	_, err = keyStores.In(c.Account, c.Region).Edit(tx, ks.ID, func(ks *KeyStore) error {
		ks.State, ks.Failure = kmsapi.ConnectionStateTypeConnecting, ""
		if ks.Type != kmsapi.CustomKeyStoreTypeAwsCloudhsm || !s.passwords {
			return nil
		}
		// The new password must be on record before the token may have it.
		sec, err := s.openSecrets(ks)
		if err != nil {
			return err
		}
		if sec.NextPassword == "" {
			sec.NextPassword = rand.Text()
		}
		return s.sealSecrets(ks, sec)
	})
	if err != nil {
		return nil, err
	}
	return nil, s.schedule.At(tx, string(connecting), store.ID(c.Account, c.Region, ks.ID), s.clock.Now())
}

// connect is the job that connects a store. It may run more than once, as
// engines of stores allow.
func (s *Service) connect(ctx context.Context, id string) error {
	tx, p := store.From(ctx), store.Parts(id)
	ks, err := loadStore(tx, p[0], p[1], p[2])
	if err != nil || ks == nil || ks.State != kmsapi.ConnectionStateTypeConnecting {
		return err
	}
	sec, err := s.openSecrets(ks)
	if err != nil {
		return err
	}
	changed := false
	backend, failed := s.backend(ks.Type)
	if failed == nil {
		changed, failed = backend.Connect(ctx, settings(p[0], p[1], ks, sec), keystore.Request{Operation: "ConnectCustomKeyStore"})
	}
	_, err = keyStores.In(p[0], p[1]).Edit(tx, p[2], func(ks *KeyStore) error {
		ks.State = kmsapi.ConnectionStateTypeConnected
		if failed != nil {
			ks.State, ks.Failure = kmsapi.ConnectionStateTypeFailed, connectionError(failed)
		}
		if !changed {
			return nil
		}
		sec.Password, sec.NextPassword = sec.NextPassword, ""
		return s.sealSecrets(ks, sec)
	})
	return err
}

func connectionError(err error) string {
	var f *keystore.Failure
	if errors.As(err, &f) && f.Connection != "" {
		return f.Connection
	}
	return kmsapi.ConnectionErrorCodeTypeInternalError
}

// DisconnectCustomKeyStore makes the keys of a store unavailable at once.
func (s *Service) DisconnectCustomKeyStore(ctx context.Context, c *redoubt.Call, in *kmsapi.DisconnectCustomKeyStoreInput) (*kmsapi.DisconnectCustomKeyStoreOutput, error) {
	tx := store.From(ctx)
	ks, err := s.keyStore(tx, c, *in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	if ks.State == kmsapi.ConnectionStateTypeDisconnected || ks.State == kmsapi.ConnectionStateTypeDisconnecting {
		return nil, badStoreState(ks)
	}
	if b := s.backends[ks.Type]; b != nil {
		tx.AfterCommit(func() { b.Disconnect(ks.ID) })
	}
	_, err = keyStores.In(c.Account, c.Region).Edit(tx, ks.ID, func(ks *KeyStore) error {
		ks.State, ks.Failure = kmsapi.ConnectionStateTypeDisconnected, ""
		return nil
	})
	return nil, err
}

// DeleteCustomKeyStore deletes a disconnected store that holds no keys.
func (s *Service) DeleteCustomKeyStore(ctx context.Context, c *redoubt.Call, in *kmsapi.DeleteCustomKeyStoreInput) (*kmsapi.DeleteCustomKeyStoreOutput, error) {
	tx := store.From(ctx)
	ks, err := s.keyStore(tx, c, *in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	if ks.State != kmsapi.ConnectionStateTypeDisconnected {
		return nil, badStoreState(ks)
	}
	for _, err := range storeKeys.In(c.Account, c.Region).Scan(tx, store.Query{Prefix: store.ID(ks.ID) + "\x00"}) {
		if err != nil {
			return nil, err
		}
		return nil, kmsapi.ErrCustomKeyStoreHasCMKsException.New("Custom key store %s contains KMS keys.", ks.ID)
	}
	return nil, keyStores.In(c.Account, c.Region).Delete(tx, ks.ID)
}

// UpdateCustomKeyStore changes a store's settings. Most need it disconnected.
func (s *Service) UpdateCustomKeyStore(ctx context.Context, c *redoubt.Call, in *kmsapi.UpdateCustomKeyStoreInput) (*kmsapi.UpdateCustomKeyStoreOutput, error) {
	tx := store.From(ctx)
	was, err := s.keyStore(tx, c, *in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	if err := updatable(was, in); err != nil {
		return nil, err
	}
	before, err := s.openSecrets(was)
	if err != nil {
		return nil, err
	}
	_, err = keyStores.In(c.Account, c.Region).Edit(tx, was.ID, func(ks *KeyStore) error {
		sec := before
		merge(ks, &sec, in)
		if err := ks.checkConnectivity(); err != nil && ks.Type == kmsapi.CustomKeyStoreTypeExternalKeyStore {
			return err
		}
		if _, err := s.checkUnique(tx, c, ks, ks.ID); err != nil {
			return err
		}
		backend, err := s.backend(ks.Type)
		if err != nil {
			return err
		}
		onlyName := *in == kmsapi.UpdateCustomKeyStoreInput{CustomKeyStoreId: in.CustomKeyStoreId, NewCustomKeyStoreName: in.NewCustomKeyStoreName}
		if !onlyName && ks.checkable() {
			if err := backend.Check(ctx, settings(c.Account, c.Region, ks, sec), settings(c.Account, c.Region, was, before), storeRequest(c, "")); err != nil {
				return failure(err, atSetup)
			}
		}
		tx.AfterCommit(func() { backend.Disconnect(ks.ID) }) // what it holds is of the old settings
		return s.sealSecrets(ks, sec)
	})
	return nil, err
}

// merge puts what the request says into the store.
func merge(ks *KeyStore, sec *storeSecrets, in *kmsapi.UpdateCustomKeyStoreInput) {
	take := func(to *string, p *string) {
		if p != nil {
			*to = *p
		}
	}
	take(&ks.Name, in.NewCustomKeyStoreName)
	take(&ks.Cluster, in.CloudHsmClusterId)
	take(&ks.Endpoint, in.XksProxyUriEndpoint)
	take(&ks.Path, in.XksProxyUriPath)
	take(&ks.Connectivity, in.XksProxyConnectivity)
	if ks.Connectivity == kmsapi.XksProxyConnectivityTypePublicEndpoint {
		ks.VPCService, ks.VPCOwner = "", ""
	}
	take(&ks.VPCService, in.XksProxyVpcEndpointServiceName)
	take(&ks.VPCOwner, in.XksProxyVpcEndpointServiceOwner)
	if in.KeyStorePassword != nil {
		sec.Password, sec.NextPassword = *in.KeyStorePassword, ""
	}
	if cred := in.XksProxyAuthenticationCredential; cred != nil {
		ks.AccessKeyID, sec.Secret = value(cred.AccessKeyId), value(cred.RawSecretAccessKey)
	}
}

// updatable refuses changes that the store's type does not have, or that its
// connection does not allow now.
func updatable(ks *KeyStore, in *kmsapi.UpdateCustomKeyStoreInput) error {
	hsm := firstSet(in.KeyStorePassword, in.CloudHsmClusterId) != nil
	moves := firstSet(in.XksProxyUriEndpoint, in.XksProxyVpcEndpointServiceName, in.XksProxyVpcEndpointServiceOwner, in.XksProxyConnectivity) != nil
	live := in.XksProxyUriPath != nil || in.XksProxyAuthenticationCredential != nil // may change while connected
	ofHSM := ks.Type == kmsapi.CustomKeyStoreTypeAwsCloudhsm
	switch {
	case ofHSM && (moves || live), !ofHSM && hsm:
		return redoubt.ErrValidation.New("The request has parameters that are not valid for a custom key store of type %s.", ks.Type)
	case ks.State == kmsapi.ConnectionStateTypeDisconnected:
		return nil
	case hsm || moves, ks.State != kmsapi.ConnectionStateTypeConnected && live:
		return badStoreState(ks)
	}
	return nil
}
