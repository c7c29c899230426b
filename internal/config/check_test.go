package config

import (
	"strings"
	"testing"
)

func TestValuesThatCannotBe(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`site: {id: "Example.com"}`, "site.id"},
		{`site: {id: "https://example.com"}`, "site.id"},
		{`site: {id: "a_b.example.com"}`, "site.id"},
		{`site: {title: "  "}`, "site.title"},
		{`site: {base_url: "news.example.com"}`, "site.base_url"},
		{`site: {base_url: "ftp://news.example.com"}`, "site.base_url"},
		{`site: {base_url: "https://"}`, "site.base_url"},
		{`site: {base_url: "https://a.example/?q"}`, "site.base_url"},
		{`site: {base_url: "https://a.example/?"}`, "site.base_url"},
		{`site: {base_url: "https://a.example/#"}`, "site.base_url"},
		{`site: {base_url: "https://u:p@a.example"}`, "site.base_url"},
		{`site: {base_url: "https://münchen.example"}`, "site.base_url"},
		{`site: {base_url: "https://a.example/bücher"}`, "site.base_url"},
		{`site: {base_url: "https://a.example:99999"}`, "site.base_url"},
		{`site: {language: en_US}`, "site.language"},
		{`site: {language: ""}`, "site.language"},
		{`site: {author: {email: "A <a@example.com>"}}`, "site.author.email"},
		{`site: {author: {email: nobody}}`, "site.author.email"},
		{`http: {listen: "8080"}`, "http.listen"},
		{`http: {listen: "http://127.0.0.1:80"}`, "http.listen"},
		{`http: {listen: "a/b:80"}`, "http.listen"},
		{`http: {listen: "127.0.0.1:http"}`, "http.listen"},
		{`http: {admin_listen: ""}`, "http.admin_listen"},
		{`http: {admin_listen: "127.0.0.1:8080"}`, "http.admin_listen"},
		{`http: {max_age: -1s}`, "http.max_age"},
		{`http: {max_age: 25h}`, "http.max_age"},
		{`nats: {url: "h1,,h2"}`, "nats.url"},
		{`nats: {url: "http://h1"}`, "nats.url"},
		{`nats: {url: "nats://h1:99999"}`, "nats.url"},
		{`nats: {embedded: {listen: "localhost"}}`, "nats.embedded.listen"},
		{`nats: {embedded: {listen: "127.0.0.1:8081"}}`, "nats.embedded.listen"},
		{`nats: {embedded: {data_dir: ""}}`, "nats.embedded.data_dir"},
		{`nats: {embedded: {sync: sometimes}}`, "nats.embedded.sync"},
		{`nats: {credentials_file: a.creds}`, "nats.credentials_file"},
		{`nats: {tls: {ca_file: ca.pem}}`, "nats.tls.ca_file"},
		{`nats: {url: h, tls: {cert_file: check.go}}`, "nats.tls.cert_file"},
		{`nats: {url: h, tls: {key_file: check.go}}`, "nats.tls.key_file"},
		{`nats: {url: h, replicas: 2}`, "nats.replicas"},
		{`nats: {replicas: 3}`, "nats.replicas"},
		{`nats: {prefix: a.b}`, "nats.prefix"},
		{`nats: {prefix: ""}`, "nats.prefix"},
		{`events: {stream: "A.B"}`, "events.stream"},
		{`events: {stream: "A B"}`, "events.stream"},
		{`events: {stream: ""}`, "events.stream"},
		{`events: {subjects: []}`, "events.subjects"},
		{`events: {subjects: [a..b]}`, "events.subjects[0]"},
		{`events: {subjects: [a.]}`, "events.subjects[0]"},
		{`events: {subjects: [a.>.b]}`, "events.subjects[0]"},
		{`events: {subjects: ["a.b*"]}`, "events.subjects[0]"},
		{`events: {subjects: ["$KV.x"]}`, "events.subjects[0]"},
		{`events: {subjects: ["a\tb"]}`, "events.subjects[0]"},
		{`events: {subjects: [">"]}`, "events.subjects[0]"},
		{`events: {subjects: ["article.*"]}`, "events.subjects[0]"},
		{`events: {subjects: ["*.updated"]}`, "events.subjects[0]"},
		{`events: {subjects: [a.b, "a.*"]}`, "events.subjects[1]"},
		{`events: {subjects: [a.b, a.b]}`, "events.subjects[1]"},
		{`events: {max_event: 1000}`, "events.max_event"},
		{`events: {max_event: 9MiB}`, "events.max_event"},
		{`events: {max_bytes: 1MB}`, "events.max_bytes"},
		{`feeds: [{name: -a}]`, "feeds[0].name"},
		{`feeds: [{name: ` + strings.Repeat("a", 65) + `}]`, "feeds[0].name"},
		{`feeds: [{name: a}, {name: a}]`, "feeds[1].name"},
		{`feeds: [{name: a, aliases: [b]}, {name: b}]`, "feeds[1].name"},
		{`feeds: [{name: a, aliases: [b, b]}]`, "feeds[0].aliases[1]"},
		{`feeds: [{name: a, aliases: [A]}]`, "feeds[0].aliases[0]"},
		{`feeds: [{name: a, items: 0}]`, "feeds[0].items"},
		{`feeds: [{name: a, items: 1001}]`, "feeds[0].items"},
		{`feeds: [{name: a, content: all}]`, "feeds[0].content"},
		{`feeds: [{name: a, match: {sections: [""]}}]`, "feeds[0].match.sections[0]"},
		{`feeds: [{name: a, match: {tags: [x, ]}}, {name: b, match: {tags: [~]}}]`, "feeds[1].match.tags[0]"},
		{`feeds: [{name: a, match: {languages: [en_US]}}]`, "feeds[0].match.languages[0]"},
		{`schedule: {timezone: ""}`, "schedule.timezone"},
		{`schedule: {republish: ""}`, "schedule.republish"},
		{`schedule: {notices: " "}`, "schedule.notices"},
		{`notices: {quiet_period: -1s}`, "notices.quiet_period"},
		{`notices: {max_wait: 0s, quiet_period: 0s}`, "notices.max_wait"},
		{`notices: {quiet_period: 11s}`, "notices.quiet_period"},
		{`log: {level: loud}`, "log.level"},
		{`log: {format: xml}`, "log.format"},
		{`site: {title: "a\u0000b"}`, "site.title"},
	} {
		got := problemsOf(t, tt.text)
		if len(got) != 1 || !strings.Contains(got[0], " "+tt.want+": ") {
			t.Errorf("%s: %q, want one problem of %s", tt.text, got, tt.want)
		}
	}
}

