package digest

import (
	"bytes"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
)

// EncodeMail is the mail about one gallery with that title.
func EncodeMail(t testing.TB, title, site, sender string) []byte {
	t.Helper()
	p := content{Heading: site, Items: []item{newItem((&gallery.Gallery{Title: title, Summary: site}).View(new(gallery.Audience), time.Time{}), time.UTC)}}
	html, err := p.html()
	if err != nil {
		t.Fatal(err)
	}
	b := mailbox{config: &smtp.Config{FromName: sender}, from: "news@example.com", to: "one@example.org"}
	var data bytes.Buffer
	if _, err := b.message(mailParts{id: "id", subject: p.subject(), text: p.text(), html: html}).WriteTo(&data); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}
