package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// bucket is a server with one bucket, as far as this backend speaks to it. It
// can be made to lose answers, before and after they have had their effect.
type bucket struct {
	*httptest.Server
	faults bool
	inRow  atomic.Int32 // faults since the last whole answer

	mu      sync.Mutex
	objects map[string]object
	uploads map[string]*multipart
	next    int
}

type object struct {
	data  []byte
	token string
	at    time.Time
}

type multipart struct {
	key, token string
	parts      map[int][]byte
	at         time.Time
}

func serve(t testing.TB) *bucket {
	b := &bucket{objects: map[string]object{}, uploads: map[string]*multipart{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Server.Close)
	return b
}

// chance is one in n, but never more than three times in a row: clients give up after
// six.
func (b *bucket) chance(n int) bool {
	if !b.faults || rand.IntN(n) != 0 || b.inRow.Load() >= 3 {
		return false
	}
	b.inRow.Add(1)
	return true
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

// ServeHTTP implements http.Handler.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client died
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE") || len(r.Header.Get("X-Amz-Content-Sha256")) != 64 {
		refuse(w, 403, "AccessDenied")
		return
	}
	if b.chance(20) {
		refuse(w, 503, "SlowDown")
		return
	}
	out := httptest.NewRecorder()
	b.mu.Lock()
	b.answer(out, r, body)
	b.mu.Unlock()
	if b.chance(20) {
		panic(http.ErrAbortHandler) // the answer is lost
	}
	for k, v := range out.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(out.Body.Len()))
	if n := out.Header().Get("Object-Size"); n != "" {
		w.Header().Set("Content-Length", n)
	}
	w.WriteHeader(out.Code)
	data := out.Body.Bytes()
	if r.Method == http.MethodGet && len(data) > 1000 && b.chance(3) {
		w.Write(data[:rand.IntN(len(data))])
		panic(http.ErrAbortHandler) // cut off on the way
	}
	w.Write(data)
	b.inRow.Store(0)
}

func (b *bucket) answer(w *httptest.ResponseRecorder, r *http.Request, body []byte) {
	path, q := strings.TrimPrefix(r.URL.Path, "/"), r.URL.Query()
	name, key, _ := strings.Cut(path, "/")
	if name != "blobs" {
		refuse(w, 404, "NoSuchBucket")
		return
	}
	exists := func() bool { _, ok := b.objects[key]; return ok }
	up := b.uploads[q.Get("uploadId")]
	switch {
	case key == "" && q.Get("list-type") == "2":
		b.list(w, q.Get("prefix"), max(q.Get("start-after"), q.Get("continuation-token")))
	case key == "" && q.Has("uploads"):
		type upload struct {
			Key, UploadId string
			Initiated     time.Time
		}
		var list struct {
			XMLName xml.Name `xml:"ListMultipartUploadsResult"`
			Upload  []upload
		}
		for id, u := range b.uploads {
			if strings.HasPrefix(u.key, q.Get("prefix")) {
				list.Upload = append(list.Upload, upload{u.key, id, u.at})
			}
		}
		xml.NewEncoder(w).Encode(list)
	case r.Method == http.MethodPost && q.Has("uploads"):
		b.next++
		id := fmt.Sprint("upload-", b.next)
		b.uploads[id] = &multipart{key, r.Header.Get(tokenHeader), map[int][]byte{}, time.Now()}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case q.Has("uploadId") && up == nil:
		refuse(w, 404, "NoSuchUpload")
	case r.Method == http.MethodPut && up != nil:
		n, _ := strconv.Atoi(q.Get("partNumber"))
		up.parts[n] = body
		sum := md5.Sum(body)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	case r.Method == http.MethodPost && up != nil:
		var in struct{ Part []part }
		if xml.Unmarshal(body, &in) != nil || len(in.Part) != len(up.parts) {
			refuse(w, 400, "InvalidPart")
			return
		}
		if r.Header.Get("If-None-Match") == "*" && exists() {
			refuse(w, 412, "PreconditionFailed")
			return
		}
		var data []byte
		for _, p := range in.Part {
			data = append(data, up.parts[p.PartNumber]...)
		}
		b.objects[key] = object{data, up.token, time.Now()}
		delete(b.uploads, q.Get("uploadId"))
		fmt.Fprint(w, "<CompleteMultipartUploadResult/>")
	case r.Method == http.MethodDelete && up != nil:
		delete(b.uploads, q.Get("uploadId"))
		w.WriteHeader(204)
	case r.Method == http.MethodPut:
		if r.Header.Get("If-None-Match") == "*" && exists() {
			refuse(w, 412, "PreconditionFailed")
			return
		}
		b.objects[key] = object{body, r.Header.Get(tokenHeader), time.Now()}
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(204)
	case !exists():
		refuse(w, 404, "NoSuchKey")
	default:
		b.get(w, r, b.objects[key])
	}
}

func (b *bucket) get(w *httptest.ResponseRecorder, r *http.Request, o object) {
	w.Header().Set(tokenHeader, o.token)
	w.Header().Set("Last-Modified", o.at.UTC().Format(http.TimeFormat))
	if r.Method == http.MethodHead {
		w.Header().Set("Object-Size", strconv.Itoa(len(o.data)))
		return
	}
	from, to, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	start, _ := strconv.Atoi(from)
	end, err := strconv.Atoi(to)
	if err != nil || end >= len(o.data) {
		end = len(o.data) - 1
	}
	if start >= len(o.data) {
		refuse(w, 416, "InvalidRange")
		return
	}
	w.WriteHeader(206)
	w.Write(o.data[start : end+1])
}

func (b *bucket) list(w io.Writer, prefix, after string) {
	type item struct {
		Key          string
		Size         int
		LastModified time.Time
	}
	var list struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []item
	}
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if len(list.Contents) == 7 {
			list.IsTruncated, list.NextContinuationToken = true, list.Contents[6].Key
			break
		}
		list.Contents = append(list.Contents, item{k, len(b.objects[k].data), b.objects[k].at})
	}
	xml.NewEncoder(w).Encode(list)
}
