package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

// secret is the key of two partners: msn, and other, which has to come from one network.
const secret = "4f-Secret_of-the-partner-Y2Fm"

// partnerFeeds is what the partner of that name may read, as a test wants it.
type partnerFeeds struct {
	*editions
	admit func(partner.Request) error
	base  string
	err   error
}

// Address implements [web.Editions].
func (p *partnerFeeds) Address(edition.Ref, feed.Format) string { return p.base }

// Changes implements [web.PartnerFeeds].
func (p *partnerFeeds) Changes(since string) (*edition.Changes, error) {
	if since == "bad" {
		return nil, fmt.Errorf("%w: bad", edition.ErrCursor)
	}
	return &edition.Changes{Cursor: "after " + since, Changes: []edition.GalleryChange{}}, p.err
}

// Page implements [web.PartnerFeeds].
func (p *partnerFeeds) Page(w http.ResponseWriter, r *http.Request, ref edition.Ref) error {
	if ref.Name == "panic" {
		panic("out of film")
	}
	if _, err := p.Edition(r.Context(), ref); err != nil {
		return err
	}
	fmt.Fprint(w, "page of ", ref, " at ", p.base)
	return nil
}

// Edition implements [web.Editions].
func (p *partnerFeeds) Edition(ctx context.Context, ref edition.Ref) (*edition.Edition, error) {
	switch {
	case p.err != nil:
		return nil, p.err
	case ref.Name == "gone":
		return nil, fmt.Errorf("gallery: %w", edition.ErrGone)
	case ref.Page == "none":
		return nil, fmt.Errorf("page: %w", edition.ErrUnknown)
	}
	return p.editions.Edition(ctx, ref)
}

// newPartnerSite is a site with partners, and what msn may read there.
func newPartnerSite(t testing.TB, change ...func(*web.Options)) (*site, *partnerFeeds) {
	t.Helper()
	feeds := &partnerFeeds{admit: admit}
	s := newSite(t, append([]func(*web.Options){func(o *web.Options) {
		o.Requests = web.RequestsFull
		o.Partner = func(r partner.Request) (web.PartnerFeeds, error) {
			feeds.base = "https://example.com/partners/" + r.Partner
			return feeds, feeds.admit(r)
		}
	}}, change...)...)
	feeds.editions = s.editions
	for _, name := range []string{"msn", "other", "harbour"} {
		s.editions.editions[name] = s.editions.editions["all"]
	}
	return s, feeds
}

func admit(r partner.Request) error {
	proved := r.Bearer == secret || r.Basic && r.User == r.Partner && r.Password == secret
	switch {
	case r.Bearer == "guess":
		return &partner.TooMany{RetryAfter: 1500 * time.Millisecond}
	case r.Partner != "msn" && r.Partner != "other" || r.PathKey != "" && r.PathKey != secret:
		return partner.ErrUnknown
	case r.Partner == "other" && r.Client.String() != "198.51.100.7":
		return partner.ErrNetwork
	case r.PathKey == "" && !proved:
		return partner.ErrUnauthorized
	}
	return nil
}

// keptPrivate checks what every answer below /partners/ has.
func keptPrivate(t *testing.T, res *http.Response) {
	t.Helper()
	if vary := res.Header.Get("Vary"); !strings.Contains(vary, "Authorization") {
		t.Errorf("Vary: %q", vary)
	}
	wantHeader(t, res, "X-Robots-Tag", "noindex")
	wantHeader(t, res, "Referrer-Policy", "no-referrer")
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %q", name, res.Header.Get(name))
		}
	}
	if caching := res.Header.Get("Cache-Control"); caching != "no-store" && !strings.HasPrefix(caching, "private, ") {
		t.Errorf("Cache-Control: %q", caching)
	}
}

