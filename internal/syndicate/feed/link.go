package feed

import "strings"

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
