package page

import (
	"net/url"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// site is what every page shows of the site.
type site struct {
	edition.Site
	Root    string // the path before every page's own; empty at the top of a host
	Home    string // Root, or the path below which a partner's pages are
	Partner string // for whom the pages are; empty: for all
	Keyed   bool   // whether addresses have the partner's key in them
	Feeds   []siteFeed
}

// RightToLeft reports whether the frame of each page runs from right to left.
func (s site) RightToLeft() bool { return gallery.Direction(s.Language, s.Title) == "rtl" }

// siteFeed is a configured feed, for discovery.
type siteFeed struct {
	Name      string
	Title     string
	Addresses []edition.Address
}

func newSite(editions *edition.Set) site {
	s := site{Site: editions.Site()}
	s.Root = rootOf(s.BaseURL)
	s.Home = s.Root
	for _, d := range editions.Feeds() {
		s.Feeds = append(s.Feeds, siteFeed{Name: d.Name, Title: d.Title, Addresses: editions.Addresses(edition.Ref{Kind: edition.Feed, Name: d.Name})})
	}
	return s
}

// rootOf returns the path of base without a slash at its end, so that links
// between pages hold whatever host the reader came by.
func rootOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	path := strings.Trim(u.EscapedPath(), "/")
	if path == "" {
		return ""
	}
	return "/" + path
}

// maxDiscovered is how many feeds a page lets browsers and readers discover.
const maxDiscovered = 12

// GalleryURL returns the absolute address of the page of the gallery with that
// key.
func (s site) GalleryURL(key string) string { return s.BaseURL + "/galleries/" + key }
