package cloudtrail

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

const (
	digestTime      = "2006-01-02T15:04:05Z"
	digestAlgorithm = "SHA256withRSA"
)

// digestFile is a digest, its fields in the order of AWS's. Source: CloudTrail User
// Guide, "CloudTrail digest file structure".
type digestFile struct {
	Account           string       `json:"awsAccountId"`
	Start             string       `json:"digestStartTime"`
	End               string       `json:"digestEndTime"`
	Bucket            string       `json:"digestS3Bucket"`
	Object            string       `json:"digestS3Object"`
	Fingerprint       string       `json:"digestPublicKeyFingerprint"`
	Algorithm         string       `json:"digestSignatureAlgorithm"`
	Newest            *string      `json:"newestEventTime"`
	Oldest            *string      `json:"oldestEventTime"`
	PreviousBucket    *string      `json:"previousDigestS3Bucket"`
	PreviousObject    *string      `json:"previousDigestS3Object"`
	PreviousHash      *string      `json:"previousDigestHashValue"`
	PreviousHashed    *string      `json:"previousDigestHashAlgorithm"`
	PreviousSignature *string      `json:"previousDigestSignature"`
	Files             []digestItem `json:"logFiles"`
}

type digestItem struct {
	Bucket string `json:"s3Bucket"`
	Object string `json:"s3Object"`
	Hash   string `json:"hashValue"`
	Hashed string `json:"hashAlgorithm"`
	Newest string `json:"newestEventTime"`
	Oldest string `json:"oldestEventTime"`
}

// digest delivers the digests that are due. A chain whose digest cannot be
// delivered keeps its files for the next.
func (s *Service) digest(ctx context.Context, t *Trail, d *Delivery, regions []string, end time.Time) {
	d.DigestError = ""
	for _, region := range regions {
		c := d.chain(region)
		if c.End.IsZero() {
			c.End = maxTime(t.Started.Truncate(time.Second), end.Add(-digestEvery))
		}
		if end.Sub(c.End) < digestEvery && len(c.Files) < mostFiles {
			continue
		}
		if err := s.putDigest(ctx, t, region, c, end); err != nil {
			d.DigestError = deliveryError(err)
			return
		}
		d.Digested = s.clock.Now()
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Service) putDigest(ctx context.Context, t *Trail, region string, c *Chain, end time.Time) error {
	key, err := s.signingKey(ctx, t.Account, region)
	if err != nil {
		return err
	}
	f := digestFile{
		Account: t.Account, Start: c.End.UTC().Format(digestTime), End: end.UTC().Format(digestTime), Bucket: t.Bucket,
		Object: t.folder("CloudTrail-Digest", region, end) + fmt.Sprintf("%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz",
			t.Account, region, t.Name, t.Home, end.UTC().Format("20060102T150405Z")),
		Fingerprint: key.fingerprint, Algorithm: digestAlgorithm, Files: []digestItem{},
	}
	previous := "null"
	if l := c.Last; l.Object != "" {
		f.PreviousBucket, f.PreviousObject, f.PreviousHash, f.PreviousHashed, f.PreviousSignature = &l.Bucket, &l.Object, &l.Hash, new("SHA-256"), &l.Signature
		previous = l.Signature
	}
	var newest, oldest time.Time
	for _, x := range c.Files {
		f.Files = append(f.Files, digestItem{
			Bucket: x.Bucket, Object: x.Object, Hash: x.Hash, Hashed: "SHA-256",
			Newest: x.Newest.UTC().Format(digestTime), Oldest: x.Oldest.UTC().Format(digestTime),
		})
		newest = maxTime(newest, x.Newest)
		if oldest.IsZero() || x.Oldest.Before(oldest) {
			oldest = x.Oldest
		}
	}
	if len(c.Files) > 0 {
		f.Newest, f.Oldest = new(newest.UTC().Format(digestTime)), new(oldest.UTC().Format(digestTime))
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(f.End + "\n" + f.Bucket + "/" + f.Object + "\n" + hash(text) + "\n" + previous))
	signed, err := rsa.SignPKCS1v15(rand.Reader, key.private, crypto.SHA256, sum[:])
	if err != nil {
		return err
	}
	signature := hex.EncodeToString(signed)
	if err := s.put(ctx, t, f.Object, text, map[string]string{"signature": signature, "signature-algorithm": digestAlgorithm}); err != nil {
		return err
	}
	c.Files, c.End = nil, end
	c.Last = Digest{Bucket: f.Bucket, Object: f.Object, Hash: hash(text), Signature: signature}
	return nil
}
