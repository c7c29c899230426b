package config

import (
	"log/slog"
	"time"
)

// The values a feed has where its entry in the list states none.
const (
	defaultItems   = 50
	defaultContent = "full"
	defaultOrder   = "published"
)

// Default returns the configuration that runs when nobody states anything. Its
// lists are the caller's own.
func Default() Config {
	return Config{
		Site: Site{
			Title:       "Gallery Wire",
			Description: "Photo galleries, as soon as they are published",
			Language:    "en",
		},
		HTTP:       defaultHTTP(),
		NATS:       NATS{Embedded: Embedded{Listen: "127.0.0.1:4222", DataDir: "data"}, Replicas: 1, Prefix: "gallerywire"},
		Events:     defaultEvents(),
		Feeds:      []Feed{defaultFeed()},
		Dynamic:    Dynamic{Sections: true, Tags: true, Authors: true, Items: defaultItems, Order: "published", Cache: 2000},
		Archive:    Archive{Page: 100},
		Tombstones: Tombstones{Keep: 30 * 24 * time.Hour},
		Limits:     Limits{Gallery: 2 << 20, Document: 16 << 20},
		Schedule:   Schedule{Timezone: "UTC", Republish: "@every 5m", Notices: "@every 1m"},
		Notices:    Notices{QuietPeriod: 500 * time.Millisecond, MaxWait: 10 * time.Second},
		WebSub:     defaultWebSub(),
		Outbound:   defaultOutbound(),
		Log:        Log{Level: slog.LevelInfo, Format: "text", Requests: "off"},
	}
}

func defaultEvents() Events {
	return Events{
		Stream:   "ARTICLES",
		Subjects: []string{"article.published", "article.unpublished"},
		MaxBytes: 1 << 30,
		MaxEvent: 1 << 20,
	}
}

func defaultWebSub() WebSub {
	return WebSub{
		Hub:               true,
		Signature:         "sha256",
		Lease:             Lease{Default: 10 * 24 * time.Hour, Min: time.Hour, Max: 30 * 24 * time.Hour},
		MaxSubscriptions:  200_000,
		MaxPerTopic:       100_000,
		MaxPerHost:        20_000,
		RequestsPerMinute: 600,
	}
}

func defaultOutbound() Outbound {
	return Outbound{
		AllowHTTP:   true,
		Timeout:     10 * time.Second,
		Attempts:    8,
		GiveUpAfter: 24 * time.Hour,
		FirstRetry:  15 * time.Second,
	}
}

func defaultFeed() Feed {
	f := Feed{Name: "all", Title: "All galleries"}
	f.setDefaults()
	return f
}

func (f *Feed) setDefaults() {
	f.Items = defaultItems
	f.Content = defaultContent
	f.Order = defaultOrder
}

func defaultHTTP() HTTP {
	return HTTP{
		Listen:                  "127.0.0.1:8080",
		AdminListen:             "127.0.0.1:8081",
		MaxAge:                  time.Minute,
		ServeWithoutNATS:        time.Hour,
		MaxConnectionsPerClient: 256,
	}
}
