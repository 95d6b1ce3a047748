package proof

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// work changes things until the server is gone. What a living server refuses, or
// answers wrongly, is a fault.
func (h *hoarder) work() {
	for {
		err := h.step()
		if err == nil {
			h.done.Add(1)
			continue
		}
		if answered(err) || !h.dying.Load() {
			h.fault = err
		}
		return
	}
}

func (h *hoarder) step() error {
	t := h.things[h.rand.IntN(len(h.things))]
	switch h.rand.IntN(14) {
	case 0:
		return h.remove(t)
	case 1:
		return h.removeMany()
	case 2:
		return h.removeVersion(t)
	case 3, 4:
		return h.upload(t, h.rand.IntN(3) > 0)
	case 5, 6:
		return h.copy(t, h.things[h.rand.IntN(len(h.things))])
	case 7:
		return h.finish()
	case 8, 9:
		return h.read(t)
	case 10:
		return h.heat(t.bucket)
	}
	return h.put(t)
}

// begun notes what is about to change; acknowledged, that it has.
func (t *thing) begun(c content) { t.next = &c }

func (t *thing) acknowledged(version *string) {
	t.now, t.next = *t.next, nil
	if version != nil && *version != "null" {
		t.versions[*version] = t.now
	}
}

func (h *hoarder) put(t *thing) error {
	c := drawn(h.rand)
	in := &s3.PutObjectInput{Bucket: &t.bucket, Key: &t.key, Body: bytes.NewReader(c.bytes()), Metadata: map[string]string{"content": c.String()}}
	if h.rand.IntN(3) == 0 {
		in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = "aws:kms", &h.kms, aws.Bool(true)
	}
	t.begun(c)
	out, err := h.api.PutObject(context.Background(), in)
	if err == nil {
		t.acknowledged(out.VersionId)
	}
	return err
}

// heat overwrites the key that all overwrite, and reads it.
func (h *hoarder) heat(bucket string) error {
	c := drawn(h.rand)
	h.shared.Store(bucket+c.String(), true)
	_, err := h.api.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(hot), Body: bytes.NewReader(c.bytes()), Metadata: map[string]string{"content": c.String()}})
	if err != nil {
		return err
	}
	got, err := held(h.api, bucket, hot, "")
	if err != nil {
		return err
	}
	if _, sent := h.shared.Load(bucket + got.String()); !sent {
		return fmt.Errorf("%w: %s holds %v, which nobody wrote", errMixed, hot, got)
	}
	return nil
}

func (h *hoarder) read(t *thing) error {
	c, err := held(h.api, t.bucket, t.key, "")
	if err == nil && c != t.now {
		err = fmt.Errorf("%s/%s holds %v instead of %v", t.bucket, t.key, c, t.now)
	}
	return err
}

func (h *hoarder) remove(t *thing) error {
	t.begun(content{gone: true})
	out, err := h.api.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &t.bucket, Key: &t.key})
	if err == nil {
		t.acknowledged(out.VersionId)
	}
	return err
}

// removeMany deletes all things of a bucket with one request.
func (h *hoarder) removeMany() error {
	bucket := hoards[h.rand.IntN(2)*2] // what was deleted has no version ids there, or null
	var list []types.ObjectIdentifier
	for _, t := range h.things {
		if t.bucket == bucket {
			t.begun(content{gone: true})
			list = append(list, types.ObjectIdentifier{Key: &t.key})
		}
	}
	if len(list) == 0 {
		return nil
	}
	out, err := h.api.DeleteObjects(context.Background(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: list}})
	if err != nil {
		return err
	}
	if len(out.Deleted) != len(list) {
		return fmt.Errorf("deleted %d of %d: %+v", len(out.Deleted), len(list), out.Errors)
	}
	for _, t := range h.things {
		if t.bucket == bucket {
			t.acknowledged(nil)
		}
	}
	return nil
}

// removeVersion deletes an old version for good.
func (h *hoarder) removeVersion(t *thing) error {
	for id, c := range t.versions {
		if c == t.now { // the newest stays: what comes to light below it is another test's
			continue
		}
		t.going = id
		_, err := h.api.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &t.bucket, Key: &t.key, VersionId: &id})
		if err != nil {
			return err
		}
		delete(t.versions, id)
		t.going = ""
		return nil
	}
	return nil
}

func (h *hoarder) copy(from, to *thing) error {
	if from.now.gone || from == to {
		return nil
	}
	to.begun(from.now)
	out, err := h.api.CopyObject(context.Background(), &s3.CopyObjectInput{Bucket: &to.bucket, Key: &to.key, CopySource: aws.String(from.bucket + "/" + from.key)})
	if err == nil {
		to.acknowledged(out.VersionId)
	}
	return err
}

