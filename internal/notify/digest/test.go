package digest

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// Tested is what became of a test at a mailbox or chat.
type Tested struct {
	Target string // its name
	Err    error  // why it did not take the test, as of a letter's Send
}

// Test sends everybody whom the digest goes to a short message that says it is a
// test, once and in the way of the digest itself.
func (d *Digests) Test(ctx context.Context, name string) ([]Tested, error) {
	boxes, known := d.boxes[name]
	if !known {
		return nil, fmt.Errorf("there is no digest %q", name)
	}
	p := d.paper(name)
	p.Stories = []story{newStory(Gallery{
		Title: "This is a test", Summary: fmt.Sprintf("It shows that the digest %q reaches you. Nothing is new.", name),
		Published: d.opts.Now(),
	}, d.opts.Location)}
	l := d.letter(outbox.Notice{Channel: Channel, About: name, ID: rand.Text()}, p)
	all := make([]Tested, 0, len(boxes))
	for _, b := range boxes {
		all = append(all, Tested{b.name, l.Send(ctx, b.target())})
	}
	return all, nil
}
