package digest

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// chat sends to any other service of shoutrrr.
type chat struct {
	scheme, address string
	slots           chan struct{} // full slots are deliveries in flight
}

// maxHanging bounds the deliveries to a chat that go on after their timeout; with
// so many, no other begins.
const maxHanging = 4

// send implements [sender]. It sends one message. A delivery that goes on when ctx
// ends may still succeed.
func (c *chat) send(ctx context.Context, p *payload) error {
	heading, params := p.Heading, types.Params{}
	// Some services show a title above the message, unless the address has one.
	titled := []string{"bark", "gotify", "join", "ntfy", "pushbullet", "pushover"}
	if u, err := url.Parse(c.address); err == nil && u.Query().Get("title") == "" && slices.Contains(titled, c.scheme) {
		params.SetTitle(heading)
		heading = ""
	}
	// Discord and Slack read these anywhere, and call people; the space has no width.
	harmless := strings.NewReplacer("@everyone", "@\u200beveryone", "@here", "@\u200bhere", "<!", "<\u200b!", "<@", "<\u200b@")
	text := harmless.Replace(p.fit(heading, limit(c.scheme)))
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

// call delivers by shoutrrr, which has no timeout. It logs nothing.
func (c *chat) call(text string, params types.Params) (err error) {
	defer func() {
		if recover() != nil {
			err = errElse
		}
	}()
	// A new one each time, because some services keep what a delivery set.
	service, err := new(router.ServiceRouter).Locate(c.address)
	if err != nil {
		return reasonOf(err)
	}
	if err := service.Send(text, &params); err != nil {
		return reasonOf(err)
	}
	return nil
}

// limit returns how many bytes of text the service accepts in one message, with a
// margin.
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
