package edition

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

func TestTheCacheIsBoundedInBytes(t *testing.T) {
	renderer := feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com"})
	item := func(n int) (itemKey, *feed.Item) {
		id := fmt.Sprintf("g%02d", n)
		rendered, err := renderer.Item(&gallery.Gallery{ID: id, Title: id, Published: time.Unix(0, 0)}, time.Unix(1, 0), feed.Full)
		if err != nil {
			t.Fatal(err)
		}
		return itemKey{id: id}, rendered
	}
	_, sample := item(0)
	c := newItemCache(5 * sample.Size())
	for n := range 20 {
		c.add(item(n))
		c.add(item(n)) // again: counted once
		first, _ := item(0)
		c.get(first) // the one in use stays
		if most := 5 * sample.Size(); c.bytes > most || c.bytes != c.items.Len()*sample.Size() {
			t.Fatalf("%d bytes in %d items after %d, at most %d are allowed", c.bytes, c.items.Len(), n+1, most)
		}
	}
	for n, kept := range map[int]bool{0: true, 1: false, 15: false, 16: true, 19: true} {
		if key, _ := item(n); (c.get(key) != nil) != kept {
			t.Errorf("item %d is kept: %v", n, !kept)
		}
	}
}

func TestAnItemLargerThanTheCacheIsStillRendered(t *testing.T) {
	c := newItemCache(1)
	c.add(itemKey{id: "a"}, new(feed.Item))
	if c.get(itemKey{id: "a"}) == nil {
		t.Error("lost")
	}
}
