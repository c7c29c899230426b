package web

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// gzipTag is the entity tag of a document's compressed form, known before that
// form is made.
func gzipTag(etag string) string { return etag[:len(etag)-1] + `-gzip"` }

// validators are what a client may have of a document.
type validators struct {
	etag     string    // of the form that the client would get
	plain    string    // of the document as it is
	modified time.Time // zero: no date
	now      time.Time
}

// unchanged evaluates the request's conditions (RFC 9110 §13.2.2) and returns
// the entity tag that the client has. A tag of the other coding is accepted
// too: it names the same edition. If-Modified-Since counts only without
// If-None-Match, and only when there is a date to compare with. A date that is not
// ours is when the client last asked, by a clock that may be ahead. One in the
// future is of a clock that is wrong, and would be true of every change.
func (v validators) unchanged(r *http.Request) (etag string, ok bool) {
	if tags := r.Header["If-None-Match"]; len(tags) > 0 {
		for tag := range entityTags(tags) {
			if tag == "*" || tag == v.etag {
				return v.etag, true
			}
			rest, zipped := strings.CutSuffix(tag, `-gzip"`) // as of gzipTag
			if tag == v.plain || zipped && rest == v.plain[:len(v.plain)-1] {
				etag = tag
			}
		}
		return etag, etag != ""
	}
	given := r.Header.Get("If-Modified-Since")
	if v.modified.IsZero() || given == "" {
		return "", false
	}
	since, err := http.ParseTime(given)
	known := since.Equal(v.modified) || !since.Before(v.modified.Add(edition.Skew)) && !since.After(v.now)
	return v.etag, err == nil && known
}

// entityTags returns the entity tags of the lists, without their weakness: they are
// compared weakly (RFC 9110 §8.8.3.2), because proxies that recompress weaken tags.
func entityTags(lists []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, list := range lists {
			for list != "" {
				list = strings.TrimPrefix(strings.TrimLeft(list, " \t,"), "W/")
				var tag string
				if !strings.HasPrefix(list, `"`) {
					tag, list, _ = strings.Cut(list, ",")
					tag = strings.TrimSpace(tag)
				} else if end := strings.IndexByte(list[1:], '"'); end >= 0 {
					tag, list = list[:end+2], list[end+2:]
				} else {
					tag, list = list, ""
				}
				if !yield(tag) {
					return
				}
			}
		}
	}
}

// acceptsGzip reads the Accept-Encoding headers (RFC 9110 §12.5.3).
func acceptsGzip(lines []string) bool {
	accept := strings.Join(lines, ",")
	rest := false // whether codings that are not named are accepted
	for accept != "" {
		var part string
		part, accept, _ = strings.Cut(accept, ",")
		coding, params, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weight(params) > 0
		case "*":
			rest = weight(params) > 0
		}
	}
	return rest
}

// weight is the q of a coding, 1 where none is given.
func weight(params string) float64 {
	name, value, found := strings.Cut(strings.TrimSpace(params), "=")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}
