package config

import (
	"fmt"
	"strings"
	"unicode"
)

// maxIDPrefix leaves most of an id to the publisher.
const maxIDPrefix = 100

// checkPublishers wants each to have a token and ids that are nobody else's.
func (c Config) checkPublishers(r Report) {
	embedded := c.NATS.Embedded
	names, tokens := map[string]string{}, map[Secret]string{embedded.PublisherToken: "nats.embedded.publisher_token_file"}
	for i, p := range embedded.Publishers {
		path := fmt.Sprintf("nats.embedded.publishers[%d]", i)
		checkLabel(path+".name", p.Name, names, r)
		if p.Token == "" {
			r(path+".token_file", "is missing: name a file with the token that this publisher must give")
		} else if first, ok := tokens[p.Token]; ok {
			r(path+".token_file", fmt.Sprintf("holds the same token as %s, and the token says who publishes: make another", first))
		}
		tokens[p.Token] = path + ".token_file"
		if len(p.IDPrefix) > maxIDPrefix || strings.ContainsFunc(p.IDPrefix, unicode.IsControl) {
			r(path+".id_prefix", fmt.Sprintf("is no beginning of an id: write at most %d bytes", maxIDPrefix))
		}
		for j, other := range embedded.Publishers[:i] {
			if p.IDPrefix != "" && other.IDPrefix != "" && (strings.HasPrefix(p.IDPrefix, other.IDPrefix) || strings.HasPrefix(other.IDPrefix, p.IDPrefix)) {
				r(path+".id_prefix", fmt.Sprintf("%q and %q of nats.embedded.publishers[%d] do not keep ids apart: one begins with the other", p.IDPrefix, other.IDPrefix, j))
			}
		}
	}
	if len(embedded.Publishers) == 0 {
		return
	}
	for i, subject := range c.Events.Subjects {
		for _, other := range c.Events.Subjects {
			// What the subjects of the events of named publishers begin with.
			if taken := overlapping([]string{"_GW_FROM.*." + other}, subject); taken != "" {
				r(fmt.Sprintf("events.subjects[%d]", i), fmt.Sprintf("%q takes in %s, by which the events of nats.embedded.publishers are told apart: name the subjects one by one", subject, taken), "nats.embedded.publishers")
				break
			}
		}
	}
}