func TestAPartnerReadsByHeaderOrPath(t *testing.T) {
	s, _ := newPartnerSite(t)
	for name, c := range map[string]struct {
		at      string
		headers []string
		status  int
	}{
		"Bearer":                     {"/partners/msn/", []string{"Authorization", "Bearer " + secret}, 200},
		"bearer in lower case":       {"/partners/msn/", []string{"Authorization", "bearer  " + secret}, 200},
		"Basic":                      {"/partners/msn/", []string{"Authorization", basic("msn", secret)}, 200},
		"Basic of another":           {"/partners/msn/", []string{"Authorization", basic("other", secret)}, 401},
		"a wrong key":                {"/partners/msn/", []string{"Authorization", basic("msn", "x")}, 401},
		"no key":                     {"/partners/msn/", nil, 401},
		"another scheme":             {"/partners/msn/", []string{"Authorization", "Digest " + secret}, 401},
		"a right one of two":         {"/partners/msn/", []string{"Authorization", "Bearer x", "Authorization", basic("msn", secret)}, 200},
		"in the path":                {"/partners/msn/~" + secret + "/", nil, 200},
		"in the path and wrong":      {"/partners/msn/~" + secret + "/", []string{"Authorization", "Bearer x"}, 200},
		"right and wrong in a path":  {"/partners/msn/~x/", []string{"Authorization", "Bearer " + secret}, 404},
		"nothing in a path":          {"/partners/msn/~/", []string{"Authorization", "Bearer " + secret}, 404},
		"a network that is not his":  {"/partners/other/", []string{"Authorization", "Bearer " + secret}, 403},
		"from his network":           {"/partners/other/", []string{"Authorization", "Bearer " + secret, "X-Forwarded-For", "198.51.100.7"}, 200},
		"too many wrong keys before": {"/partners/msn/", []string{"Authorization", "Bearer guess"}, 429},
	} {
		for _, rest := range []string{"", "feed.rss", "feed.atom", "feed.json", "archive/1.atom", "galleries/harbour.json", "galleries/harbour", "changes.json", "changes.json?since=a"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := httptest.NewRequestWithContext(t.Context(), method, c.at+rest, nil)
				r.RemoteAddr = "127.0.0.1:1"
				for i := 0; i < len(c.headers); i += 2 {
					r.Header.Add(c.headers[i], c.headers[i+1])
				}
				w := httptest.NewRecorder()
				s.handler.ServeHTTP(w, r)
				if res := w.Result(); res.StatusCode != c.status {
					t.Errorf("%s: %s %s: %s, want %d", name, method, rest, res.Status, c.status)
				} else {
					keptPrivate(t, res)
				}
			}
		}
	}
}

func TestAPartnerGetsTheFeedAsThePublicDoes(t *testing.T) {
	s, _ := newPartnerSite(t)
	key := []string{"Authorization", "Bearer " + secret}
	for _, f := range feed.Formats() {
		for _, more := range [][]string{
			nil, {"Accept-Encoding", "gzip"}, {"If-None-Match", s.document(f).ETag}, {"If-None-Match", `"other"`},
			{"If-Modified-Since", date(noon.Add(-time.Hour))}, {"If-None-Match", "*", "Accept-Encoding", "gzip"},
		} {
			public := s.get("/feeds/all."+f.String(), append([]string{"X-Request-Id", "r"}, more...)...)
			res := s.get("/partners/msn/feed."+f.String(), append(append([]string{"X-Request-Id", "r"}, more...), key...)...)
			keptPrivate(t, res)
			if res.StatusCode != public.StatusCode || body(t, res) != body(t, public) {
				t.Errorf("%s %q: %s, the public's %s", f, more, res.Status, public.Status)
			}
			want := public.Header.Clone()
			for name, value := range map[string]string{
				"Cache-Control": "private, max-age=60, must-revalidate", "Vary": "Accept-Encoding, Authorization",
				"X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer",
			} {
				want.Set(name, value)
			}
			want.Del("Access-Control-Allow-Origin")
			want.Del("Access-Control-Expose-Headers")
			if diff := cmp.Diff(want, res.Header); diff != "" {
				t.Errorf("%s %q (-want +got):\n%s", f, more, diff)
			}
		}
	}
	if res := s.get("/partners/msn/feed.rss", append(key, "Sec-Fetch-Dest", "document")...); body(t, res) != string(s.document(feed.RSS).Bytes()) {
		t.Error("a browser gets something else")
	}
}

