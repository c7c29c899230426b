package digest

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// Tested is the result of a test at one recipient.
type Tested struct {
	Target string // its name
	Err    error  // as of Send; nil: it accepted the test
}

// Test sends every recipient of the digest a short message that says it is a test,
// once, and in the way of the digest.
func (d *Digests) Test(ctx context.Context, name string) ([]Tested, error) {
	recipients, known := d.recipients[name]
	if !known {
		return nil, fmt.Errorf("there is no digest %q", name)
	}
	c := d.content(name)
	c.Items = []item{newItem(gallery.View{
		Title: "This is a test", Summary: fmt.Sprintf("It shows that the digest %q reaches you. Nothing is new.", name),
		Published: d.opts.Now(),
	}, "", d.opts.Location)}
	p := d.payload(outbox.Notice{Channel: Channel, About: name, ID: rand.Text()}, c)
	all := make([]Tested, 0, len(recipients))
	for _, r := range recipients {
		all = append(all, Tested{r.name, p.Send(ctx, r.target())})
	}
	return all, nil
}
