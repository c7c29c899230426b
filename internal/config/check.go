package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Check reports what is wrong with the values of c. A value that could not be
// read has its default.
type Check func(c Config, r Report)

// Report takes what is wrong with the value at path, such as "feeds[0].items",
// what to write instead, and the other keys that the message mentions. It drops
// the message if one of these keys had a problem before the check.
type Report func(path, message string, others ...string)

// check reports what is wrong with the values of c beyond their types.
func (c Config) check(r Report) {
	c.Site.check(r)
	c.HTTP.check(r)
	c.NATS.check(r)
	c.checkPorts(r)
	c.Events.check(r)
	c.checkPublishers(r)
	c.checkIntake(r)
	c.checkGUIDPrefixes(r)
	checkFeeds(c.Feeds, r)
	checkRange("dynamic.items", c.Dynamic.Items, 1, maxItems, r)
	checkOneOf("dynamic.order", c.Dynamic.Order, orders(), r)
	checkRange("dynamic.cache", c.Dynamic.Cache, 1, maxCache, r)
	c.Rights.check(r)
	c.checkPartners(r)
	checkRange("archive.page", c.Archive.Page, minPage, maxPage, r)
	c.Tombstones.check(r)
	c.Limits.check(r)
	c.Schedule.check(r)
	c.Notices.check(r)
	c.WebSub.check(r)
	c.checkWebhooks(r)
	c.checkDigests(r)
	c.Outbound.check(r)
	checkOneOf("log.format", c.Log.Format, []string{"text", "json"}, r)
	checkOneOf("log.requests", c.Log.Requests, []string{"off", "anonymous", "full"}, r)
}

func (s Site) check(r Report) {
	if s.ID != "" && (s.ID != strings.ToLower(s.ID) || !isHostname(s.ID)) {
		r("site.id", fmt.Sprintf("%q is not a domain name: write one that you own, in lower case, such as news.example.com", s.ID))
	}
	if strings.TrimSpace(s.Title) == "" {
		r("site.title", "is empty: write the name that readers see")
	}
	if s.BaseURL != "" {
		u, why := webAddress(s.BaseURL, everyReaderSees)
		switch {
		case why != "":
		case u.RawQuery != "" || u.ForceQuery || strings.Contains(s.BaseURL, "#"):
			why = "has a query or a fragment"
		case u.EscapedPath() != u.Path:
			why = "has a path that needs escaping"
		}
		if why != "" {
			r("site.base_url", fmt.Sprintf("%q %s: write an address such as https://news.example.com", s.BaseURL, why))
		}
	}
	checkLanguage("site.language", s.Language, r)
	if s.Author.Email != "" && gallery.EmailAddress(s.Author.Email) == "" {
		r("site.author.email", fmt.Sprintf("%q is not a mail address, or is not ASCII before the @: write one such as desk@example.com", s.Author.Email))
	}
	for path, address := range map[string]string{"site.icon": s.Icon, "site.image": s.Image} {
		if _, why := webAddress(address, everyReaderSees); address != "" && why != "" {
			r(path, fmt.Sprintf("%q %s: write an address such as https://news.example.com/icon.png", address, why))
		}
	}
}

func (h HTTP) check(r Report) {
	checkListen("http.listen", h.Listen, r)
	checkListen("http.admin_listen", h.AdminListen, r)
	checkTime("http.max_age", h.MaxAge, 0, 24*time.Hour, r)
	checkTime("http.serve_without_nats", h.ServeWithoutNATS, 0, 8760*time.Hour, r)
	checkRange("http.cache_bytes", h.CacheBytes, 0, maxCacheBytes, r)
	checkRange("http.max_connections", h.MaxConnections, 0, maxConnections, r)
	checkRange("http.max_connections_per_client", h.MaxConnectionsPerClient, 0, maxConnections, r)
}

const (
	maxCacheBytes  Size = 1 << 40
	maxConnections      = 1_000_000
)

func (s Schedule) check(r Report) {
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "" {
		r("schedule.timezone", fmt.Sprintf("%q is not a known time zone: write UTC, or a name such as Europe/Rome", s.Timezone))
	}
	checkSpec("schedule.republish", s.Republish, r)
	checkSpec("schedule.notices", s.Notices, r)
}

func checkSpec(path, spec string, r Report) {
	if strings.TrimSpace(spec) == "" {
		r(path, `is empty: write a cron line such as "*/5 * * * *", or "@every 5m"`)
	}
}

func (n Notices) check(r Report) {
	if n.QuietPeriod < 0 {
		r("notices.quiet_period", fmt.Sprintf("%s is negative: write 0s or more", n.QuietPeriod))
	}
	if n.MaxWait <= 0 {
		r("notices.max_wait", fmt.Sprintf("%s is too short: write a time above zero, such as 10s", n.MaxWait))
	}
	if n.QuietPeriod > n.MaxWait && n.MaxWait > 0 {
		message := fmt.Sprintf("%s is longer than notices.max_wait, which is %s: shorten it, or raise notices.max_wait", n.QuietPeriod, n.MaxWait)
		r("notices.quiet_period", message, "notices.max_wait")
	}
}

func checkRange[T int | Size](path string, value, least, most T, r Report) {
	if value < least || value > most {
		r(path, fmt.Sprintf("%v is out of range: write %v to %v", value, least, most))
	}
}

func checkOneOf(path, value string, choices []string, r Report) {
	if !slices.Contains(choices, value) {
		r(path, fmt.Sprintf("%q is not a valid choice: write %s", value, strings.Join(choices, " or ")))
	}
}

// checkReadable opens the file that a key names, so that a wrong name is reported
// now and with its line.
func checkReadable(path, name string, r Report) {
	if name == "" {
		return
	}
	if file, err := os.Open(name); err != nil {
		r(path, fmt.Sprintf("%q %v", name, unreadable(err)))
	} else {
		file.Close()
	}
}