// All that is not there, or not for the partner, has one answer.
func TestWhatAPartnerDoesNotGetIsAllTheSame(t *testing.T) {
	s, _ := newPartnerSite(t)
	key := []string{"Authorization", "Bearer " + secret, "X-Request-Id", "r"}
	keyed := "/partners/msn/~" + secret + "/"
	first := s.get("/partners/nobody/feed.rss", key...)
	text := body(t, first)
	for _, path := range []string{
		"/partners", "/partners/", "/partners//", "/partners/msn", "/partners/nobody/", "/partners/nobody/~" + secret + "/feed.rss", "/partners/msn/~wrong/feed.rss",
		"/partners/msn/~/feed.rss", "/partners/msn/~", "/partners/msn/~" + secret, "/partners/msn/other/feed.rss", "/partners/msn/partners/other/feed.rss",
		"/partners/msn/feed", "/partners/msn/feed.xml", "/partners/msn/feed.RSS", "/partners/msn/feed.rss/", "/partners/msn//feed.rss", "/partners//msn/feed.rss",
		"//partners/msn/feed.rss", "/./partners/msn/feed.rss", "/partners/./msn/feed.rss", "/feeds/../partners/msn/feed.rss", "/partners/../partners/msn/feed.rss",
		"/%70artners/msn/feed.rss", "/partners%2Fmsn/feed.rss", "/partners/m%73n/feed.rss", "/partners/msn%2Ffeed.rss", "/partners/msn/archive", "/partners/msn/archive/",
		"/partners/msn/archive/1", "/partners/msn/archive/x/1.rss", "/partners/msn/archive/none.rss", "/partners/msn/galleries", "/partners/msn/galleries/", "/partners/msn/galleries/none.rss",
		"/partners/msn/galleries/gone.rss", "/partners/msn/galleries/gone", "/partners/msn/galleries/none", "/partners/msn/galleries/a%2Fb", "/partners/msn/galleries/harbour.xml",
		"/partners/msn/feed.rss?key=" + secret, "/partners/msn/feed.rss?raw", "/partners/msn/changes.rss", "/partners/msn/changes.json?since=a&key=" + secret, "/partners/msn/changes.json?key=" + secret,
		"/partners/msn/changes.json?since=a&since=b", "/partners/msn/changes.json?since=%zz", "/partners/msn/hub", "/partners/msn/sections/travel.rss",
		keyed + "~" + secret + "/feed.rss", keyed + "galleries/gone.json", keyed + "feed.rss?a", keyed + "none", keyed + "galleries/%00.rss",
	} {
		res := s.get(path, key...)
		if got := body(t, res); res.StatusCode != 404 || got != text {
			t.Errorf("%s: %s, %q", path, res.Status, got)
		}
		if diff := cmp.Diff(first.Header, res.Header); diff != "" {
			t.Errorf("%s (-first +got):\n%s", path, diff)
		}
	}
	keptPrivate(t, first)
}

func TestPartnersAreToldHowToProveThemselves(t *testing.T) {
	s, _ := newPartnerSite(t)
	res := s.get("/partners/msn/feed.rss")
	wantHeader(t, res, "Www-Authenticate", `Basic realm="partners/msn", charset="UTF-8"|Bearer realm="partners/msn"`)
	res = s.get("/partners/msn/feed.rss", "Authorization", "Bearer guess")
	wantHeader(t, res, "Retry-After", "2")
	for _, method := range []string{http.MethodOptions, http.MethodPost, "PROPFIND"} {
		res := s.request(method, "/partners/msn/feed.rss", "Origin", "https://x.example", "Access-Control-Request-Method", "GET", "Authorization", "Bearer "+secret)
		wantHeader(t, res, "Allow", "GET, HEAD")
		keptPrivate(t, res)
		if res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, res.Status)
		}
	}
}

