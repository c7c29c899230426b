package catalogue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// sameTouch holds the selections of everything and of the section Sport to what
// a process that starts now would say of them.
func sameTouch(t *testing.T, b *broker.Broker, all, sport *index.Selection) {
	t.Helper()
	c := catalogue.New(options(b))
	stop := storetest.Run(t, c.Run)
	defer stop()
	awaitReady(t, c)
	now := time.Now()
	for match, s := range map[string]*index.Selection{"": all, "Sport": sport} {
		m := index.Match{}
		if match != "" {
			m.Sections = []string{match}
		}
		if running, restarted := s.View(0, now).Touched, c.Index().Select(m, index.ByPublished).View(0, now).Touched; !running.Equal(restarted) {
			t.Errorf("%q was touched at %s, after a restart at %s", match, running, restarted)
		}
	}
}

// A record's headers stay below what JetStream takes, however much a gallery
// was chosen by and however often that changed, and what it left is still known.
func TestRecordOfALongHistoryIsStored(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b)
	all, sport := c.Index().Select(index.Match{}, index.ByPublished), c.Index().Select(index.Match{Sections: []string{"Sport"}}, index.ByPublished)
	id := strings.Repeat("é\"", 85)
	for i := range 12 {
		r := revision(t, id, noon.Add(time.Duration(i)*time.Second), section("Sport"), func(g *gallery.Gallery) { burden(g, i) })
		r.Event = []byte(`{"source":"` + strings.Repeat(`\u0001`, 3*gallery.MaxID) + `"}`)
		if problems := r.Gallery.Validate(); problems != nil {
			t.Fatal(problems)
		}
		put(t, c, r)
	}
	sameTouch(t, b, all, sport)
	put(t, c, takeDown(id, noon.Add(time.Hour)))
	sameTouch(t, b, all, sport)
	put(t, c, revision(t, id, noon.Add(2*time.Hour), section("Food")))
	sameTouch(t, b, all, sport)
}

// burden makes a gallery as heavy for the index as is allowed.
func burden(g *gallery.Gallery, salt int) {
	for i := range gallery.MaxList {
		g.Tags = append(g.Tags, fmt.Sprintf("%d-%d%s", salt, i, strings.Repeat(`"`, 110)))
		g.Authors = append(g.Authors, gallery.Author{Name: fmt.Sprintf("%d-%d%s", salt, i, strings.Repeat("\n.", 55))})
	}
	for i := range gallery.MaxInstants {
		g.Slides = append(g.Slides, gallery.Slide{
			Image:  gallery.Image{URL: "https://img.example.com/1.jpg"},
			Credit: fmt.Sprint(salt, strings.Repeat(`"`, gallery.MaxName-9)),
			Rights: gallery.Rights{Until: noon.AddDate(100, 0, i).Add(123456789)},
		})
	}
}
