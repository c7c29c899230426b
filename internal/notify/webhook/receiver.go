package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxAnswer is how many bytes of a response's body are read; only the status counts.
const maxAnswer = 16 << 10

// receiver is an address that gets signed events.
type receiver struct {
	outbox.Target
	url     string
	signers []*standardwebhooks.Webhook
	client  *outbound.Client
}

// newReceiver returns the receiver of that name in a channel. Its error has no secret.
func newReceiver(client *outbound.Client, channel, name, url string, secrets []string) (*receiver, error) {
	if gallery.Key(name) != name {
		return nil, errors.New("a name is 1 to 80 of A-Za-z0-9_-")
	}
	address, err := client.Check(url)
	if err != nil {
		return nil, err
	}
	if len(secrets) == 0 {
		return nil, errors.New("it has no secret to sign with: configure one")
	}
	r := &receiver{
		// By its name, so that notices that wait stay with it when the address changes.
		Target: outbox.Target{Key: name, Name: name, Endpoint: channel + "." + name, Host: strings.ToLower(address.Host)},
		url:    url, client: client,
	}
	for i, secret := range secrets {
		key, err := credential.ParseSigning(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d %w", i+1, err)
		}
		s, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		r.signers = append(r.signers, s)
	}
	return r, nil
}

// call makes one attempt to deliver the body. Each attempt signs its own time.
func (r *receiver) call(ctx context.Context, contentType, id string, body []byte) (status int, err error) {
	now := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	var signatures []string
	for _, s := range r.signers {
		signature, err := s.Sign(id, now, body)
		if err != nil {
			return 0, fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, signature)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	res, err := r.client.Do(req, maxAnswer)
	if err != nil {
		return 0, err
	}
	return res.Status, res.Err(now)
}
