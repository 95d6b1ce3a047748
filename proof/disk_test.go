package proof

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/pebble"
)

// secrets are byte strings that must lie nowhere in the clear, by what they are.
type secrets map[string][]byte

// apart are files whose purpose is to hold a secret; their modes are another
// test's matter. Nothing of what they hold may lie elsewhere.
var apart = []string{"credentials", "control-token", "seal.key"}

// session uses the server as people do, and answers every secret that it dealt
// with. check is called between the steps.
func (p *process) session(t *testing.T, check func()) secrets {
	t.Helper()
	s := secrets{"administrator's secret key": []byte(p.admin.secret)}
	kms := func(op string, in object) tree { return p.must(t, &kmsapi.Model, op, in, p.admin) }
	iam := func(op string, in object) tree { return p.must(t, &iamapi.Model, op, in, p.admin) }
	blob := func(text string) []byte {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) == 0 {
			t.Fatalf("%q: %v", text, err)
		}
		return b
	}

	// People: access keys, passwords, second factors, certificates, sessions.
	iam("CreateUser", object{"UserName": "ann"})
	k := iam("CreateAccessKey", object{"UserName": "ann"})
	s["user's secret key"] = []byte(k.at("AccessKey.SecretAccessKey"))
	s["password"] = []byte("Tr0ub4dor&3-battery")
	iam("CreateLoginProfile", object{"UserName": "ann", "Password": string(s["password"])})
	s["new password"] = []byte("Staple!C0rrect-horse")
	iam("UpdateLoginProfile", object{"UserName": "ann", "Password": string(s["new password"])})
	seed := string(blob(iam("CreateVirtualMFADevice", object{"VirtualMFADeviceName": "ann"}).at("VirtualMFADevice.Base32StringSeed")))
	s["MFA seed, base32"] = []byte(seed)
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(seed, "=")); err != nil {
		t.Fatal(err)
	} else {
		s["MFA seed"] = raw
	}
	c := iam("CreateServiceSpecificCredential", object{"UserName": "ann", "ServiceName": "codecommit.amazonaws.com"})
	s["service password"] = []byte(c.at("ServiceSpecificCredential.ServicePassword"))
	cert, key := selfSigned(t)
	iam("UploadServerCertificate", object{"ServerCertificateName": "www", "CertificateBody": cert, "PrivateKey": key})
	s["server's private key, PEM"] = []byte(strings.Split(key, "\n")[1])
	der, _ := pem.Decode([]byte(key))
	s["server's private key"] = der.Bytes
	check()
	role := iam("CreateRole", object{"RoleName": "app", "AssumeRolePolicyDocument": trustAll}).at("Role.Arn")
	a := p.must(t, &stsapi.Model, "AssumeRole", object{"RoleArn": role, "RoleSessionName": "proof"}, p.admin)
	s["session's secret key"] = []byte(a.at("Credentials.SecretAccessKey"))
	s["session token"] = []byte(a.at("Credentials.SessionToken"))
	check()

	// Keys: imported, data keys, key pairs, what was encrypted.
	id := kms("CreateKey", object{"Origin": "EXTERNAL"}).at("KeyMetadata.KeyId")
	imported := make([]byte, 32)
	rand.Read(imported)
	s["imported key"] = imported
	par := kms("GetParametersForImport", object{"KeyId": id, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})
	s["import token"] = blob(par.at("ImportToken"))
	pub, err := x509.ParsePKIXPublicKey(blob(par.at("PublicKey")))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), imported, nil)
	if err != nil {
		t.Fatal(err)
	}
	kms("ImportKeyMaterial", object{"KeyId": id, "ImportToken": s["import token"], "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"})
	check()
	s["plaintext"] = []byte("attack at dawn, by the northern gate")
	for range 50 {
		box := kms("Encrypt", object{"KeyId": id, "Plaintext": s["plaintext"]}).at("CiphertextBlob")
		kms("Decrypt", object{"CiphertextBlob": blob(box)})
	}
	s["data key"] = blob(kms("GenerateDataKey", object{"KeyId": id, "KeySpec": "AES_256"}).at("Plaintext"))
	s["random bytes"] = blob(kms("GenerateRandom", object{"NumberOfBytes": int64(64)}).at("Plaintext"))
	for _, spec := range []string{"ECC_NIST_P256", "RSA_2048"} {
		pkcs8 := blob(kms("GenerateDataKeyPair", object{"KeyId": id, "KeyPairSpec": spec}).at("PrivateKeyPlaintext"))
		s["key pair "+spec] = pkcs8
		s["inside of key pair "+spec] = pkcs8[len(pkcs8)/2 : len(pkcs8)/2+32]
	}
	s["grant token"] = []byte(kms("CreateGrant", object{"KeyId": id, "GranteePrincipal": someARN, "Operations": []any{"Decrypt"}}).at("GrantToken"))
	kms("CreateAlias", object{"AliasName": "alias/" + marked, "TargetKeyId": id})
	check()

	// Parameters: in every type and tier, old versions too.
	ssm := func(in object) { p.must(t, &ssmapi.Model, "PutParameter", in, p.admin) }
	for _, kind := range []string{"String", "SecureString"} {
		for _, tier := range []string{"Standard", "Advanced"} {
			for _, turn := range []string{"old", "new"} {
				what := turn + " value, " + kind + ", " + tier
				s[what] = []byte("the " + what + " of a parameter")
				ssm(object{"Name": "/proof/" + kind + tier, "Value": string(s[what]), "Type": kind, "Tier": tier, "Overwrite": true})
			}
		}
	}
	check()
	for what, v := range s {
		if len(v) < 10 {
			t.Fatalf("%s is %q", what, v)
		}
	}
	return s
}