// upload sends an object in parts. All but the last have 5 MiB: so one alone, or
// two of which one was copied from what is there.
func (h *hoarder) upload(t *thing, complete bool) error {
	c := drawn(h.rand)
	made, err := h.api.CreateMultipartUpload(context.Background(), &s3.CreateMultipartUploadInput{Bucket: &t.bucket, Key: &t.key, Metadata: map[string]string{"content": c.String()}})
	if err != nil {
		return err
	}
	p, err := h.api.UploadPart(context.Background(), &s3.UploadPartInput{Bucket: &t.bucket, Key: &t.key, UploadId: made.UploadId, PartNumber: aws.Int32(7), Body: bytes.NewReader(c.bytes())})
	if err != nil {
		return err
	}
	h.uploads = append(h.uploads, &unfinished{t, *made.UploadId, *p.ETag, c})
	if complete {
		return h.finish()
	}
	return nil
}

// finish completes the newest upload, or aborts it.
func (h *hoarder) finish() error {
	n := len(h.uploads) - 1
	if n < 0 {
		return nil
	}
	u := h.uploads[n]
	if h.rand.IntN(5) == 0 {
		h.uploads = h.uploads[:n] // whether it is there is nobody's promise from now on
		_, err := h.api.AbortMultipartUpload(context.Background(), &s3.AbortMultipartUploadInput{Bucket: &u.t.bucket, Key: &u.t.key, UploadId: &u.id})
		return err
	}
	u.t.begun(u.part)
	err := h.complete(u)
	if err == nil {
		h.uploads = h.uploads[:n]
	}
	return err
}

func (h *hoarder) complete(u *unfinished) error {
	out, err := h.api.CompleteMultipartUpload(context.Background(), &s3.CompleteMultipartUploadInput{Bucket: &u.t.bucket, Key: &u.t.key, UploadId: &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: &u.etag, PartNumber: aws.Int32(7)}}}})
	if err == nil {
		u.t.acknowledged(out.VersionId)
	}
	return err
}

// check compares everything with what was acknowledged, and takes what was under
// way for done where it is.
func (h *hoarder) check(test *testing.T) {
	for _, t := range h.things {
		c, err := held(h.api, t.bucket, t.key, "")
		switch {
		case err != nil:
			test.Errorf("%s/%s: %v", t.bucket, t.key, err)
			continue
		case c != t.now && (t.next == nil || c != *t.next):
			test.Errorf("%s/%s holds %v; %v was acknowledged, %v under way", t.bucket, t.key, c, t.now, t.next)
			continue
		}
		if t.bucket == "versioned" {
			if err := h.versions(t); err != nil {
				test.Errorf("%s/%s: %v", t.bucket, t.key, err)
			}
		}
		t.now, t.next, t.going = c, nil, ""
	}
	// Parts that were acknowledged become an object still.
	left := h.uploads
	h.uploads = nil
	for _, u := range left {
		u.t.begun(u.part)
		err := h.complete(u)
		switch {
		case is(err, "NoSuchUpload") && u == left[len(left)-1]: // it was being completed
			u.t.next = nil
		case err != nil:
			test.Errorf("%s/%s: a part was acknowledged: %v", u.t.bucket, u.t.key, err)
		default:
			if err := h.read(u.t); err != nil {
				test.Error(err)
			}
		}
	}
}

// versions compares a key's versions with those acknowledged; one more may have
// come, and one that was being deleted gone.
func (h *hoarder) versions(t *thing) error {
	missing := maps.Clone(t.versions)
	unknown := 0
	pages := s3.NewListObjectVersionsPaginator(h.api, &s3.ListObjectVersionsInput{Bucket: &t.bucket, Prefix: &t.key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return err
		}
		there := map[string]bool{} // by version, whether it is a marker
		for _, v := range page.Versions {
			there[*v.VersionId] = false
		}
		for _, v := range page.DeleteMarkers {
			there[*v.VersionId] = true
		}
		for _, id := range slices.Sorted(maps.Keys(there)) {
			want, known := t.versions[id]
			c := content{gone: true}
			if !there[id] {
				if c, err = held(h.api, t.bucket, t.key, id); err != nil {
					return fmt.Errorf("version %s: %w", id, err)
				}
			}
			switch {
			case !known && t.next != nil && c == *t.next:
				unknown++
				t.versions[id] = c
			case c != want || !known:
				return fmt.Errorf("version %s holds %v instead of %v", id, c, want)
			}
			delete(missing, id)
		}
	}
	if _, may := missing[t.going]; may {
		delete(missing, t.going)
		delete(t.versions, t.going)
	}
	if len(missing) > 0 || unknown > 1 {
		return fmt.Errorf("missing %v, %d unknown", missing, unknown)
	}
	return nil
}
