package web

import (
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
// ours is when the client last looked, by a clock that may be ahead. One in the
// future is of a clock that is wrong, and would be true of every change.
func (v validators) unchanged(r *http.Request) (etag string, ok bool) {
	if tags := r.Header["If-None-Match"]; len(tags) > 0 {
		for _, have := range []string{v.etag, v.plain, gzipTag(v.plain)} {
			if matchesAny(tags, have) {
				return have, true
			}
		}
		return "", false
	}
	given := r.Header.Get("If-Modified-Since")
	if v.modified.IsZero() || given == "" {
		return "", false
	}
	since, err := http.ParseTime(given)
	known := since.Equal(v.modified) || !since.Before(v.modified.Add(edition.Skew)) && !since.After(v.now)
	return v.etag, err == nil && known
}

// acceptsIM reports whether A-IM headers (RFC 3229 §10.5.3) accept an instance
// manipulation.
func acceptsIM(lines []string, manipulation string) bool {
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), manipulation) {
			return weight(params) > 0
		}
	}
	return false
}

// entityTags is the set of the entity tags in the lists, without their weakness.
func entityTags(lists []string) map[string]bool {
	tags := map[string]bool{}
	for _, list := range lists {
		for list != "" {
			var tag string
			tag, list = nextTag(list)
			tags[tag] = true
		}
	}
	return tags
}

// matchesAny compares weakly (RFC 9110 §8.8.3.2): proxies that recompress
// weaken tags.
func matchesAny(lists []string, etag string) bool {
	for _, list := range lists {
		for list != "" {
			var tag string
			tag, list = nextTag(list)
			if tag == "*" || tag == etag {
				return true
			}
		}
	}
	return false
}

// nextTag takes the first entity tag off a list, without its weakness.
func nextTag(list string) (tag, rest string) {
	list = strings.TrimLeft(list, " \t,")
	list = strings.TrimPrefix(list, "W/")
	if !strings.HasPrefix(list, `"`) {
		tag, rest, _ = strings.Cut(list, ",")
		return strings.TrimSpace(tag), rest
	}
	if end := strings.IndexByte(list[1:], '"'); end >= 0 {
		return list[:end+2], list[end+2:]
	}
	return list, ""
}

// acceptsGzip reads the Accept-Encoding headers (RFC 9110 §12.5.3).
func acceptsGzip(lines []string) bool {
	accept := strings.Join(lines, ",")
	rest := false // what is said of codings that are not named
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
