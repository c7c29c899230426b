package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextThatCannotBeRead(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"tab", "http:\n\tlisten: x\n", "g.yaml:2:1: a tab: indent with spaces"},
		{"secret after a bar", "nats:\n  url: |hunter2\n", "g.yaml:2:8: cannot begin a text of several lines: put the value in quotes"},
		{"unquoted @", "schedule:\n  notices: @hourly\n", "g.yaml:2:12: '@' is a reserved character: put the value in quotes"},
		{"list for the root", "- a\n", "g.yaml:1:1: is a list: write keys and their values"},
		{"not UTF-8", "site:\n  title: Stra\xdfe\n", "g.yaml:2:14: is not UTF-8: save it as UTF-8"},
		{"two documents", "log: {level: debug}\n---\nlog: {level: info}\n", "g.yaml:3:4: a second document: keep one"},
		{"document after an empty one", "---\n# c\n---\nlog: {}\n", "g.yaml:3:1: a second document: keep one"},
		{"deep brackets", strings.Repeat("[", 1000), "g.yaml:1:33: nested too deeply: no key needs that"},
		{"deep dashes", strings.Repeat("- ", 1000), "g.yaml:1:67: nested too deeply: no key needs that"},
		{"too long", strings.Repeat("#\n", maxSource), "g.yaml: is larger than 256KiB: remove everything that is not configuration"},
		{"alias of nothing", "site:\n  title: *name\n", "g.yaml:2:10: site.title: *name has no anchor before it: write the value, or put &name before the value that it repeats"},
		{"alias of itself", "feeds: &f [*f]\n", "g.yaml:1:12: feeds[0]: *f has no anchor before it: write the value, or put &f before the value that it repeats"},
		{"merge of a scalar", "http:\n  <<: 3\n", "g.yaml:2:7: http: << takes a mapping: name one with *"},
		{"control character in a key", "\"a\\e[31m\": 1\n", `g.yaml:1:1: …: unknown key: the keys here are site, http, nats, events, intake, feeds, dynamic, rights, partners, archive, tombstones, limits, schedule, notices, websub, webhooks, digests, outbound, log`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{tt.want}, problemsOf(t, tt.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextThatStatesNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "# only\n", "---\n", "{}", "null", "# c\n---\n# d\n"} {
		got, err := load("g.yaml", []byte(text), nil, nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(Default(), got, sameValues()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestWaysToWriteTheSame(t *testing.T) {
	for name, text := range map[string]string{
		"block":            "site:\n  title: Old & new\nfeeds:\n  - name: a\n    items: 5\n  - name: b\n    items: 5\n",
		"flow":             `{site: {title: "Old & new"}, feeds: [{name: a, items: 5}, {name: b, items: 5}]}`,
		"JSON":             `{"site": {"title": "Old \u0026 new"}, "feeds": [{"name": "a", "items": 5}, {"name": "b", "items": 5}]}`,
		"Windows":          "\ufeffsite:\r\n  title: Old & new\r\nfeeds:\r\n  - {name: a, items: 5}\r\n  - {name: b, items: 5}\r\n",
		"directive":        "%YAML 1.2\n---\nsite: {title: Old & new}\nfeeds: [{name: a, items: 5}, {name: b, items: 5}]\n",
		"folded":           "site:\n  title: >-\n    Old\n    & new\nfeeds: [{name: a, items: 5}, {name: b, items: 5}]\n",
		"tags and quotes":  "site: {title: !!str 'Old & new'}\nfeeds: !!seq [{name: a, items: '5'}, {name: \"b\", items: 5}]\n",
		"merge":            "site: {title: Old & new}\nfeeds:\n  - &first\n    name: a\n    items: 5\n  - <<: *first\n    name: b\n",
		"merge of several": "site: {title: Old & new}\nfeeds:\n  - &one {name: a, items: &n 5}\n  - {name: b, <<: [*one, *one]}\n",
		"alias":            "site: {title: Old & new}\nfeeds:\n  - {name: a, items: &n 5}\n  - {name: b, items: *n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			want := Default()
			want.Site.Title = "Old & new"
			want.Feeds = []Feed{feedOf("a", 5), feedOf("b", 5)}
			got, err := load("g.yaml", []byte(text), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameValues()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