func TestTheListOfChangesIsServed(t *testing.T) {
	s, feeds := newPartnerSite(t)
	key := []string{"Authorization", "Bearer " + secret}
	res := s.get("/partners/msn/changes.json?since=a%26b", key...)
	wantHeader(t, res, "Content-Type", "application/json")
	wantHeader(t, res, "Cache-Control", "private, no-store")
	text := body(t, res)
	var list edition.Changes
	if err := json.Unmarshal([]byte(text), &list); err != nil || list.Cursor != "after a&b" {
		t.Errorf("%v: %s", err, text)
	}
	if zipped := unzip(t, s.get("/partners/msn/changes.json?since=a%26b", append(key, "Accept-Encoding", "gzip")...)); zipped != text {
		t.Errorf("compressed it is %s", zipped)
	}
	if res := s.get("/partners/msn/changes.json?since=bad", key...); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a cursor that is not ours: %s", res.Status)
	}
	feeds.err = fmt.Errorf("the index: %w", edition.ErrUnavailable)
	for _, rest := range []string{"changes.json", "feed.rss", "galleries/harbour.rss", "galleries/harbour", ""} {
		res := s.get("/partners/msn/"+rest, key...)
		wantHeader(t, res, "Retry-After", "1")
		keptPrivate(t, res)
		if res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s", rest, res.Status)
		}
	}
}

func TestNoKeyIsLoggedOrCounted(t *testing.T) {
	s, feeds := newPartnerSite(t)
	bearer := []string{"Authorization", "Bearer " + secret}
	for _, path := range []string{
		"/partners/msn/~" + secret + "/feed.rss", "/partners/msn/~" + secret + "/galleries/panic", "/partners/msn/feed.rss?key=" + secret, "/partners/" + secret + "/feed.rss",
		"/partners/msn/" + secret + "/feed.rss", "/partners/msn/~" + secret, "/partners/nobody/~" + secret + "/feed.rss", "/partners/msn/~" + secret + "x/feed.rss",
		"//partners/msn/~" + secret + "/feed.rss", "/Partners/msn/~" + secret + "/feed.rss", "/x/../partners/msn/~" + secret + "/feed.rss", "/%70artners/msn/%7E" + secret + "/feed.rss",
		"/news/partners/msn/~" + secret + "/feed.rss", "/partners/msn/changes.json?since=" + secret, "/partners/msn/~" + secret + "/changes.json?since=bad",
	} {
		s.get(path, bearer...)
		s.request(http.MethodPost, path, bearer...)
	}
	feeds.err = errors.New("nats is away")
	s.get("/partners/msn/~" + secret + "/feed.rss")
	log := s.log.String()
	if strings.Contains(log, secret) || !strings.Contains(log, "out of film") || !strings.Contains(log, "url=/partners/msn/~…/feed.rss") || !strings.Contains(log, "nats is away") {
		t.Errorf("a key is in the log, or too little:\n%s", log)
	}
	counted := requests(t, s.metrics)
	for labels := range counted {
		if strings.Contains(labels, secret) || strings.Contains(labels, "nobody") {
			t.Errorf("counted as %s", labels)
		}
	}
	if counted["GET /partners/{name}/feed.{format} of msn 200"] != 1 || counted["GET /partners/{name}/feed.{format} of msn 503"] != 1 {
		t.Errorf("counted %v", counted)
	}
}

func TestAPanicBelowPartnersIsAnsweredInPrivate(t *testing.T) {
	s, _ := newPartnerSite(t)
	res := s.get("/partners/msn/galleries/panic", "Authorization", "Bearer "+secret)
	keptPrivate(t, res)
	if res.StatusCode != http.StatusInternalServerError {
		t.Error(res.Status)
	}
}

// livePartner is a partner's real set, without pages.
type livePartner struct{ *edition.Set }

// Page implements [web.PartnerFeeds].
func (livePartner) Page(http.ResponseWriter, *http.Request, edition.Ref) error {
	return edition.ErrUnknown
}

