package server

import (
	"fmt"
	"os"

	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/pkcs11"
)

// tokenSeal is a seal by a key in a PKCS #11 token. The module is loaded when
// the token is first needed, and again until that succeeds: a token that is away
// at start leaves the server sealed, not stopped.
func tokenSeal(c *Config) (keyring.Seal, error) {
	label := c.SealLabel
	if label == "" {
		label = "redoubt-root"
	}
	module, token := c.SealModule, c.SealToken
	pin, err := pinSource(c.SealPIN, "REDOUBT_PIN")
	if err != nil {
		return nil, fmt.Errorf("seal-pkcs11-pin-file: %w", err)
	}
	var loaded *pkcs11.Module
	return keyring.NewTokenSeal(func() (*pkcs11.Token, error) {
		if loaded == nil {
			m, err := pkcs11.Load(module)
			if err != nil {
				return nil, err
			}
			loaded = m
		}
		return loaded.Open(token, pin)
	}, label), nil
}

// pinSource reads a PIN from a file that only its owner can read, or from an
// environment variable, each time it is needed.
func pinSource(file, variable string) (pkcs11.PIN, error) {
	if file == "" {
		return func() ([]byte, error) {
			pin := os.Getenv(variable)
			if pin == "" {
				return nil, fmt.Errorf("%s is not set", variable)
			}
			return []byte(pin), nil
		}, nil
	}
	if _, err := secretFile(file); err != nil {
		return nil, err
	}
	return func() ([]byte, error) {
		pin, err := secretFile(file)
		return []byte(pin), err
	}, nil
}
