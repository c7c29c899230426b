package catalogue_test

import (
	"fmt"
	"math/rand/v2"
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

func TestSelectionIsTouchedByWhatLeavesIt(t *testing.T) {
	b := brokertest.Start(t)
	c := start(t, b)
	all, sport := c.Index().Select(index.Match{}, index.ByPublished), c.Index().Select(index.Match{Sections: []string{"Sport"}}, index.ByPublished)
	steps := []struct {
		name    string
		r       catalogue.Revision
		touches bool // the section Sport
	}{
		{"published in it", revision(t, "a", noon, section("Sport")), true},
		{"another one elsewhere", revision(t, "b", noon, section("Travel")), false},
		{"corrected out of it", revision(t, "a", noon.Add(1), section("Travel")), true},
		{"corrected elsewhere", revision(t, "a", noon.Add(2), section("Food")), false},
		{"taken down elsewhere", takeDown("a", noon.Add(3)), false},
		{"back in it", revision(t, "a", noon.Add(4), section("Sport")), true},
		{"taken down", takeDown("a", noon.Add(5)), true},
		{"taken down again", takeDown("a", noon.Add(6)), false},
		{"back elsewhere", revision(t, "a", noon.Add(7), section("Food")), false},
		{"withheld in it", revision(t, "b", noon.Add(8), section("Sport"), withheld), true},
		{"out of it, withheld", revision(t, "b", noon.Add(9), section("Food"), withheld), true},
	}
	for _, step := range steps {
		before := sport.View(10, time.Now()).Touched
		e := put(t, c, step.r)
		after := sport.View(10, time.Now()).Touched
		if step.touches && !after.Equal(e.Stored()) {
			t.Errorf("%s: touched at %s, stored at %s", step.name, after, e.Stored())
		}
		if !step.touches && !after.Equal(before) {
			t.Errorf("%s: touched at %s, before at %s", step.name, after, before)
		}
		sameTouch(t, b, all, sport)
	}
}

func withheld(g *gallery.Gallery) {
	no := false
	g.Rights.Syndicate = &no
}

// Whatever happens to galleries, no selection's time goes back, and a process
// that starts later says the same as one that ran all the time.
func TestTouchedNeverGoesBack(t *testing.T) {
	b := brokertest.Start(t)
	c := start(t, b)
	all, sport := c.Index().Select(index.Match{}, index.ByPublished), c.Index().Select(index.Match{Sections: []string{"Sport"}}, index.ByPublished)
	random := rand.New(rand.NewPCG(7, 7))
	sections := []string{"Sport", "Travel", "Food", "Art"}
	var last time.Time
	for step := range 240 {
		id := fmt.Sprintf("gallery-%d", random.IntN(4))
		at := noon.Add(time.Duration(step) * time.Second)
		if random.IntN(5) == 0 {
			put(t, c, takeDown(id, at))
		} else {
			put(t, c, revision(t, id, at, section(sections[random.IntN(4)]), tags(fmt.Sprint(random.IntN(3)))))
		}
		touched := sport.View(0, time.Now()).Touched
		if touched.Before(last) {
			t.Fatalf("step %d: touched at %s, before at %s", step, touched, last)
		}
		last = touched
		if step%16 == 0 {
			sameTouch(t, b, all, sport)
		}
	}
}

// A record's headers stay below what JetStream takes, however much a gallery
// was chosen by and however often that changed, and what it left is still known.
func TestRecordOfALongHistoryIsStored(t *testing.T) {
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
	for i := range gallery.MaxEnds {
		g.Slides = append(g.Slides, gallery.Slide{
			Image:  gallery.Image{URL: "https://img.example.com/1.jpg"},
			Rights: gallery.Rights{Until: noon.AddDate(100, 0, i).Add(123456789)},
		})
	}
}
