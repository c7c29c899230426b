package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// report takes what is wrong with the value at path and what to write instead. A
// message that speaks of other keys names them, so that it is not given when one
// of them could not be read and has only its default.
type report func(path, message string, others ...string)

// check reports what c's values must be and are not, beyond their types.
func (c Config) check(r report) {
	c.Site.check(r)
	c.HTTP.check(r)
	c.NATS.check(r)
	c.checkPorts(r)
	c.Events.check(r)
	checkFeeds(c.Feeds, r)
	c.Schedule.check(r)
	c.Notices.check(r)
	c.Log.check(r)
}

func (s Site) check(r report) {
	if s.ID != "" && (s.ID != strings.ToLower(s.ID) || !isHostname(s.ID)) {
		r("site.id", fmt.Sprintf("%q is no domain name: write one that you own, in lower case, such as news.example.com", s.ID))
	}
	if strings.TrimSpace(s.Title) == "" {
		r("site.title", "is empty: write the name that readers see")
	}
	if why := whyNotBase(s.BaseURL); why != "" {
		r("site.base_url", fmt.Sprintf("%q %s: write an address such as https://news.example.com", s.BaseURL, why))
	}
	checkLanguage("site.language", s.Language, r)
	if a, err := mail.ParseAddress(s.Author.Email); s.Author.Email != "" && (err != nil || a.Address != s.Author.Email) {
		r("site.author.email", fmt.Sprintf("%q is no mail address: write one such as desk@example.com", s.Author.Email))
	}
}

// whyNotBase says why base cannot begin the addresses that we publish; nothing if
// it can, or is empty.
func whyNotBase(base string) string {
	if base == "" {
		return ""
	}
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return "is no address"
	case u.Scheme != "http" && u.Scheme != "https":
		return "does not begin with http:// or https://"
	case u.User != nil:
		return "holds a user, which every reader would see"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(base, "#"):
		return "has a query or a fragment"
	case !isHost(u.Hostname()) || u.Port() != "" && !isPort(u.Port()):
		return "has no host that feeds can name (other scripts are written as xn--…)"
	case u.EscapedPath() != u.Path:
		return "has a path that needs escaping"
	}
	return ""
}

func (h HTTP) check(r report) {
	checkListen("http.listen", h.Listen, r)
	checkListen("http.admin_listen", h.AdminListen, r)
	if h.MaxAge < 0 || h.MaxAge > 24*time.Hour {
		r("http.max_age", fmt.Sprintf("%s is out of range: write 0s to 24h", h.MaxAge))
	}
}

func (s Schedule) check(r report) {
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "" {
		r("schedule.timezone", fmt.Sprintf("%q is no known time zone: write UTC, or a name such as Europe/Rome", s.Timezone))
	}
	checkSpec("schedule.republish", s.Republish, r)
	checkSpec("schedule.notices", s.Notices, r)
}

func checkSpec(path, spec string, r report) {
	if strings.TrimSpace(spec) == "" {
		r(path, `is empty: write a cron line such as "*/5 * * * *", or "@every 5m"`)
	}
}

func (n Notices) check(r report) {
	if n.QuietPeriod < 0 {
		r("notices.quiet_period", fmt.Sprintf("%s is below zero: write 0s or more", n.QuietPeriod))
	}
	if n.MaxWait <= 0 {
		r("notices.max_wait", fmt.Sprintf("%s is too short: write a time above zero, such as 10s", n.MaxWait))
	}
	if n.QuietPeriod > n.MaxWait && n.MaxWait > 0 {
		message := fmt.Sprintf("%s is longer than notices.max_wait, %s: shorten it, or raise the other", n.QuietPeriod, n.MaxWait)
		r("notices.quiet_period", message, "notices.max_wait")
	}
}

func (l Log) check(r report) {
	checkOneOf("log.format", l.Format, []string{"text", "json"}, r)
}

func checkOneOf(path, value string, choices []string, r report) {
	if !slices.Contains(choices, value) {
		r(path, fmt.Sprintf("%q is no choice here: write %s", value, strings.Join(choices, " or ")))
	}
}

// checkReadable opens the file that a key names, so that a wrong name is told now
// and with its line.
func checkReadable(path, name string, r report) {
	if name == "" {
		return
	}
	file, err := os.Open(name)
	if err != nil {
		r(path, fmt.Sprintf("%q %v", name, unreadable(err)))
		return
	}
	file.Close()
}