// marked is a name, which lies in the store in the clear: the search must find it.
const marked = "planted-where-the-search-must-find-it"

// hits answers what of the secrets occurs in data, in any spelling.
func (s secrets) hits(data []byte) (found []string) {
	for what, v := range s {
		for _, f := range spellings(v) {
			if bytes.Contains(data, f) {
				found = append(found, what)
				break
			}
		}
	}
	return found
}

// TestNoPlaintextOnDisk: after a session of real use, nothing secret lies in the
// data directory, neither in its files, which hold every version of every record
// as long as the log has not been rotated, nor in the records once unpacked.
func TestNoPlaintextOnDisk(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	over := "127.0.0.1:" + freePort(t)
	p := launch(t, data, "--listen-tls", over, "--egress-allow", "127.0.0.1")
	blobs := map[string]bool{} // which never change
	var snapshots [][]byte     // of all files; the secrets are known only afterwards
	snap := func() {
		t.Helper()
		filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // files of the engine come and go
			}
			if d.IsDir() {
				if p.cmd.ProcessState == nil && path == filepath.Join(data, "functions", "code") {
					return filepath.SkipDir // what runs has to lie there unpacked
				}
				return nil
			}
			for _, f := range apart {
				if d.Name() == f {
					return nil
				}
			}
			if blobs[path] {
				return nil
			}
			blobs[path] = len(d.Name()) == 32
			if b, err := os.ReadFile(path); err == nil {
				snapshots = append(snapshots, b)
			}
			return nil
		})
	}
	s := p.session(t, snap)
	p.functionsAndSecrets(t, s, snap)
	p.keep(t, s, over, snap)
	for _, f := range apart[1:] {
		b, err := os.ReadFile(filepath.Join(data, f))
		if err != nil {
			t.Fatal(err)
		}
		s["content of "+f] = bytes.TrimSpace(b)
		if raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(b))); err == nil {
			s["content of "+f+", decoded"] = raw
		}
		if raw, err := hex.DecodeString(string(bytes.TrimSpace(b))); err == nil {
			s["content of "+f+", from hex"] = raw
		}
	}
	snap()
	p.stop(t)
	snap()

	control := secrets{"name": []byte(marked)}
	size, seen := 0, 0
	for _, b := range snapshots {
		size += len(b)
		seen += len(control.hits(b))
		for _, what := range s.hits(b) {
			t.Errorf("%s lies in a file in the clear", what)
		}
	}
	if seen == 0 {
		t.Error("the search of the files does not find a name that lies there in the clear")
	}
	t.Logf("searched %d files, %d MB, for %d secrets", len(snapshots), size>>20, len(s))
	for _, v := range s {
		for i, f := range spellings(v) {
			if len(s.hits(append(append([]byte("before "), f...), " after"...))) == 0 {
				t.Errorf("the search does not know spelling %d", i)
			}
		}
	}

	// The records themselves, which lie compressed.
	b, err := pebble.Open(filepath.Join(data, "store"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(b, 0)
	defer db.Close()
	records, seen := 0, 0
	err = db.Run(context.Background(), func(ctx context.Context) error {
		for kv, err := range store.From(ctx).Scan(store.Range{}, false) {
			if err != nil {
				return err
			}
			records++
			row := append([]byte(kv.Key+"\x00"), kv.Value...)
			seen += len(control.hits(row))
			for _, what := range s.hits(row) {
				t.Errorf("%s lies in a record in the clear: %q", what, kv.Key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 || records < 30 {
		t.Errorf("the search of %d records finds the planted name %d times", records, seen)
	}
	for _, what := range s.hits([]byte(p.log.String())) {
		t.Errorf("%s lies in the log", what)
	}
	p.quiet(t)
}
