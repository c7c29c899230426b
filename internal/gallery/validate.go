package gallery

import (
	"cmp"
	"strings"
	"time"
)

// The limits of a gallery, in bytes where nothing else is stated. A gallery over a limit
// is refused.
const (
	MaxID       = 256
	MaxURL      = 2048
	MaxTitle    = 2000
	MaxSummary  = 20_000
	MaxCaption  = 100_000
	MaxName     = 500    // section, source, credit
	MaxLabel    = 200    // tag, author's name
	MaxLabels   = 24_000 // names of all kinds together, which the index holds
	MaxList     = 100    // entries of tags, authors, sources or names of audiences
	MaxSlides   = 1000   // slides of a gallery
	MaxInstants = 50     // at which the rights of slides begin or end
	MaxSide     = 100000 // pixels of a picture's side
	MinYear     = 1800   // of an instant that orders or publishes
	MaxYear     = 2200   // likewise; an expiry may be later
)

// Normalise fills in what the contract derives: Updated, absolute addresses without
// white space around them, the canonical language tag, the registered name of a
// picture's type. It is idempotent. An address that cannot be resolved stays as it is,
// and [Gallery.Validate] refuses it.
func (g *Gallery) Normalise() {
	g.URL = trim(g.URL)
	if g.Updated.IsZero() {
		g.Updated = g.Published
	}
	g.Language = cmp.Or(CanonicalLanguage(g.Language), g.Language)
	base := Base(g.URL)
	if g.License = strings.TrimSpace(g.License); !LicenceInWords(g.License) {
		g.License = resolve(base, withScheme(g.License))
	}
	for i := range g.Authors {
		g.Authors[i].URL = resolve(base, withScheme(g.Authors[i].URL))
	}
	for i := range g.Slides {
		img := &g.Slides[i].Image
		img.URL = resolve(base, img.URL)
		img.Thumbnail = resolve(base, img.Thumbnail)
		if img.Type == "" || len(img.Type) > MaxName {
			continue
		}
		if t, other := PictureType(img.Type, img.URL); other == "" {
			img.Type = t
		}
	}
}

// Validate returns what is wrong with g, which has been normalised: at most twenty
// problems.
func (g *Gallery) Validate() Problems {
	var ps Problems
	ps.id("/id", g.ID)
	ps.address("/url", g.URL, "make it absolute")
	ps.text("/guid", g.GUID, MaxURL)
	ps.printable("/guid", g.GUID)
	if strings.TrimSpace(Text(g.Title)) == "" {
		ps.addf("/title", "missing or blank")
	}
	ps.text("/title", g.Title, MaxTitle)
	ps.text("/summary", g.Summary, MaxSummary)
	// A tag of the right shape that is none may be stored since an earlier release.
	if tag := g.Language; len(tag) > maxLanguage || tag != "" && !languageShape.MatchString(tag) {
		ps.addf("/language", "%.40q is no language tag: write it like en or pt-BR", tag)
	}
	ps.text("/section", g.Section, MaxName)
	ps.names("/tags", g.Tags, MaxLabel)
	ps.count("/authors", len(g.Authors), MaxList)
	for i, a := range g.Authors {
		var own Problems
		own.text("/name", a.Name, MaxLabel)
		own.text("/email", a.Email, MaxName)
		own.address("/url", a.URL, needsBase)
		ps.within("/authors", i, own)
	}
	ps.labels(g)
	ps.instant("/published", g.Published)
	if !g.Updated.Equal(g.Published) {
		ps.instant("/updated", g.Updated)
	}
	ps.version(g.Version)
	ps.names("/sources", g.Sources, MaxName)
	ps.rights(&g.Rights)
	ps.text("/copyright", g.Copyright, MaxTitle)
	if LicenceInWords(g.License) {
		ps.text("/license", g.License, MaxURL)
	} else {
		ps.address("/license", g.License, needsBase)
	}
	ps.slides(g.Slides)
	return ps
}

// ValidateTakeDown returns what is wrong with the fields of a take-down.
func ValidateTakeDown(id string, updated time.Time, version int64, reason string) Problems {
	var ps Problems
	ps.id("/id", id)
	ps.instant("/updated", updated)
	ps.version(version)
	ps.text("/reason", reason, MaxTitle)
	return ps
}

// labels bounds what an index holds of one gallery.
func (ps *Problems) labels(g *Gallery) {
	sum := len(g.Section)
	for _, author := range g.Authors {
		sum += len(author.Name)
	}
	for _, names := range [][]string{g.Tags, g.Sources, g.Rights.Allow, g.Rights.Deny} {
		for _, name := range names {
			sum += len(name)
		}
	}
	if sum > MaxLabels {
		ps.addf("/tags", "section, tags, sources and names of authors and audiences are %d bytes together, at most %d are allowed", sum, MaxLabels)
	}
	instants := map[time.Time]bool{}
	for i := range g.Slides {
		r := &g.Slides[i].Rights
		for _, t := range []time.Time{r.From, r.Until} {
			if !t.IsZero() {
				instants[t.UTC()] = true
			}
		}
	}
	if len(instants) > MaxInstants {
		ps.addf("/slides", "the rights of the slides begin and end at %d different instants, at most %d are allowed", len(instants), MaxInstants)
	}
}

func (ps *Problems) rights(r *Rights) {
	ps.names("/rights/allow", r.Allow, MaxLabel)
	ps.names("/rights/deny", r.Deny, MaxLabel)
}
