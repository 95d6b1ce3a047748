package identity

import (
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// Owners are identity's sealed records, for a keyring that replaces its root key.
// Sessions are in no record: those issued under a root key end with it.
func Owners(k *keyring.Keyring) []keyring.Owner {
	return []keyring.Owner{
		keyring.Records(purposeAccessKey, accessKeys.Rows(), func(_ string, v *AccessKey) (changed bool, err error) {
			v.Sealed, changed, err = k.Renew(purposeAccessKey, []byte(v.ID), v.Sealed)
			return changed, err
		}),
		keyring.Records(purposeMFA, mfaDevices.All(), func(_ string, v *MFADevice) (changed bool, err error) {
			v.Sealed, changed, err = k.Renew(purposeMFA, []byte(v.Serial), v.Sealed)
			return changed, err
		}),
		keyring.Records(purposeServerCertificate, serverCertificates.All(), func(_ string, v *ServerCertificate) (changed bool, err error) {
			v.Sealed, changed, err = k.Renew(purposeServerCertificate, []byte(v.ID), v.Sealed)
			return changed, err
		}),
		keyring.Records(purposeCredential, credentials.table.All(), func(_ string, v *ServiceCredential) (changed bool, err error) {
			v.Sealed, changed, err = k.Renew(purposeCredential, []byte(v.ID), v.Sealed)
			return changed, err
		}),
		keyring.Records(purposeProviderKey, samlProviders.All(), func(id string, v *SAMLProvider) (bool, error) {
			account, _ := samlProviders.Split(id)
			some := false
			for n := range v.Keys {
				sealed, changed, err := k.Renew(purposeProviderKey, []byte(store.ID(account, v.Name, v.Keys[n].ID)), v.Keys[n].Sealed)
				if err != nil {
					return false, err
				}
				v.Keys[n].Sealed = sealed
				some = some || changed
			}
			return some, nil
		}),
		keyring.Records(purposeIssuer, issuers.Rows(), func(_ string, v *Issuer) (bool, error) {
			rsa, one, err := k.Renew(purposeIssuer, []byte(store.ID(v.ID, kidRSA)), v.SealedRSA)
			if err != nil {
				return false, err
			}
			ec, two, err := k.Renew(purposeIssuer, []byte(store.ID(v.ID, kidEC)), v.SealedEC)
			v.SealedRSA, v.SealedEC = rsa, ec
			return one || two, err
		}),
	}
}
