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

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
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

// Whoever sends a signed take-down again takes down nothing that was published since.
func TestATakeDownCountsAsOfItsSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, receive.Key{Name: "hook", Kind: receive.StandardWebhooks, Secret: secretOf(receive.StandardWebhooks, "hook")})
		signer, err := standardwebhooks.NewWebhook(secretOf(receive.StandardWebhooks, "hook"))
		if err != nil {
			t.Fatal(err)
		}
		// rank is that of a take-down that was signed at an instant and comes now.
		rank := func(signed time.Time, body string) gallery.Rank {
			t.Helper()
			signature, err := signer.Sign("msg_1", signed, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			r := post("/events/article.unpublished", body, "Authorization: ", "Webhook-Id: msg_1", fmt.Sprintf("Webhook-Timestamp: %d", signed.Unix()), "Webhook-Signature: "+signature)
			if got := w.ask(t, r); got.status != http.StatusAccepted {
				t.Fatalf("%+v", got)
			}
			all := w.stream.published()
			m := all[len(all)-1]
			e, err := (event.Reader{MaxBytes: maxEvent, SiteID: "news.example.com"}).Decode(event.Message{Subject: m.Subject, Header: m.Header, Data: m.Data, Stored: time.Now()})
			if err != nil || e.Kind != event.Unpublished {
				t.Fatalf("%+v: %v", e, err)
			}
			return e.Rank
		}
		time.Sleep(500 * time.Millisecond)
		signed := time.Now()
		first := rank(signed, `{"id":"wp-1"}`)
		if first.Updated.Before(signed) || first.Updated.After(time.Now()) {
			t.Errorf("signed at %s, and dated %s", signed, first.Updated)
		}
		time.Sleep(4 * time.Minute)
		if again := rank(signed, `{"id":"wp-1"}`); again.Updated.After(signed.Add(time.Second)) {
			t.Errorf("signed at %s, and dated %s when it came again", signed, again.Updated)
		}
		if ahead := rank(time.Now().Add(4*time.Minute), `{"id":"wp-1"}`); ahead.Updated.After(time.Now()) {
			t.Errorf("now is %s, and it is dated %s", time.Now(), ahead.Updated)
		}
		if dated := rank(time.Now(), `{"id":"wp-1","updated":"1999-01-01T00:00:00Z"}`); dated.Updated.Year() != 1999 {
			t.Errorf("with a date of its own it is dated %s", dated.Updated)
		}
	})
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
