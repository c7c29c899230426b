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
		for range 2 { // the second time: counted once
			key, rendered := item(n)
			c.add(key, rendered, rendered.Size())
		}
		first, _ := item(0)
		c.get(first) // the one in use stays
		if most := 5 * sample.Size(); c.bytes > most || c.bytes != c.kept.Len()*sample.Size() {
			t.Fatalf("%d bytes in %d items after %d, at most %d are allowed", c.bytes, c.kept.Len(), n+1, most)
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
	c.add(itemKey{id: "a"}, new(feed.Item), 100)
	if c.get(itemKey{id: "a"}) == nil {
		t.Error("lost")
	}
}

func TestACacheTellsWhatGoes(t *testing.T) {
	var gone []*int
	c := newCache[string](3, 100, func(v *int) { gone = append(gone, v) })
	one, two, three, four := new(int), new(int), new(int), new(int)
	always := func(*int) bool { return true }
	c.getOrMake("1", always, func() *int { return one })
	c.getOrMake("2", always, func() *int { return two })
	c.getOrMake("1", always, func() *int { t.Error("made again"); return nil })
	c.weigh("2", two, 60)
	c.weigh("2", two, 70) // not 130
	c.weigh("3", three, 70)
	if len(gone) != 0 || c.bytes != 70 {
		t.Errorf("%d are gone, %d bytes", len(gone), c.bytes)
	}
	c.weigh("1", one, 40)
	if len(gone) != 1 || gone[0] != two || c.get("2") != nil || c.bytes != 40 {
		t.Errorf("%v are gone, %d bytes", gone, c.bytes)
	}
	c.getOrMake("3", always, func() *int { return three })
	c.getOrMake("1", func(*int) bool { return false }, func() *int { return four })
	if len(gone) != 2 || gone[1] != one || c.get("1") != four || c.bytes != 0 {
		t.Errorf("%v are gone, %d bytes", gone, c.bytes)
	}
	c.weigh("1", one, 50) // it is no longer the one that is kept
	if c.bytes != 0 {
		t.Errorf("%d bytes for what is gone", c.bytes)
	}
}
