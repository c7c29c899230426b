package config

import (
	"fmt"
	"strings"
	"unicode"
)

// maxIDPrefix leaves most of an id, which has at most 256 bytes, to the publisher.
const maxIDPrefix = 100

// checkPublishers rejects publishers without a token or that share a token or ids.
func (c Config) checkPublishers(r Report) {
	embedded := c.NATS.Embedded
	names, tokens := map[string]string{}, map[Secret]string{embedded.PublisherToken: "nats.embedded.publisher_token_file"}
	for i, p := range embedded.Publishers {
		path := fmt.Sprintf("nats.embedded.publishers[%d]", i)
		checkLabel(path+".name", p.Name, names, r)
		if p.Token == "" {
			r(path+".token_file", "is missing: name a file with the token of this publisher")
		} else if first, ok := tokens[p.Token]; ok {
			r(path+".token_file", fmt.Sprintf("contains the same token as %s, but the token identifies the publisher: create another", first))
		}
		tokens[p.Token] = path + ".token_file"
		checkIDPrefix(path+".id_prefix", p.IDPrefix, r)
		for j, other := range embedded.Publishers[:i] {
			if p.IDPrefix != "" && other.IDPrefix != "" && (strings.HasPrefix(p.IDPrefix, other.IDPrefix) || strings.HasPrefix(other.IDPrefix, p.IDPrefix)) {
				r(path+".id_prefix", fmt.Sprintf("%q and %q of nats.embedded.publishers[%d] allow the same ids, because one begins with the other: change one", p.IDPrefix, other.IDPrefix, j))
			}
		}
	}
	if len(embedded.Publishers) == 0 {
		return
	}
	for i, subject := range c.Events.Subjects {
		for _, other := range c.Events.Subjects {
			// The server puts this before the subjects of named publishers.
			if taken := overlapping([]string{"_GW_FROM.*." + other}, subject); taken != "" {
				r(fmt.Sprintf("events.subjects[%d]", i), fmt.Sprintf("%q includes %s, on which the events of nats.embedded.publishers arrive: name the subjects one by one", subject, taken), "nats.embedded.publishers")
				break
			}
		}
	}
}

func checkIDPrefix(path, prefix string, r Report) {
	if len(prefix) > maxIDPrefix || strings.ContainsFunc(prefix, unicode.IsControl) {
		r(path, fmt.Sprintf("is not a valid beginning of an id: write at most %d bytes without control characters", maxIDPrefix))
	}
}
