package feed

import (
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Link returns the Link header (RFC 8288) by which a document is found to be a
// topic (WebSub §4): each hub, then the document's own address. It has no other
// parameter, because subscribers are known to read nothing else. What is empty
// is left out.
func Link(hubs []string, self string) string {
	var links []string
	add := func(address, rel string) {
		if address != "" {
			links = append(links, "<"+address+`>; rel="`+rel+`"`)
		}
	}
	for _, hub := range hubs {
		add(hub, "hub")
	}
	add(self, "self")
	return strings.Join(links, ", ")
}

// withQuery returns the address with the parameters of query in place of those of the same
// names, before a fragment.
func withQuery(address, query string) string {
	if query == "" {
		return address
	}
	name := func(parameter string) string {
		name, _, _ := strings.Cut(parameter, "=")
		return name
	}
	added := strings.Split(query, "&")
	address, fragment, hasFragment := strings.Cut(address, "#")
	path, own, _ := strings.Cut(address, "?")
	parameters := slices.DeleteFunc(strings.Split(own, "&"), func(p string) bool {
		return p == "" || slices.ContainsFunc(added, func(q string) bool { return name(p) == name(q) })
	})
	address = path + "?" + strings.Join(append(parameters, added...), "&")
	if hasFragment {
		address += "#" + fragment
	}
	return gallery.WebAddress(address, nil)
}
