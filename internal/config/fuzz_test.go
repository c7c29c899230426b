package config

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzLoad holds that no text panics, that what is refused says why, and that what
// is accepted means the same when it is written out and read again.
func FuzzLoad(f *testing.F) {
	file, err := os.ReadFile(reference)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(regexp.MustCompile(`(?m)^.*_file.*$`).ReplaceAllString(string(file), ""), "[{name: a}]", "5s")
	f.Add("site: {title: \"\\u2028\\\"<é\"}\nevents: {subjects: [a.>]}\nnats: {embedded: {sync: 90s}}\n", "[{name: b, match: {tags: ['#x', '- y']}}]", "1h")
	f.Add("site: {icon: 'http://a/%2f?é'}\nevents: {url_template: 'https://{a}.b/{}'}\ndynamic: {tags: FALSE}\n", "[{name: c, order: updated}]", "0s")
	f.Add("websub: {lease: {min: 61s}, external_hubs: ['http://h/?é']}\noutbound: {allow_networks: ['::ffff:10.0.0.0/104', fd00::1], timeout: 90s}\n", "[{name: a}]", "1h")
	f.Add("webhooks: [{name: '-', url: 'HTTPS://h', secrets: [&s whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz, *s], feeds: [sections/é]}]\n", "[{name: a}]", "1h")
	f.Add("digests: [{name: d, schedule: '* * * * *', to: ['smtp://u:p w@h', \"a://b\\u2028\"]}]\n", "[{name: a}]", "1h")
	f.Add("intake: {keys: [{name: 1, kind: superdesk, secret: \"a\\nb\", id_prefix: é, callback: {url: 'http://h', secret: whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz}}], requests_per_minute: 1}\n", "[{name: a}]", "1h")
	f.Add("a: &x {b: *x}\n<<: *x\n", "- &a\n- *a\n", "")
	f.Add("{site: {title: \"\\u2028\\\"\"}, log: }", "[[", "\x00")
	f.Add("feeds:\n- name: a\n  match: {tags: [é, 'it''s', \"a\\nb\"]}\n", "", "1h")
	f.Add("? a\n: b\n---\n...\n!!x &y |2-\n z\n", "&a [*a]", "\xff")
	f.Fuzz(func(t *testing.T, text, feeds, maxAge string) {
		if strings.Contains(text, "_file") {
			t.Skip("could read any file of the machine")
		}
		c, err := load("g.yaml", []byte(text), []string{"GALLERYWIRE_FEEDS=" + feeds, "GALLERYWIRE_HTTP_MAX_AGE=" + maxAge}, nil)
		if err != nil {
			requireProblems(t, err)
			return
		}
		written, err := json.Marshal(stated(reflect.ValueOf(c)))
		if err != nil {
			t.Fatal(err)
		}
		again, err := load("again.yaml", written, nil, nil)
		if err != nil {
			t.Fatalf("accepted, written out and refused: %v\n%s", err, written)
		}
		if diff := cmp.Diff(c, again, sameValues()); diff != "" {
			t.Errorf("changed by writing it out (-first +again):\n%s\n%s", diff, written)
		}
	})
}

func requireProblems(t *testing.T, err error) {
	t.Helper()
	var ps Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("refused without problems: %#v", err)
	}
	for _, p := range ps {
		if p.Message == "" || p.Source == "" {
			t.Errorf("a problem without a source or a message: %#v", p)
		}
	}
}

// stated is v as a file would state it, without the files it names.
func stated(v reflect.Value) any {
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	if p, ok := v.Interface().(netip.Prefix); ok {
		return p.String()
	}
	switch v.Kind() {
	case reflect.Slice:
		items := []any{}
		for i := range v.Len() {
			items = append(items, stated(v.Index(i)))
		}
		return items
	case reflect.Struct:
		section := map[string]any{}
		for i := range v.NumField() {
			if key := v.Type().Field(i).Tag.Get("yaml"); key != "" && !strings.HasSuffix(key, "_file") {
				section[key] = stated(v.Field(i))
			}
		}
		return section
	case reflect.String:
		return v.String()
	}
	return v.Interface()
}
