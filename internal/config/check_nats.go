package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/event"
)

// Limits of one event, and NATS's limit of a stream's name.
const (
	minEvent      = 1 << 10
	maxEvent      = 8 << 20
	maxStreamName = 255
)

func serverSchemes() []string { return []string{"nats", "tls", "ws", "wss"} }

var prefix = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (n NATS) check(r Report) {
	if n.URL == "" {
		n.checkEmbedded(r)
	} else {
		n.checkServers(r)
		n.TLS.check(r)
		if len(n.Embedded.Publishers) > 0 {
			r("nats.embedded.publishers", "works with the embedded server only: give each publisher an account on your server, and remove this", "nats.url")
		}
		checkReadable("nats.credentials_file", n.CredentialsFile, r)
	}
	if !slices.Contains([]int{1, 3, 5}, n.Replicas) {
		r("nats.replicas", fmt.Sprintf("%d is not possible: write 1, 3 or 5", n.Replicas))
	}
	if !prefix.MatchString(n.Prefix) {
		r("nats.prefix", fmt.Sprintf("%q is not a prefix: write 1 to 64 of A-Z, a-z, 0-9, _ and -", n.Prefix))
	}
}

// checkEmbedded checks what the embedded server needs, and rejects keys that only
// an external server uses: nats.url was probably forgotten.
func (n NATS) checkEmbedded(r Report) {
	checkListen("nats.embedded.listen", n.Embedded.Listen, r)
	if strings.TrimSpace(n.Embedded.DataDir) == "" {
		r("nats.embedded.data_dir", "is empty: name a directory for the embedded server, or set nats.url")
	}
	if n.Replicas > 1 {
		r("nats.replicas", fmt.Sprintf("%d needs a cluster, and the embedded server is a single one: set nats.url, or write 1", n.Replicas), "nats.url")
	}
	for _, unused := range [][2]string{
		{"nats.credentials_file", n.CredentialsFile}, {"nats.tls.ca_file", n.TLS.CAFile},
		{"nats.tls.cert_file", n.TLS.CertFile}, {"nats.tls.key_file", n.TLS.KeyFile},
	} {
		if unused[1] != "" {
			r(unused[0], "has no effect on the embedded server: set nats.url, or remove it", "nats.url")
		}
	}
}

// checkServers does not quote an address, which may contain a password.
func (n NATS) checkServers(r Report) {
	for i, server := range strings.Split(string(n.URL), ",") {
		server = strings.TrimSpace(server)
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil || !slices.Contains(serverSchemes(), u.Scheme) || u.Hostname() == "" || u.Port() != "" && !isPort(u.Port()) {
			r("nats.url", fmt.Sprintf("address %d of %s is not a NATS address: write one such as nats://127.0.0.1:4222, "+
				"with commas between several and %%-escapes in a password", i+1, n.URL))
			return
		}
	}
}

func (t TLS) check(r Report) {
	checkReadable("nats.tls.ca_file", t.CAFile, r)
	checkReadable("nats.tls.cert_file", t.CertFile, r)
	checkReadable("nats.tls.key_file", t.KeyFile, r)
	if t.CertFile != "" && t.KeyFile == "" {
		r("nats.tls.cert_file", "has no key: set nats.tls.key_file too", "nats.tls.key_file")
	}
	if t.KeyFile != "" && t.CertFile == "" {
		r("nats.tls.key_file", "has no certificate: set nats.tls.cert_file too", "nats.tls.cert_file")
	}
}

func (e Events) check(r Report) {
	if e.Stream == "" || len(e.Stream) > maxStreamName || strings.ContainsAny(e.Stream, `.*>/\`) || strings.ContainsFunc(e.Stream, isUnprintable) {
		r("events.stream", fmt.Sprintf(`%q is not a stream name: write 1 to %d characters without spaces and none of . * > / \`, e.Stream, maxStreamName))
	}
	checkRange("events.max_event", e.MaxEvent, minEvent, maxEvent, r)
	if e.MaxBytes < e.MaxEvent {
		r("events.max_bytes", fmt.Sprintf("%s is less than events.max_event, which is %s: write more, such as 1GiB", e.MaxBytes, e.MaxEvent), "events.max_event")
	}
	e.checkSubjects(r)
	// The reader of ninjs checks the names of the placeholders.
	filled := placeholder.ReplaceAllString(e.URLTemplate, "x")
	_, why := webAddress(filled, everyReaderSees)
	if strings.ContainsAny(filled, "{}") {
		why = "has a { or } outside a placeholder"
	}
	if filled != "" && why != "" {
		r("events.url_template", fmt.Sprintf("%q %s: write an address such as https://news.example.com/{slug}", e.URLTemplate, why))
	}
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func (e Events) checkSubjects(r Report) {
	if len(e.Subjects) == 0 {
		r("events.subjects", "is empty: write the subjects on which the CMS publishes, such as [article.published, article.unpublished]")
	}
	for i, subject := range e.Subjects {
		path := fmt.Sprintf("events.subjects[%d]", i)
		if !isSubject(subject) {
			r(path, fmt.Sprintf("%q is not a subject: write words with dots between them, such as article.published", subject))
			continue
		}
		own := []string{event.Rejected, event.FeedUpdated, event.NoticeFailed, event.PartnerUpdated, event.PartnerNoticeFailed}
		if taken := overlapping(own, subject); taken != "" {
			r(path, fmt.Sprintf("%q includes %s, on which gallerywire itself publishes: name the subjects one by one", subject, taken))
		}
		if taken := overlapping(e.Subjects[:i], subject); taken != "" {
			r(path, fmt.Sprintf("%q overlaps %s, and a stream takes each subject only once: remove one", subject, taken))
		}
	}
}

// isSubject reports whether a stream can take subject, which may have wildcards.
func isSubject(subject string) bool {
	if strings.HasPrefix(subject, "$") || strings.ContainsFunc(subject, isUnprintable) {
		return false
	}
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		wild := strings.ContainsAny(token, "*>") && token != "*" && token != ">"
		if token == "" || wild || token == ">" && i < len(tokens)-1 {
			return false
		}
	}
	return true
}

func isUnprintable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// overlapping returns the first of subjects that can match the same message as
// subject, or nothing.
func overlapping(subjects []string, subject string) string {
	for _, s := range subjects {
		if overlap(strings.Split(s, "."), strings.Split(subject, ".")) {
			return s
		}
	}
	return ""
}

func overlap(a, b []string) bool {
	for len(a) > 0 && len(b) > 0 {
		if a[0] == ">" || b[0] == ">" {
			return true
		}
		if a[0] != b[0] && a[0] != "*" && b[0] != "*" {
			return false
		}
		a, b = a[1:], b[1:]
	}
	return len(a) == len(b)
}
