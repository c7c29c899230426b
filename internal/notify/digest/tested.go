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
	p := d.payload(outbox.Notice{Channel: Channel, About: name, ID: rand.Text()})
	p.Items = []item{newItem(gallery.View{
		Title: "This is a test", Summary: fmt.Sprintf("It shows that the digest %q reaches you. Nothing is new.", name),
		Published: d.opts.Now(),
	}, d.opts.Location)}
	all := make([]Tested, 0, len(recipients))
	for _, r := range recipients {
		all = append(all, Tested{r.Name, p.Send(ctx, r.Target)})
	}
	return all, nil
}
