package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxIDPrefix leaves most of an id, which has at most 256 bytes, to the publisher, and
// maxGUIDPrefix most of a guid, which has 2048.
const maxIDPrefix, maxGUIDPrefix = 100, 1000

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

// checkGUIDPrefixes rejects senders that could take the place of each other's galleries in
// feeds, by one and the same guid.
func (c Config) checkGUIDPrefixes(r Report) {
	type sender struct {
		path, id string
		guids    []string
	}
	var senders []sender
	for i, p := range c.NATS.Embedded.Publishers {
		senders = append(senders, sender{fmt.Sprintf("nats.embedded.publishers[%d]", i), p.IDPrefix, p.GUIDPrefixes})
	}
	for i, k := range c.Intake.Keys {
		senders = append(senders, sender{fmt.Sprintf("intake.keys[%d]", i), k.IDPrefix, k.GUIDPrefixes})
	}
	for i, s := range senders {
		if len(s.guids) > 0 && s.id == "" {
			r(s.path+".guid_prefixes", "is without id_prefix, so that the sender could change the galleries of every other: write how its ids begin", s.path+".id_prefix")
		}
		for j, guid := range s.guids {
			path := fmt.Sprintf("%s.guid_prefixes[%d]", s.path, j)
			if guid == "" || guid != gallery.Line(guid) || len(guid) > maxGUIDPrefix {
				r(path, fmt.Sprintf("is not a valid beginning of a guid: write one such as https://old.example.com/, of at most %d bytes", maxGUIDPrefix))
				continue
			}
			same := func(other string) bool {
				a, b := strings.ToLower(guid), strings.ToLower(other)
				return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
			}
			for _, other := range senders[:i] {
				if k := slices.IndexFunc(other.guids, same); k >= 0 && other.id != s.id {
					r(path, fmt.Sprintf("%q and %q of %s allow the same guids, because one begins with the other: change one", guid, other.guids[k], other.path))
				}
			}
		}
	}
}