func TestValuesThatCanBe(t *testing.T) {
	for _, text := range []string{
		`site: {id: "news.example.com", base_url: "http://[::1]:8080/a/b", language: zh-Hant-TW}`,
		`site: {id: localhost, base_url: "https://xn--mnchen-3ya.example"}`,
		`site: {author: {email: desk@example.com}}`,
		`http: {listen: ":0", admin_listen: ":0", max_age: 0s}`,
		`http: {listen: "[::1]:8080", admin_listen: "localhost:8080", max_age: 24h}`,
		`http: {listen: "127.0.0.1:4222"}` + "\n" + `nats: {url: "nats://h"}`,
		`nats: {url: "nats://u:p%2Cw@nats_1:4222, tls://h2,h3:4222", replicas: 5, prefix: site_2-b}`,
		`nats: {url: "wss://h", credentials_file: check.go, tls: {ca_file: check.go, cert_file: check.go, key_file: check.go}}`,
		`events: {stream: cms_articles-1, subjects: ["cms.*.published", "cms.*.gone.>"], max_event: 8MiB, max_bytes: 8MiB}`,
		`feeds: [{name: a, items: 1000, content: summary, aliases: [0_-]}, {name: ` + strings.Repeat("z", 64) + `, items: 1}]`,
		`schedule: {timezone: Europe/Rome, republish: "*/5 * * * *"}`,
		`notices: {quiet_period: 10s}`,
		`log: {level: WARN, format: json}`,
	} {
		if got := problemsOf(t, text); got != nil {
			t.Errorf("%s: %q", text, got)
		}
	}
}
