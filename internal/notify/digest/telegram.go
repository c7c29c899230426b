package digest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
)

// telegramAPI begins the address of messages to Telegram.
const telegramAPI = "https://api.telegram.org/bot"

// maxAnswer bounds the bytes read of an answer.
const maxAnswer = 64 << 10

// telegramChat sends to one chat of an address for Telegram. The address is
// shoutrrr's, but the message is sent here, because shoutrrr reports success when it
// cannot reach Telegram.
type telegramChat struct {
	config *telegram.Config
	chat   string // with ":" and a topic, or without
}

// telegramRecipientsOf returns a recipient for each chat, so that none gets a message
// twice when another fails.
func telegramRecipientsOf(u *url.URL) ([]*recipient, error) {
	// As shoutrrr sets them out.
	config := &telegram.Config{Preview: true, Notification: true}
	if config.SetURL(u) != nil {
		return nil, wrong(telegram.Scheme)
	}
	bot, _, _ := strings.Cut(config.Token, ":") // without the token, so that retries survive a new one
	var all []*recipient
	for _, chat := range config.Chats {
		identity := telegram.Scheme + " " + bot + " " + chat
		all = append(all, newRecipient(identity, telegram.Scheme, telegram.Scheme, &telegramChat{config, chat}))
	}
	return all, nil
}

// send implements [sender].
func (c *telegramChat) send(ctx context.Context, p *payload) error {
	message := telegram.SendMessagePayload{
		Text: p.fit(p.Heading, limit(telegram.Scheme)), ID: c.chat,
		DisablePreview: !c.config.Preview, DisableNotification: !c.config.Notification,
	}
	if chat, topic, ok := strings.Cut(c.chat, ":"); ok {
		if thread, err := strconv.Atoi(topic); err == nil {
			message.ID, message.MessageThreadID = chat, &thread
		}
	}
	body, err := json.Marshal(message)
	if err != nil {
		return errElse
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, telegramAPI+c.config.Token+"/sendMessage", bytes.NewReader(body))
	if err != nil {
		return errElse
	}
	req.Header.Set("Content-Type", "application/json")
	// A redirect would send the token to another server, in Referer.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return reasonOf(err)
	}
	defer res.Body.Close()
	return telegramAnswer(res)
}

// telegramAnswer returns nil when Telegram accepted the message.
func telegramAnswer(res *http.Response) error {
	var answer struct {
		OK         bool `json:"ok"`
		Parameters struct {
			RetryAfter int `json:"retry_after"` // seconds
		} `json:"parameters"`
	}
	err := json.UnmarshalRead(io.LimitReader(res.Body, maxAnswer), &answer)
	switch {
	case res.StatusCode >= http.StatusBadRequest && answer.Parameters.RetryAfter > 0:
		return &outbox.RetryError{After: time.Duration(answer.Parameters.RetryAfter) * time.Second, Err: statusReason(res.StatusCode)}
	case res.StatusCode >= http.StatusBadRequest:
		return statusReason(res.StatusCode)
	case err != nil || !answer.OK:
		return fmt.Errorf("%w: its answer was not understood", errElse)
	}
	return nil
}
