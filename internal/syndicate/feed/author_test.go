package feed

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Atom wants a name; RSS takes an author by the address for mail alone.
func TestAuthorOfAFeed(t *testing.T) {
	for _, tt := range []struct {
		author              gallery.Author
		site                string
		name, email, editor string
	}{
		{gallery.Author{Name: "Desk", Email: "desk@example.com"}, "News", "Desk", "desk@example.com", "desk@example.com (Desk)"},
		{gallery.Author{Email: "desk@example.com"}, "News", "desk@example.com", "desk@example.com", "desk@example.com"},
		{gallery.Author{Name: "Desk", Email: "desk@bücher.example"}, "News", "Desk", "desk@xn--bcher-kva.example", "desk@xn--bcher-kva.example (Desk)"},
		{gallery.Author{Name: "Jörg", Email: "jörg@example.com"}, "News", "Jörg", "", ""},
		{gallery.Author{Name: "Desk", Email: "a b@example.com"}, "News", "Desk", "", ""},
		{gallery.Author{Email: "jörg@example.com"}, "News", "News", "", ""},
		{gallery.Author{}, " News & more\n", "News & more", "", ""},
		{gallery.Author{}, "", "All galleries", "", ""},
	} {
		ch := testChannel()
		ch.Author, ch.Site = tt.author, tt.site
		atom, rss := must(Assemble(Atom, ch, nil))(t), must(Assemble(RSS, ch, nil))(t)
		checkValid(t, atom)
		author := parseXML(t, atom.Bytes()).all("atom:author")[0]
		editor := parseXML(t, rss.Bytes()).children[0].textOf("managingEditor")
		if author.textOf("atom:name") != tt.name || author.textOf("atom:email") != tt.email || editor != tt.editor {
			t.Errorf("%+v is %q <%s>, in RSS %q", tt.author, author.textOf("atom:name"), author.textOf("atom:email"), editor)
		}
	}
}
