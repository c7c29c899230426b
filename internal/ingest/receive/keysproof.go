package receive

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	superdeskHeader = "X-Superdesk-Signature"
	// tolerance is how far the time of a signature may be from now, as Standard Webhooks
	// advises.
	tolerance = 5 * time.Minute
)

// proof is what a request offers, of one kind.
type proof struct {
	kind   Kind
	token  credential.Hash // of Bearer
	header http.Header     // of Standard Webhooks
	mac    []byte          // of Superdesk
	body   []byte          // as it came, which the two sign
}

// proofsOf returns the proofs in the header: a Bearer token, which needs no body, before
// signatures. Its error, an ErrUnauthorized, says why a signature is none, whatever the
// secret.
func proofsOf(h http.Header, now time.Time) (found []proof, err error) {
	for _, line := range h["Authorization"] {
		if scheme, token, _ := strings.Cut(line, " "); strings.EqualFold(scheme, "Bearer") {
			found = append(found[:0], proof{kind: Bearer, token: credential.HashOf(strings.TrimSpace(token))})
		}
	}
	if h.Get(standardwebhooks.HeaderWebhookSignature) != "" {
		if err = checkTimestamp(h, now); err == nil {
			found = append(found, proof{kind: StandardWebhooks, header: h})
		}
	}
	if text := h.Get(superdeskHeader); text != "" {
		digits, isSHA1 := strings.CutPrefix(text, "sha1=")
		mac, notHex := hex.DecodeString(digits)
		if !isSHA1 || notHex != nil || len(mac) != sha1.Size {
			return found, fmt.Errorf("%w: x-superdesk-signature is not sha1= and 40 hexadecimal digits", ErrUnauthorized)
		}
		found = append(found, proof{kind: Superdesk, mac: mac})
	}
	return found, err
}

// checkTimestamp refuses replays of old requests, before their bodies are read.
func checkTimestamp(h http.Header, now time.Time) error {
	switch at := signedAt(h); {
	case at.IsZero() || h.Get(standardwebhooks.HeaderWebhookID) == "":
		return fmt.Errorf("%w: webhook-signature needs webhook-id, and webhook-timestamp in seconds since 1970", ErrUnauthorized)
	case at.Before(now.Add(-tolerance)), at.After(now.Add(tolerance)):
		return fmt.Errorf("%w: webhook-timestamp is more than %s from the time here", ErrUnauthorized, tolerance)
	}
	return nil
}

// signedAt is the second in which a request was signed (Standard Webhooks); zero: none.
func signedAt(h http.Header) time.Time {
	seconds, err := strconv.ParseInt(h.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// isOf reports whether p was made with that secret. It takes as long wherever the two
// differ.
func (p *proof) isOf(s secret) bool {
	switch p.kind {
	case Bearer:
		return p.token.Equals(&s.id)
	case StandardWebhooks:
		verifier, err := standardwebhooks.NewWebhookRaw(s.signing)
		return err == nil && verifier.VerifyIgnoringTimestamp(p.body, p.header) == nil
	}
	mac := hmac.New(sha1.New, s.signing)
	mac.Write(p.body)
	return hmac.Equal(mac.Sum(nil), p.mac)
}

// isLocal reports whether a program of this machine sent the request, by an address of this
// machine. What a proxy or a page in a browser adds tells that it was not its own request.
func isLocal(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() || !isLoopback(r.Host) {
		return false
	}
	for name := range r.Header {
		switch name {
		case "Forwarded", "Via", "X-Real-Ip", "Origin":
			return false
		}
		if strings.HasPrefix(name, "X-Forwarded") {
			return false
		}
	}
	return true
}

// isLoopback reports whether a Host names this machine without a look-up.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}
