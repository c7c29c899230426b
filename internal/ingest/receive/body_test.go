package receive_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/receive"
)

// unproven is a request of nobody, whose body must be read before that is known.
func unproven(from string, body io.Reader) *http.Request {
	r := post("/events", "", "Authorization: ", "Content-Type: application/cloudevents-batch+json", "X-Superdesk-Signature: sha1="+strings.Repeat("0", 40))
	r.RemoteAddr, r.Body, r.ContentLength = from, io.NopCloser(body), -1
	return r
}

// stalled is a body of which one byte comes, and nothing more until its end.
type stalled struct {
	begun bool
	end   <-chan struct{}
}

func (s *stalled) Read(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		return copy(p, "["), nil
	}
	<-s.end
	return 0, io.ErrUnexpectedEOF
}

// Bodies that do not come keep no other sender out, whether theirs has proved itself or not.
func TestSlowBodiesKeepNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, receive.Key{Name: "slow", Kind: receive.Bearer, Secret: "slow-" + secret}, receive.Key{Name: "wp", Kind: receive.Bearer, Secret: secret},
			receive.Key{Name: "desk", Kind: receive.Superdesk, Secret: "desk-" + secret})
		end := make(chan struct{})
		var slow sync.WaitGroup
		for i := range 100 {
			slow.Go(func() { w.ask(t, unproven(fmt.Sprintf("192.0.2.%d:1", i), &stalled{end: end})) })
			r := post("/events", "", "Authorization: Bearer slow-"+secret, batch)
			r.Body, r.ContentLength = io.NopCloser(&stalled{end: end}), -1
			slow.Go(func() { w.ask(t, r) })
		}
		synctest.Wait()
		began := time.Now()
		for name, r := range map[string]*http.Request{"bearer": post("/events", bare), "signed": signedBySuperdesk(bare)} {
			if got := w.ask(t, r); got.status != http.StatusAccepted || time.Since(began) > 0 {
				t.Errorf("%s: %+v after %s", name, got, time.Since(began))
			}
		}
		close(end)
		slow.Wait()
	})
}

// signedBySuperdesk is a request with the body, signed by the key of that desk.
func signedBySuperdesk(body string, headers ...string) *http.Request {
	mac := hmac.New(sha1.New, []byte("desk-"+secret))
	_, _ = io.WriteString(mac, body)
	return post("/events", body, append([]string{"Authorization: ", fmt.Sprintf("X-Superdesk-Signature: sha1=%x", mac.Sum(nil))}, headers...)...)
}

// Many bodies of one sender wait for each other.
func TestManyBodiesOfOneSenderAreTakenOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	large := bare[:len(bare)-1] + strings.Repeat(" ", maxEvent-len(bare)) + "}"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, large)
	_ = z.Close()
	var all sync.WaitGroup
	for range 400 {
		all.Go(func() {
			r := post("/events", zipped.String(), "Content-Encoding: gzip")
			r.ContentLength = -1
			if got := w.ask(t, r); got.status != http.StatusAccepted {
				t.Errorf("%+v", got)
			}
		})
	}
	all.Wait()
}

// What a signature does not cover changes nothing.
func TestASignatureIsGoodForWhatItCovers(t *testing.T) {
	w := newWorld(t, receive.Key{Name: "desk", Kind: receive.Superdesk, Secret: "desk-" + secret})
	withdrawn := signedBySuperdesk(bare)
	withdrawn.URL.Path = receive.UnpublishedPath
	pushed := signedBySuperdesk(fmt.Sprintf(item, "usable"))
	pushed.URL.Path = receive.UnpublishedPath
	for name, r := range map[string]*http.Request{
		"another address": withdrawn, "another address for an item": pushed,
		"another type": signedBySuperdesk(bare, ce("article.unpublished")...),
	} {
		if got := w.ask(t, r); got.status != http.StatusBadRequest || !strings.Contains(got.Detail, "signature") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	takeDown := signedBySuperdesk(`{"id":"wp-1"}`)
	takeDown.URL.Path = receive.UnpublishedPath
	for name, r := range map[string]*http.Request{
		"a take-down": takeDown, "a kill": signedBySuperdesk(fmt.Sprintf(item, "canceled")), "a CloudEvent": signedBySuperdesk(takenDown, cloudEvent),
	} {
		if got := w.ask(t, r); got.status != http.StatusAccepted {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
