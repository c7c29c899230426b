package feed

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// checkValid holds doc to the rules of its format, and to what validators and
// readers are known to stumble over.
func checkValid(t testing.TB, doc *Document) {
	t.Helper()
	switch doc.Format {
	case RSS:
		checkRSS(t, parseXML(t, doc.Bytes()))
	case Atom:
		checkAtom(t, parseXML(t, doc.Bytes()))
	case JSON:
		checkJSONFeed(t, doc.Bytes())
	}
}

func checkRSS(t testing.TB, root *node) {
	t.Helper()
	if root.name != "rss" || root.attrs["version"] != "2.0" || len(root.children) != 1 {
		t.Fatalf("<%s version=%q> with %d children", root.name, root.attrs["version"], len(root.children))
	}
	ch := root.children[0]
	checkChannel(t, ch)
	checkElements(t, root)
	var ids []string
	for _, item := range ch.all("item") {
		ids = append(ids, item.textOf("guid"))
		checkRSSItem(t, item)
	}
	checkUnique(t, ids)
}

func checkChannel(t testing.TB, ch *node) {
	t.Helper()
	for _, name := range []string{"title", "link", "description"} {
		if len(ch.all(name)) != 1 || ch.textOf(name) == "" {
			t.Errorf("channel: %d %s, %q", len(ch.all(name)), name, ch.textOf(name))
		}
	}
	checkWeb(t, "channel link", ch.textOf("link"))
	checkLinks(t, ch.all("atom:link"))
	if ch.place("ttl") >= 0 || ch.place("cloud") >= 0 || ch.place("skipHours") >= 0 {
		t.Error("channel has what gorilla/feeds writes wrongly")
	}
	if editor := ch.textOf("managingEditor"); editor != "" {
		checkMail(t, editor)
	}
	checkDate(t, time.RFC1123Z, ch.textOf("lastBuildDate"))
	for _, image := range ch.all("image") {
		checkWeb(t, "channel image", image.textOf("url"))
		if w := image.textOf("width"); w != "" && number(w) > 144 || number(image.textOf("height")) > 400 {
			t.Errorf("channel image %s × %s", w, image.textOf("height"))
		}
		if image.textOf("title") != ch.textOf("title") || image.textOf("link") != ch.textOf("link") {
			t.Error("channel image has another title or link than the channel")
		}
	}
}

func checkRSSItem(t testing.TB, item *node) {
	t.Helper()
	if item.textOf("title") == "" || item.textOf("description") == "" {
		t.Errorf("item with title %q and description %q", item.textOf("title"), item.textOf("description"))
	}
	if c := item.place("content:encoded"); c >= 0 && c < item.place("description") {
		t.Error("content:encoded before description")
	}
	checkWeb(t, "item link", item.textOf("link"))
	checkDate(t, time.RFC1123Z, item.textOf("pubDate"))
	guid := only(t, item.all("guid"))
	if _, isAddress := webAddress(guid.text); guid.text == "" || guid.attrs["isPermaLink"] != "false" && !isAddress {
		t.Errorf("guid %q with isPermaLink %q", guid.text, guid.attrs["isPermaLink"])
	}
	if item.place("author") >= 0 || item.place("source") >= 0 {
		t.Error("item has an author or a source as gorilla/feeds writes it")
	}
	if item.place("enclosure") >= 0 || item.place("media:group") >= 0 {
		t.Error("an enclosure in addition to media:content, or a media:group")
	}
}

// checkElements looks at every element of RSS and Atom alike.
func checkElements(t testing.TB, root *node) {
	t.Helper()
	root.each(func(n *node) {
		for _, name := range []string{"url", "href"} {
			if v, has := n.attrs[name]; has {
				checkWeb(t, n.name, v)
			}
		}
		if strings.HasPrefix(n.name, "media:") {
			checkMedia(t, n)
		}
		switch n.name {
		case "language", "dc:language":
			checkLanguage(t, n.text)
		case "category", "atom:category":
			if n.text+n.attrs["term"] == "" {
				t.Error("an empty category")
			}
		case "content:encoded", "atom:content":
			checkHarmless(t, n.text)
		}
		if lang, has := n.attrs["xml:lang"]; has {
			checkLanguage(t, lang)
		}
	})
}

func checkMedia(t testing.TB, n *node) {
	t.Helper()
	known := strings.Fields("content title description credit text thumbnail copyright keywords category")
	if !slices.Contains(known, strings.TrimPrefix(n.name, "media:")) {
		t.Errorf("<%s> is unknown to validators", n.name)
	}
	for _, name := range []string{"role", "isDefault"} {
		if v, has := n.attrs[name]; has {
			t.Errorf("<%s %s=%q>", n.name, name, v)
		}
	}
	for _, name := range []string{"fileSize", "width", "height"} {
		if v, has := n.attrs[name]; has && number(v) <= 0 {
			t.Errorf("<%s %s=%q>", n.name, name, v)
		}
	}
	if n.name == "media:content" && n.attrs["medium"] != "image" {
		t.Errorf("media:content of medium %q", n.attrs["medium"])
	}
}

