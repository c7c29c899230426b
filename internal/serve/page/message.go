package page

import (
	"context"
	"errors"
	"net/http"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// retryAfter is after how many seconds a client should try again.
const retryAfter = "2"

// message is an error page.
type message struct{ Heading, Text string }

// NotFound answers 404 with a page that links to the front page.
func (p *Pages) NotFound(w http.ResponseWriter, r *http.Request) {
	p.answerMessage(w, r, http.StatusNotFound, message{
		Heading: "Not found",
		Text:    "There is nothing at this address.",
	})
}

// fail answers with the page of err.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	var problems gallery.Problems
	switch {
	case errors.Is(err, edition.ErrUnknown):
		p.NotFound(w, r)
	case errors.Is(err, edition.ErrGone):
		p.answerMessage(w, r, http.StatusGone, message{
			Heading: "No longer available",
			Text:    "This gallery has been withdrawn.",
		})
	case errors.As(err, &problems):
		p.log.Error("a gallery cannot be shown: correct it and publish it again", "url", r.URL.Path, "err", err)
		p.answerMessage(w, r, http.StatusInternalServerError, message{
			Heading: "This gallery cannot be shown",
			Text:    "What was published cannot be read. Its publisher has to send it again.",
		})
	default:
		p.unavailable(w, r, err)
	}
}

func (p *Pages) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil { // the client is gone: it reads no page
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	p.log.Warn("a page is not available: check that NATS can be reached", "url", r.URL.Path, "err", err)
	w.Header().Set("Retry-After", retryAfter)
	p.answerMessage(w, r, http.StatusServiceUnavailable, message{
		Heading: "Not available just now",
		Text:    "The galleries cannot be read at the moment. Please try again in a few seconds.",
	})
}

func (p *Pages) answerMessage(w http.ResponseWriter, r *http.Request, status int, m message) {
	d, err := p.document(r.Context(), documentKey{message: m}, func(context.Context) (*document, error) {
		return p.render(p.templates.message, view{Title: m.Heading, Content: m})
	})
	if err != nil {
		http.Error(w, m.Text, status)
		return
	}
	serveOnce(w, r, status, d)
}
