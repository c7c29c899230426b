package index

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// manyPartners choose among most galleries, each in another way.
func manyPartners() (all []Choice) {
	for i := range 100 {
		c := Choice{Audience: &gallery.Audience{Name: fmt.Sprint("partner-", i)}, Exclude: Match{Tags: []string{fmt.Sprint("theme ", i%40)}}}
		for j := range 8 {
			c.Match.Sections = append(c.Match.Sections, fmt.Sprint("Section ", (i+j)%12))
		}
		switch i % 4 {
		case 0:
			c.Order = ByUpdated
		case 1:
			c.Audience.Delay = 2 * time.Hour
		case 2:
			c.Audience.Delay, c.Order = time.Hour, ByUpdated
		case 3:
			c.Audience.MaxAge = 100_000 * time.Hour
		}
		all = append(all, c)
	}
	return all
}

// withPartners is an index of n galleries with selections for the partners.
func withPartners(b *testing.B, n int, partners []Choice) (*world, []*Selection) {
	w := newWorld(b, 100)
	w.opts.Changed = func(Change) {}
	for _, c := range partners {
		w.opts.Partners = append(w.opts.Partners, c.Audience)
	}
	w.Index = New(w.opts)
	var all []*Selection
	for _, c := range partners {
		all = append(all, w.Choose(c))
	}
	entries := make(map[string]*Entry, n)
	for i := range n {
		r := typical(i)
		r.Gallery.Published = dawn.Add(time.Duration(i-n) * time.Minute)
		r.Rank.Updated = r.Gallery.Published
		e := w.next(r)
		entries[e.ID] = e
	}
	w.Fill(entries, dawn, w.sequence, w.now)
	return w, all
}

// internalChange returns a function that corrects new galleries of a section which no partner
// chooses, beside feeds of the public.
func internalChange(w *world, n int) func(int) {
	w.publicFeeds()
	return func(i int) {
		r := typical(n + i%20)
		r.Gallery.Section, r.Gallery.Published = "Internal", dawn.Add(-time.Duration(i%20)*time.Second)
		r.Rank.Updated = dawn.Add(time.Duration(i) * time.Microsecond)
		e := w.next(r)
		w.Apply(gallery.Key(e.ID), e, w.now)
	}
}

// BenchmarkChangeThatConcernsNoPartner changes galleries that none of a hundred partners
// chooses among. The ratio is the time over that of the same change without partners.
func BenchmarkChangeThatConcernsNoPartner(b *testing.B) {
	const n = 100_000
	without, _ := withPartners(b, n, nil)
	with, all := withPartners(b, n, manyPartners())
	for _, s := range all {
		s.View(30, with.now)
	}
	compareTimes(b, internalChange(without, n), internalChange(with, n))
}

// BenchmarkPartnersOfAMillion measures a hundred partners over a million galleries: what
// memory each adds, how long the first view takes, which dates the selection, and how long a
// view after a change.
func BenchmarkPartnersOfAMillion(b *testing.B) {
	const n = 1_000_000
	partners := manyPartners()
	before := inUse()
	w, _ := withPartners(b, n, nil)
	bare := inUse() - before
	for range b.N {
		w.opts.Partners = nil
		var all []*Selection
		for _, c := range partners {
			all = append(all, w.Choose(c))
		}
		began := time.Now()
		for _, s := range all {
			s.View(30, w.now)
		}
		first := time.Since(began)
		memory := inUse() - before - bare
		w.publish("new", in("Section 3"), tagged("night"))
		began = time.Now()
		for _, s := range all {
			s.View(30, w.now)
		}
		again := time.Since(began)
		b.ReportMetric(float64(memory)/float64(len(all)), "bytes/partner")
		b.ReportMetric(float64(first.Microseconds())/float64(len(all)), "first-µs")
		b.ReportMetric(float64(again.Microseconds())/float64(len(all)), "again-µs")
		b.ReportMetric(0, "ns/op")
		for _, s := range all {
			s.Release()
		}
	}
}
