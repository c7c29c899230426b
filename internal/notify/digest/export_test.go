package digest

import (
	"testing"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
)

// EncodeMail is the mail about one gallery with that title.
func EncodeMail(t testing.TB, title, site, sender string) []byte {
	t.Helper()
	p := paper{Heading: site, Stories: []story{newStory(Gallery{Title: title, Summary: site}, time.UTC)}}
	html, err := p.html(parseMail())
	if err != nil {
		t.Fatal(err)
	}
	b := mailbox{config: &smtp.Config{FromName: sender}, from: "news@example.com", to: "one@example.org"}
	data, err := b.encode(message{id: "id", subject: p.subject(), text: p.text(), html: html})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