func checkAtom(t testing.TB, feed *node) {
	t.Helper()
	if feed.name != "atom:feed" || len(feed.all("atom:author")) != 1 {
		t.Fatalf("<%s> with %d authors", feed.name, len(feed.all("atom:author")))
	}
	checkElements(t, feed)
	checkAtomHead(t, feed)
	checkLinks(t, feed.all("atom:link"))
	ids := []string{feed.textOf("atom:id")}
	entries := feed.place("atom:entry")
	for i, c := range feed.children {
		switch c.name {
		case "atom:entry":
			ids = append(ids, c.textOf("atom:id"))
			checkEntry(t, c)
		case "at:deleted-entry":
			checkDeleted(t, c)
		}
		if c.name != "atom:entry" && entries >= 0 && i > entries {
			t.Errorf("<%s> after an entry", c.name)
		}
	}
	checkUnique(t, ids)
}

// checkAtomHead looks at what a feed and an entry have in common.
func checkAtomHead(t testing.TB, n *node) {
	t.Helper()
	if id := n.textOf("atom:id"); !isIRI(id) {
		t.Errorf("id %q is no IRI", id)
	}
	if only(t, n.all("atom:title")).text == "" {
		t.Error("an empty title")
	}
	checkDate(t, time.RFC3339, only(t, n.all("atom:updated")).text)
	for _, person := range n.all("atom:author") {
		if person.textOf("atom:name") == "" {
			t.Error("an author without a name")
		}
		if m := person.textOf("atom:email"); m != "" {
			checkMail(t, m)
		}
	}
	checkAlternates(t, n)
}

func checkAlternates(t testing.TB, n *node) {
	t.Helper()
	var types []string
	for _, l := range n.all("atom:link") {
		if l.attrs["rel"] == "alternate" || l.attrs["rel"] == "" {
			types = append(types, l.attrs["type"])
		}
		if size, has := l.attrs["length"]; has && number(size) <= 0 {
			t.Errorf("link %v", l.attrs)
		}
	}
	checkUnique(t, types)
}

func checkEntry(t testing.TB, e *node) {
	t.Helper()
	checkAtomHead(t, e)
	checkDate(t, time.RFC3339, e.textOf("atom:published"))
	for _, c := range e.all("atom:content") {
		if c.attrs["type"] != "html" {
			t.Errorf("content of type %q", c.attrs["type"])
		}
	}
	if e.place("atom:content") < 0 && e.textOf("atom:summary") == "" {
		t.Error("an entry with neither content nor summary")
	}
}

func checkDeleted(t testing.TB, d *node) {
	t.Helper()
	if !isIRI(d.attrs["ref"]) {
		t.Errorf("deleted entry %q", d.attrs["ref"])
	}
	checkDate(t, time.RFC3339, d.attrs["when"])
}

// checkLinks looks at the links of a feed: exactly one self, no hub and no other
// relation twice.
func checkLinks(t testing.TB, links []*node) {
	t.Helper()
	var relations []string
	for _, l := range links {
		relation := l.attrs["rel"]
		if relation == "hub" {
			relation += " " + l.attrs["href"]
		}
		relations = append(relations, relation)
	}
	checkUnique(t, relations)
	if !slices.Contains(relations, "self") {
		t.Error("no link to itself")
	}
}

func checkUnique(t testing.TB, list []string) {
	t.Helper()
	slices.Sort(list)
	if n := len(slices.Compact(slices.Clone(list))); n != len(list) {
		t.Errorf("repeated: %q", list)
	}
}

func checkWeb(t testing.TB, what, s string) {
	t.Helper()
	if u, ok := webAddress(s); !ok {
		t.Errorf("%s %q is no absolute ASCII address: %v", what, s, u)
	}
}

func webAddress(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	plain := !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7F })
	return u, err == nil && plain && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func checkMail(t testing.TB, s string) {
	t.Helper()
	plain, _, _ := strings.Cut(s, " (")
	if _, err := mail.ParseAddress(plain); err != nil {
		t.Errorf("%q is no address for mail: %v", s, err)
	}
}

func checkLanguage(t testing.TB, s string) {
	t.Helper()
	if !regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`).MatchString(s) {
		t.Errorf("language %q", s)
	}
}

func checkDate(t testing.TB, layout, s string) {
	t.Helper()
	if d, err := time.Parse(layout, s); err != nil || d.Format(layout) != s {
		t.Errorf("date %q: %v", s, err)
	}
}

// number returns the number that s is, 0 when it is none.
func number(s string) int {
	n, _ := strconv.Atoi(s) // what is no number is zero
	return n
}
