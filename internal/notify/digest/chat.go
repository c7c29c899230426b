package digest

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// chat is any service of shoutrrr's.
type chat struct {
	scheme, address string
	slots           chan struct{} // taken by deliveries that go on
}

// maxHanging is how many deliveries to a chat may go on after their time; while
// there are so many, no other is begun.
const maxHanging = 4

func newChat(scheme, address string) *chat {
	return &chat{scheme: scheme, address: address, slots: make(chan struct{}, maxHanging)}
}

// carry implements [carrier]. It sends one message, which comes whole or not at
// all. A delivery that goes on when ctx ends may still succeed.
func (c *chat) carry(ctx context.Context, l *letter) error {
	heading, params := l.paper.Heading, types.Params{}
	if c.titled() {
		params.SetTitle(heading)
		heading = ""
	}
	text := harmless().Replace(l.paper.fit(heading, limit(c.scheme)))
	select {
	case c.slots <- struct{}{}:
	default:
		return errHanging
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-c.slots }()
		done <- c.call(text, params)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return reasonOf(ctx.Err())
	}
}

// call is a delivery by shoutrrr, which may take as long as it likes. It logs
// nothing.
func (c *chat) call(text string, params types.Params) (err error) {
	defer func() {
		if recover() != nil {
			err = errElse
		}
	}()
	// Anew each time: some services keep what one delivery set.
	service, err := new(router.ServiceRouter).Locate(c.address)
	if err != nil {
		return reasonOf(err)
	}
	if err := service.Send(text, &params); err != nil {
		return reasonOf(err)
	}
	return nil
}

// titled reports whether the service shows a title of its own above a message,
// and the address has none.
func (c *chat) titled() bool {
	u, err := url.Parse(c.address)
	return err == nil && u.Query().Get("title") == "" &&
		slices.Contains([]string{"bark", "gotify", "join", "ntfy", "pushbullet", "pushover"}, c.scheme)
}

// limit is how many bytes of text the service takes in one message, with some
// left over.
func limit(scheme string) int {
	switch scheme {
	case "pagerduty", "pushover":
		return 1000
	case "bark", "discord", "signal", "wecom":
		return 1900
	case "generic", "zulip", "teams":
		return 9500
	}
	return 3800 // Telegram and Google Chat take 4096
}

// harmless keeps titles from calling people: Discord and Slack read these
// anywhere. The space between has no width.
func harmless() *strings.Replacer {
	return strings.NewReplacer("@everyone", "@\u200beveryone", "@here", "@\u200bhere", "<!", "<\u200b!", "<@", "<\u200b@")
}
