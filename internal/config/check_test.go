package config

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// webhooks is a configuration whose webhooks state these keys.
func webhooks(entries ...string) string {
	return "webhooks: [{" + strings.Join(entries, "}, {") + "}]"
}

// signing is a secret of so many bytes.
func signing(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, n))
}

// refused is a text with one value that cannot be, and the key of it.
type refused struct{ text, want string }

// refusals is what the loader refuses.
func refusals() []refused {
	return append(obvious(), subtle()...)
}

// obvious is what the schema tells as well.
func obvious() []refused {
	return []refused{
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
		{`site: {language: en US}`, "site.language"},
		{`site: {language: x}`, "site.language"},
		{`site: {language: ""}`, "site.language"},
		{`site: {author: {email: "A <a@example.com>"}}`, "site.author.email"},
		{`site: {author: {email: nobody}}`, "site.author.email"},
		{`site: {icon: "/icon.png"}`, "site.icon"},
		{`site: {icon: "data:image/png;base64,AA=="}`, "site.icon"},
		{`site: {icon: "https://u:p@a.example/icon.png"}`, "site.icon"},
		{`site: {icon: "https://münchen.example/icon.png"}`, "site.icon"},
		{`site: {image: "https:///logo.png"}`, "site.image"},
		{`site: {image: "https://a.example:x/logo.png"}`, "site.image"},
		{`http: {listen: "8080"}`, "http.listen"},
		{`http: {listen: "http://127.0.0.1:80"}`, "http.listen"},
		{`http: {listen: "a/b:80"}`, "http.listen"},
		{`http: {listen: "127.0.0.1:http"}`, "http.listen"},
		{`http: {admin_listen: ""}`, "http.admin_listen"},
		{`http: {max_age: -1s}`, "http.max_age"},
		{`nats: {url: "h1,,h2"}`, "nats.url"},
		{`nats: {url: "http://h1"}`, "nats.url"},
		{`nats: {embedded: {listen: "localhost"}}`, "nats.embedded.listen"},
		{`nats: {embedded: {data_dir: ""}}`, "nats.embedded.data_dir"},
		{`nats: {embedded: {sync: sometimes}}`, "nats.embedded.sync"},
		{`nats: {url: h, replicas: 2}`, "nats.replicas"},
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
		{`events: {subjects: [a.b, a.b]}`, "events.subjects[1]"},
		{`events: {max_event: 1000}`, "events.max_event"},
		{`events: {url_template: "/galleries/{slug}"}`, "events.url_template"},
		{`events: {url_template: "{slug}"}`, "events.url_template"},
		{`events: {url_template: "ftp://a.example/{slug}"}`, "events.url_template"},
		{`events: {url_template: "https://{slug/"}`, "events.url_template"},
		{`events: {url_template: "https://a.example/{{slug}}"}`, "events.url_template"},
		{`events: {url_template: "https://a.example/{id}/slug}"}`, "events.url_template"},
		{`feeds: [{name: -a}]`, "feeds[0].name"},
		{`feeds: [{name: ` + strings.Repeat("a", 65) + `}]`, "feeds[0].name"},
		{`feeds: [{name: a, aliases: [b, b]}]`, "feeds[0].aliases[1]"},
		{`feeds: [{name: a, aliases: [A]}]`, "feeds[0].aliases[0]"},
		{`feeds: [{name: a, items: 0}]`, "feeds[0].items"},
		{`feeds: [{name: a, items: 1001}]`, "feeds[0].items"},
		{`feeds: [{name: a, content: all}]`, "feeds[0].content"},
		{`feeds: [{name: a, order: newest}]`, "feeds[0].order"},
		{`feeds: [{name: a, order: ""}]`, "feeds[0].order"},
		{`dynamic: {order: newest}`, "dynamic.order"},
		{`feeds: [{name: a, match: {sections: [""]}}]`, "feeds[0].match.sections[0]"},
		{`feeds: [{name: a, match: {tags: [x, ]}}, {name: b, match: {tags: [~]}}]`, "feeds[1].match.tags[0]"},
		{`feeds: [{name: a, match: {languages: [en.US]}}]`, "feeds[0].match.languages[0]"},
		{`dynamic: {sections: yes}`, "dynamic.sections"},
		{`dynamic: {tags: }`, "dynamic.tags"},
		{`dynamic: {authors: [true]}`, "dynamic.authors"},
		{`dynamic: {items: 0}`, "dynamic.items"},
		{`dynamic: {items: 1001}`, "dynamic.items"},
		{`dynamic: {cache: 0}`, "dynamic.cache"},
		{`dynamic: {cache: 100001}`, "dynamic.cache"},
		{`archive: {page: 9}`, "archive.page"},
		{`archive: {page: 1001}`, "archive.page"},
		{`tombstones: {keep: -1s}`, "tombstones.keep"},
		{`tombstones: {titles: [{text: Gone}]}`, "tombstones.titles[0].language"},
		{`tombstones: {titles: [{language: e, text: Gone}]}`, "tombstones.titles[0].language"},
		{`tombstones: {titles: [{language: en, text: " "}]}`, "tombstones.titles[0].text"},
		{`limits: {gallery: 16383}`, "limits.gallery"},
		{`http: {serve_without_nats: -1s}`, "http.serve_without_nats"},
		{`http: {cache_bytes: -1}`, "http.cache_bytes"},
		{`http: {max_connections: -1}`, "http.max_connections"},
		{`http: {max_connections_per_client: 1000001}`, "http.max_connections_per_client"},
		{`schedule: {timezone: ""}`, "schedule.timezone"},
		{`schedule: {republish: ""}`, "schedule.republish"},
		{`schedule: {notices: " "}`, "schedule.notices"},
		{`notices: {quiet_period: -1s}`, "notices.quiet_period"},
		{`websub: {hub: 1}`, "websub.hub"},
		{`websub: {signature: md5}`, "websub.signature"},
		{`websub: {signature: SHA256}`, "websub.signature"},
		{`websub: {lease: 240h}`, "websub.lease"},
		{`websub: {max_subscriptions: 0}`, "websub.max_subscriptions"},
		{`websub: {max_per_topic: 0}`, "websub.max_per_topic"},
		{`websub: {max_per_host: -1}`, "websub.max_per_host"},
		{`websub: {requests_per_minute: 0}`, "websub.requests_per_minute"},
		{`websub: {external_hubs: [hub.example.com]}`, "websub.external_hubs[0]"},
		{`websub: {external_hubs: ["https://a.example/", "https://u@b.example/"]}`, "websub.external_hubs[1]"},
		{`websub: {external_hubs: ["https:///hub"]}`, "websub.external_hubs[0]"},
		{webhooks(`url: "http://a.example", secrets: [` + signing(32) + `]`), "webhooks[0].name"},
		{webhooks(`name: A, url: "http://a.example", secrets: [` + signing(32) + `]`), "webhooks[0].name"},
		{webhooks(`name: ` + strings.Repeat("a", 65) + `, url: "http://a.example", secrets: [` + signing(32) + `]`), "webhooks[0].name"},
		{webhooks(`name: a, secrets: [` + signing(32) + `]`), "webhooks[0].url"},
		{webhooks(`name: a, url: "ftp://a.example", secrets: [` + signing(32) + `]`), "webhooks[0].url"},
		{webhooks(`name: a, url: "https://u:p@a.example", secrets: [` + signing(32) + `]`), "webhooks[0].url"},
		{webhooks(`name: a, url: "https://münchen.example", secrets: [` + signing(32) + `]`), "webhooks[0].url"},
		{webhooks(`name: a, url: "https://a.example:x", secrets: [` + signing(32) + `]`), "webhooks[0].url"},
		{webhooks(`name: a, url: "https://a.example/#x", secrets: [` + signing(32) + `]`), "webhooks[0].url"},
		{webhooks(`name: a, url: "http://a.example"`), "webhooks[0].secrets"},
		{webhooks(`name: a, url: "http://a.example", secrets: []`), "webhooks[0].secrets"},
		{webhooks(`name: a, url: "http://a.example", secrets: ` + signing(32)), "webhooks[0].secrets"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `, ""]`), "webhooks[0].secrets[1]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(23) + `]`), "webhooks[0].secrets[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(65) + `]`), "webhooks[0].secrets[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + strings.TrimPrefix(signing(32), "whsec_") + `]`), "webhooks[0].secrets[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + strings.TrimRight(signing(32), "=") + `]`), "webhooks[0].secrets[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `x]`), "webhooks[0].secrets[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [[` + signing(32) + `]]`), "webhooks[0].secrets[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `], feeds: [all, sections/Travel]`), "webhooks[0].feeds[1]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `], feeds: [sections/]`), "webhooks[0].feeds[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `], feeds: [tags/a.rss]`), "webhooks[0].feeds[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `], feeds: [feeds/all]`), "webhooks[0].feeds[0]"},
		{`rights: {rules: [{deny: [public]}]}`, "rights.rules[0]"},
		{`rights: {rules: [{credits: ["Getty*"]}]}`, "rights.rules[0]"},
		{`rights: {rules: [{credits: ["Getty*"], sources: [AP], allow: [" "]}]}`, "rights.rules[0].allow[0]"},
		{`rights: {rules: [{sources: [""], deny: [public]}]}`, "rights.rules[0].sources[0]"},
		{`digests: [{schedule: "@daily", to: ["smtp://h"]}]`, "digests[0].name"},
		{`digests: [{name: a, to: ["smtp://h"]}]`, "digests[0].schedule"},
		{`digests: [{name: a, schedule: "@daily"}]`, "digests[0].to"},
		{`digests: [{name: a, schedule: "@daily", to: []}]`, "digests[0].to"},
		{`digests: [{name: a, schedule: "@daily", to: [desk@example.com]}]`, "digests[0].to[0]"},
		{`digests: [{name: a, schedule: "@daily", to: ["smtp://h", "://h"]}]`, "digests[0].to[1]"},
		{`digests: [{name: a, schedule: "@daily", to: ["smtp://"]}]`, "digests[0].to[0]"},
		{`digests: [{name: a, schedule: "@daily", to: ["smtp://h h"]}]`, "digests[0].to[0]"},
		{`outbound: {allow_networks: 10.0.0.0/8}`, "outbound.allow_networks"},
		{`outbound: {allow_networks: [10.0.0.0/33]}`, "outbound.allow_networks[0]"},
		{`outbound: {allow_networks: [10.0.0]}`, "outbound.allow_networks[0]"},
		{`outbound: {allow_networks: [localhost]}`, "outbound.allow_networks[0]"},
		{`outbound: {allow_networks: ["fe80::1%eth0"]}`, "outbound.allow_networks[0]"},
		{`outbound: {allow_networks: [{a: b}]}`, "outbound.allow_networks[0]"},
		{`outbound: {allow_http: never}`, "outbound.allow_http"},
		{`outbound: {attempts: 0}`, "outbound.attempts"},
		{`outbound: {attempts: 51}`, "outbound.attempts"},
		{`log: {level: loud}`, "log.level"},
		{`log: {format: xml}`, "log.format"},
		{`log: {requests: all}`, "log.requests"},
	}
}

// subtle is what only the loader can tell: what depends on another key or entry, how long
// a time is, and what a name stands for.
func subtle() []refused {
	return []refused{
		{`site: {base_url: "https://a.example:99999"}`, "site.base_url"},
		{`http: {admin_listen: "127.0.0.1:8080"}`, "http.admin_listen"},
		{`http: {max_age: 25h}`, "http.max_age"},
		{`nats: {url: "nats://h1:99999"}`, "nats.url"},
		{`nats: {embedded: {listen: "127.0.0.1:8081"}}`, "nats.embedded.listen"},
		{`nats: {credentials_file: a.creds}`, "nats.credentials_file"},
		{`nats: {tls: {ca_file: ca.pem}}`, "nats.tls.ca_file"},
		{`nats: {url: h, tls: {cert_file: check.go}}`, "nats.tls.cert_file"},
		{`nats: {url: h, tls: {key_file: check.go}}`, "nats.tls.key_file"},
		{`nats: {replicas: 3}`, "nats.replicas"},
		{`events: {subjects: [">"]}`, "events.subjects[0]"},
		{`events: {subjects: ["article.*"]}`, "events.subjects[0]"},
		{`events: {subjects: ["*.updated"]}`, "events.subjects[0]"},
		{`events: {subjects: [a.b, "a.*"]}`, "events.subjects[1]"},
		{`events: {max_event: 9MiB}`, "events.max_event"},
		{`events: {max_bytes: 1MB}`, "events.max_bytes"},
		{`feeds: [{name: a}, {name: a}]`, "feeds[1].name"},
		{`feeds: [{name: a, aliases: [b]}, {name: b}]`, "feeds[1].name"},
		{`tombstones: {keep: 8761h}`, "tombstones.keep"},
		{`tombstones: {keep: 0s, stub: true}`, "tombstones.stub"},
		{`tombstones: {titles: [{language: pt-BR, text: a}, {language: pt_br, text: b}]}`, "tombstones.titles[1].language"},
		{`tombstones: {titles: [{language: he, text: a}, {language: iw, text: b}]}`, "tombstones.titles[1].language"},
		{`site: {language: de-419-DE}`, "site.language"},
		{`feeds: [{name: a, match: {languages: [i-foo]}}]`, "feeds[0].match.languages[0]"},
		{`site: {author: {email: "jörg@example.com"}}`, "site.author.email"},
		{`limits: {gallery: 17MiB}`, "limits.gallery"},
		{`limits: {gallery: 16MiB, document: 15MiB}`, "limits.document"},
		{`limits: {document: 65MiB}`, "limits.document"},
		{`limits: {document: 1MiB}`, "limits.document"},
		{`notices: {max_wait: 0s, quiet_period: 0s}`, "notices.max_wait"},
		{`notices: {quiet_period: 11s}`, "notices.quiet_period"},
		{`websub: {lease: {default: 59m}}`, "websub.lease.default"},
		{`websub: {lease: {default: 721h}}`, "websub.lease.default"},
		{`websub: {lease: {min: 59s}}`, "websub.lease.min"},
		{`websub: {lease: {min: 721h}}`, "websub.lease.min"},
		{`websub: {lease: {max: 8761h}}`, "websub.lease.max"},
		{`websub: {lease: {max: 0s}}`, "websub.lease.max"},
		{webhooks(`name: a, url: "http://a.example", secrets_file: /no/such/file`), "webhooks[0].secrets_file"},
		{webhooks(`name: a, url: "http://a.example", secrets: [` + signing(32) + `], feeds: [travel]`), "webhooks[0].feeds[0]"},
		{"nats: {embedded: {publishers: [{name: a, token_file: /no/such/file}]}}", "nats.embedded.publishers[0].token_file"},
		{webhooks(`name: a, url: "http://a.example", secrets: [`+signing(32)+`]`, `name: a, url: "http://b.example", secrets: [`+signing(32)+`]`), "webhooks[1].name"},
		{`digests: [{name: a, schedule: "@daily", to_file: /no/such/file}]`, "digests[0].to_file"},
		{`digests: [{name: a, schedule: "@daily", to: ["smtp://h"], feeds: [news]}]`, "digests[0].feeds[0]"},
		{`digests: [{name: a, schedule: "@daily", to: ["smtp://h"]}, {name: a, schedule: "@daily", to: ["smtp://h"]}]`, "digests[1].name"},
		{`outbound: {allow_networks: [10.0.0.0/8, 10.1.2.3/8]}`, "outbound.allow_networks[1]"},
		{`outbound: {timeout: 999ms}`, "outbound.timeout"},
		{`outbound: {timeout: 121s}`, "outbound.timeout"},
		{`outbound: {give_up_after: 59s}`, "outbound.give_up_after"},
		{`outbound: {give_up_after: 1s}`, "outbound.give_up_after"},
		{`outbound: {give_up_after: 169h}`, "outbound.give_up_after"},
		{`outbound: {first_retry: 9ms}`, "outbound.first_retry"},
		{`outbound: {first_retry: 61m}`, "outbound.first_retry"},
		{`outbound: {first_retry: 2m, give_up_after: 1m}`, "outbound.first_retry"},
		{`events: {subjects: ["feed.notice.*"]}`, "events.subjects[0]"},
		{webhooks(`name: a, url: "http://a.example", secrets: [`+signing(32)+`]`) + "\noutbound: {allow_http: false}", "webhooks[0].url"},
		{webhooks(`name: a, url: "http://a.example", secrets: [`+signing(32)+`], feeds: [tags/a]`) + "\ndynamic: {tags: false}", "webhooks[0].feeds[0]"},
		{`site: {title: "a\u0000b"}`, "site.title"},
	}
}

func TestValuesThatCannotBe(t *testing.T) {
	for _, tt := range refusals() {
		got := problemsOf(t, tt.text)
		if len(got) != 1 || !strings.Contains(got[0], " "+tt.want+": ") {
			t.Errorf("%s: %q, want one problem of %s", tt.text, got, tt.want)
		}
	}
}

// acceptable is what the loader takes.
func acceptable() []string {
	return []string{
		`site: {id: "news.example.com", base_url: "http://[::1]:8080/a/b", language: zh-Hant-TW}`,
		`site: {id: localhost, base_url: "https://xn--mnchen-3ya.example"}`,
		`site: {author: {email: desk@example.com}}`,
		`site: {author: {email: desk@bücher.example}, language: pt_BR}`,
		`site: {language: i-default}`,
		`feeds: [{name: a, match: {languages: [x-klingon, zh-min-nan, zh_Hant_TW]}}]`,
		`site: {icon: "https://a.example/é.png?v=2", image: "http://[::1]:8080/logo.png"}`,
		`http: {listen: ":0", admin_listen: ":0", max_age: 0s}`,
		`http: {listen: "[::1]:8080", admin_listen: "localhost:8080", max_age: 24h}`,
		`http: {serve_without_nats: 0s, cache_bytes: 0, max_connections: 0, max_connections_per_client: 0}`,
		`http: {serve_without_nats: 8760h, cache_bytes: 64MiB, max_connections: 1000000, max_connections_per_client: 1}`,
		`http: {listen: "127.0.0.1:4222"}` + "\n" + `nats: {url: "nats://h"}`,
		`nats: {url: "nats://u:p%2Cw@nats_1:4222, tls://h2,h3:4222", replicas: 5, prefix: site_2-b}`,
		`nats: {url: "wss://h", credentials_file: check.go, tls: {ca_file: check.go, cert_file: check.go, key_file: check.go}}`,
		`events: {stream: cms_articles-1, subjects: ["cms.*.published", "cms.*.gone.>"], max_event: 8MiB, max_bytes: 8MiB}`,
		`events: {url_template: "https://{section}.a.example:8443/{language}/{id}?q={slug}#top"}`,
		`feeds: [{name: a, order: updated}, {name: b, order: published}]`,
		`feeds: [{name: a, items: 1000, content: summary, aliases: [0_-]}, {name: ` + strings.Repeat("z", 64) + `, items: 1}]`,
		`dynamic: {sections: TRUE, tags: "false", authors: False, items: 1, cache: 1}`,
		`dynamic: {items: 1000, cache: 100000}`,
		`archive: {page: 10}`,
		`archive: {page: 1000}`,
		`tombstones: {keep: 0s}`,
		`tombstones: {keep: 8760h}`,
		`tombstones: {stub: true, titles: [{language: sv, text: Tillbakadragen}, {language: de-AT, text: 2026}]}`,
		`limits: {gallery: 16KiB, document: 16KiB}`,
		`limits: {gallery: 16MiB, document: 64MiB}`,
		`schedule: {timezone: Europe/Rome, republish: "*/5 * * * *"}`,
		`notices: {quiet_period: 10s}`,
		`websub: {hub: false, signature: sha1, lease: {default: 1m, min: 1m, max: 1m}, max_subscriptions: 1, max_per_topic: 1, max_per_host: 1, requests_per_minute: 1}`,
		`websub: {signature: sha512, lease: {max: 8760h}, external_hubs: ["https://a.example/?x=y", "http://[::1]:8080"]}`,
		webhooks(`name: _-0, url: "HTTPS://a.example:1/?token=x", secrets: [`+signing(24)+`, `+signing(64)+`], feeds: []`, `name: a, url: "http://[::1]/", secrets: [`+signing(25)+`]`),
		webhooks(`name: a, url: "https://a.example", secrets: [`+signing(32)+`], feeds: [all, sections/новости, tags/c~0123456789abcdef, authors/a-b, galleries/A_b-1]`) + "\noutbound: {allow_http: false}",
		`digests: [{name: a, schedule: "CRON_TZ=Europe/Rome 0 7 * * 1-5", to: ["smtp://u:p@h:25/?from=a@b&to=c@d", "generic+https://h/?@x=y"], feeds: [all]}]`,
		`outbound: {allow_networks: [10.0.0.0/8, 192.168.1.7, "::1", "fd00::/8", 0.0.0.0/0, "::ffff:10.0.0.0/104"], allow_http: false}`,
		`outbound: {timeout: 1s, attempts: 1, give_up_after: 1m, first_retry: 10ms}`,
		`outbound: {timeout: 2m, attempts: 50, give_up_after: 168h, first_retry: 1h}`,
		`log: {level: WARN, format: json}`,
	}
}

func TestValuesThatCanBe(t *testing.T) {
	for _, text := range acceptable() {
		if got := problemsOf(t, text); got != nil {
			t.Errorf("%s: %q", text, got)
		}
	}
}
