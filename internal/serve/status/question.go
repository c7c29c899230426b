package status

import (
	"net/http"
	"strings"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// question is what an operator asks about a gallery, and the answer.
type question struct {
	ID       string // of the gallery; empty: nothing was asked
	Audience string // empty: all
	Feeds    []edition.Explanation
	Slides   []hiddenSlide
	More     int    // feeds and slides that are not named
	Err      string // why there is no answer
}

// hiddenSlide is a slide that an audience does not see.
type hiddenSlide struct {
	Audience string
	Number   int // from 1
	edition.SlideExplanation
}

// question reads what r asks, and answers it.
func (p Page) question(r *http.Request) question {
	q := question{ID: short(strings.TrimSpace(r.FormValue("id"))), Audience: short(r.FormValue("audience"))}
	if q.ID == "" {
		return q
	}
	list, err := p.Explain(r.Context(), q.ID, q.Audience)
	if err != nil {
		q.Err = reason(err)
		return q
	}
	q.Feeds = list
	for i, x := range list {
		if i > 0 && list[i-1].Audience == x.Audience { // they are the same in each of its feeds
			continue
		}
		for _, s := range x.Slides {
			if !s.Shown {
				q.Slides = append(q.Slides, hiddenSlide{x.Audience, s.Slide + 1, s})
			}
		}
	}
	return q
}

// first leaves n feeds and n slides.
func (q question) first(n int) question {
	q.More = max(0, len(q.Feeds)-n) + max(0, len(q.Slides)-n)
	q.Feeds, q.Slides = first(q.Feeds, n), first(q.Slides, n)
	return q
}
