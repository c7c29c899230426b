package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/go-json-experiment/json"
)

// ExplainPath is where the operators' listener answers why a gallery is or is not in
// each feed: its query has id, at (RFC 3339), which is now where it is missing, and audience,
// which is all where it is missing. The answer is a list of [edition.Explanation], empty
// where no event of the gallery is known.
const ExplainPath = "/explain.json"

func (a *App) serveExplanations(w http.ResponseWriter, r *http.Request) {
	var at time.Time
	if text := r.FormValue("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			http.Error(w, "at is no instant: write it like 2026-11-20T09:00:00Z", http.StatusBadRequest)
			return
		}
	}
	list, err := a.explanations(r.Context(), r.FormValue("id"), r.FormValue("audience"), at)
	switch {
	case errors.Is(err, errAudience):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	a.writeJSON(w, list)
}

// writeJSON answers an operator with v as a line of JSON.
func (a *App) writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		a.log.Error("an answer cannot be written as JSON", "err", err)
		http.Error(w, "the answer cannot be written: the node's log has the reason", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

var errAudience = errors.New("audience is neither public nor the name of a partner")

// explanations says for the feeds of an audience, of all where it is empty, whether they
// have the gallery. The list is empty where no event of the gallery is known; its errors
// are for operators. A zero at is now.
func (a *App) explanations(ctx context.Context, id, audience string, at time.Time) ([]edition.Explanation, error) {
	s := a.services.Load()
	if s == nil {
		return nil, errors.New("the node is starting: try again in a second")
	}
	sets := s.partners.of(audience)
	if len(sets) == 0 {
		return nil, errAudience
	}
	list := []edition.Explanation{}
	for _, set := range sets {
		some, err := set.Explain(ctx, id, at)
		if err != nil && !errors.Is(err, edition.ErrUnknown) {
			a.logger("explain").Warn("a gallery cannot be explained: check that NATS can be reached", "gallery", id, "err", err)
			return nil, errors.New(`the gallery cannot be read: check with "gallerywire status" that NATS is reachable, then ask again`)
		}
		list = append(list, some...)
	}
	for i := range list {
		a.locate(&list[i])
	}
	return list, nil
}

// locate adds the line to each key of the configuration. Other places are JSON pointers, or
// say why the gallery is left out.
func (a *App) locate(x *edition.Explanation) {
	line := func(where string) string {
		if where == "" || strings.HasPrefix(where, "/") {
			return where
		}
		return a.opts.Config.Located(where)
	}
	if x.Rule != "left-out" {
		x.Where = line(x.Where)
	}
	x.Slides = slices.Clone(x.Slides) // the feeds share them
	for i := range x.Slides {
		x.Slides[i].Where = line(x.Slides[i].Where)
	}
}