// withPartner lets the partner msn read what the public may not see.
func (l *live) withPartner() {
	sets := map[string]*edition.Set{}
	l.handler = web.Public(web.Options{
		Editions: l.editions, MaxAge: time.Minute, Metrics: l.metrics, Logger: slog.New(slog.DiscardHandler),
		Partner: func(r partner.Request) (web.PartnerFeeds, error) {
			base := "/partners/msn"
			if r.PathKey != "" {
				base += "/~" + r.PathKey
			}
			if sets[base] == nil {
				sets[base] = l.editions.For(edition.PartnerFeed{
					Definition: edition.Definition{Name: "msn", Items: 5}, Audience: &gallery.Audience{Name: "msn"}, Base: base,
				})
			}
			return livePartner{sets[base]}, admit(r)
		},
	})
}

// Addresses have the key in them only for a client that came by it.
func TestAPartnerIsLedOnAsHeCame(t *testing.T) {
	l := newLive(t)
	l.withPartner()
	for i := range 20 {
		l.publish("g"+string(rune('A'+i)), i, 1, func(g *gallery.Gallery) { g.Rights.Deny = []string{"public"} })
	}
	for base, headers := range map[string][]string{
		"/partners/msn": {"Authorization", "Bearer " + secret}, "/partners/msn/~" + secret: {"Authorization", "Bearer wrong"},
	} {
		get := func(address string) *http.Response {
			path, ours := strings.CutPrefix(address, "https://example.com")
			if !ours || !strings.HasPrefix(path, base+"/") || (strings.Contains(path, secret) != strings.Contains(base, secret)) {
				t.Fatalf("below %s it leads to %s", base, address)
			}
			return l.get(path, headers...)
		}
		first := get("https://example.com" + base + "/feed.atom")
		wantHeader(t, first, "Link", `<https://example.com`+base+`/feed.atom>; rel="self"`)
		text := body(t, first)
		if !strings.Contains(text, "Title of gA") {
			t.Errorf("%s: %s", base, first.Status)
		}
		page := linkIn(t, text, "prev-archive")
		older := linkIn(t, body(t, get(page)), "prev-archive")
		newer := get(linkIn(t, body(t, get(older)), "next-archive"))
		keptPrivate(t, newer)
		wantHeader(t, newer, "Location", page)
		wantHeader(t, newer, "Cache-Control", "private, max-age=60, must-revalidate")
		if newer.StatusCode != http.StatusTemporaryRedirect || strings.Contains(body(t, newer), secret) != strings.Contains(base, secret) {
			t.Errorf("above %s: %s", older, newer.Status)
		}
		etag := get(page).Header.Get("Etag")
		if again := l.get(strings.TrimPrefix(page, "https://example.com"), append(headers, "If-None-Match", etag)...); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %s", page, again.Status)
		}
		if public := body(t, l.get("/feeds/all.atom")); strings.Contains(public, "Title of") || l.get("/galleries/gA.rss").StatusCode != 404 {
			t.Error("the public sees it")
		}
	}
}

func TestAPartnerGetsDifferences(t *testing.T) {
	l := newLive(t)
	l.withPartner()
	key := []string{"Authorization", "Bearer " + secret}
	l.publish("a", 2, 1)
	etag := l.get("/partners/msn/feed.json", key...).Header.Get("Etag")
	l.publish("b", 1, 1)
	res := l.get("/partners/msn/feed.json", append(key, "A-IM", "feed", "If-None-Match", etag)...)
	text := body(t, res)
	if res.StatusCode != http.StatusIMUsed || strings.Contains(text, "Title of a") || !strings.Contains(text, "Title of b") {
		t.Errorf("%s: %s", res.Status, text)
	}
	keptPrivate(t, res)
	wantHeader(t, res, "Cache-Control", "private, no-store")
	wantHeader(t, res, "Vary", "Accept-Encoding, Authorization, A-IM, If-None-Match")
}

func TestWithoutPartnersNothingIsThere(t *testing.T) {
	s := newSite(t)
	none := body(t, s.get("/none"))
	if res := s.get("/partners/msn/feed.rss"); res.StatusCode != 404 || body(t, res) != none {
		t.Errorf("%s: another answer than elsewhere", res.Status)
	}
	starting := web.Starting(web.Options{})
	res := ask(t, starting, http.MethodGet, "/partners/msn/feed.rss")
	keptPrivate(t, res)
	wantHeader(t, res, "Retry-After", "1")
}
