package config

import (
	"log/slog"
	"time"
)

// Of feeds, configured and dynamic.
const (
	defaultItems = 50
	defaultOrder = "published"
)

// Default returns the configuration that runs when nobody configures anything.
// Its lists are the caller's own.
func Default() Config {
	all := Feed{Name: "all", Title: "All galleries"}
	all.setDefaults()
	return Config{
		Site: Site{Title: "Gallery Wire", Description: "Photo galleries, as soon as they are published", Language: "en"},
		HTTP: HTTP{
			Listen:                  "127.0.0.1:8080",
			AdminListen:             "127.0.0.1:8081",
			MaxAge:                  time.Minute,
			ServeWithoutNATS:        time.Hour,
			MaxConnectionsPerClient: 256,
		},
		NATS: NATS{Embedded: Embedded{Listen: "127.0.0.1:4222", DataDir: "data"}, Replicas: 1, Prefix: "gallerywire"},
		Events: Events{
			Stream:   "ARTICLES",
			Subjects: []string{"article.published", "article.unpublished"},
			MaxBytes: 1 << 30,
			MaxEvent: 1 << 20,
		},
		Intake:     Intake{RequestsPerMinute: 6000},
		Feeds:      []Feed{all},
		Dynamic:    Dynamic{Sections: true, Tags: true, Authors: true, Items: defaultItems, Order: defaultOrder, Cache: 2000},
		Archive:    Archive{Page: 100},
		Tombstones: Tombstones{Keep: 30 * 24 * time.Hour},
		Limits:     Limits{Gallery: 2 << 20, Document: 16 << 20},
		Schedule:   Schedule{Timezone: "UTC", Republish: "@every 5m", Notices: "@every 1m"},
		Notices:    Notices{QuietPeriod: 500 * time.Millisecond, MaxWait: 10 * time.Second},
		WebSub: WebSub{
			Hub:               true,
			Signature:         "sha256",
			Lease:             Lease{Default: 10 * 24 * time.Hour, Min: time.Hour, Max: 30 * 24 * time.Hour},
			MaxSubscriptions:  200_000,
			MaxPerTopic:       100_000,
			MaxPerHost:        20_000,
			RequestsPerMinute: 600,
		},
		Outbound: Outbound{
			AllowHTTP:   true,
			Timeout:     10 * time.Second,
			Attempts:    8,
			GiveUpAfter: 24 * time.Hour,
			FirstRetry:  15 * time.Second,
		},
		Log: Log{Level: slog.LevelInfo, Format: "text", Requests: "off"},
	}
}

// setDefaults sets the defaults of an entry of the list of partners. A correction moves
// a gallery to the top: a partner that reads only the newest items must not miss it.
func (p *Partner) setDefaults() {
	p.Dialect, p.Items, p.Order, p.Content, p.UnstatedRights = "standard", defaultItems, "updated", "full", "allow"
}

// setDefaults sets the defaults of an entry of the list of feeds.
func (f *Feed) setDefaults() { f.Items, f.Content, f.Order = defaultItems, "full", defaultOrder }
