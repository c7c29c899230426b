package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// Limits of notices.
const (
	minLease         = time.Minute
	maxLease         = 365 * 24 * time.Hour
	maxSubscriptions = 10_000_000
	maxRequests      = 1_000_000
	maxAttempts      = 50
	minGiveUp        = time.Minute
	maxGiveUp        = 7 * 24 * time.Hour
)

func (w WebSub) check(r Report) {
	checkOneOf("websub.signature", w.Signature, []string{"sha1", "sha256", "sha384", "sha512"}, r)
	w.Lease.check(r)
	checkRange("websub.max_subscriptions", w.MaxSubscriptions, 1, maxSubscriptions, r)
	checkRange("websub.max_per_topic", w.MaxPerTopic, 1, maxSubscriptions, r)
	checkRange("websub.max_per_host", w.MaxPerHost, 1, maxSubscriptions, r)
	checkRange("websub.requests_per_minute", w.RequestsPerMinute, 1, maxRequests, r)
	for i, hub := range w.ExternalHubs {
		checkCalled(fmt.Sprintf("websub.external_hubs[%d]", i), hub, "https://hub.example.com/", r)
	}
}

func (l Lease) check(r Report) {
	checkTime("websub.lease.min", l.Min, minLease, maxLease, r)
	checkTime("websub.lease.max", l.Max, minLease, maxLease, r)
	if l.Max < minLease || l.Min < minLease {
		return
	}
	if l.Min > l.Max {
		r("websub.lease.min", fmt.Sprintf("%s is longer than websub.lease.max, which is %s: shorten it, or raise websub.lease.max", FormatDuration(l.Min), FormatDuration(l.Max)), "websub.lease.max")
		return
	}
	if l.Default < l.Min || l.Default > l.Max {
		message := fmt.Sprintf("%s is out of range: write a time from websub.lease.min, which is %s, to websub.lease.max, which is %s", FormatDuration(l.Default), FormatDuration(l.Min), FormatDuration(l.Max))
		r("websub.lease.default", message, "websub.lease.min", "websub.lease.max")
	}
}

// checkWebhooks does not quote a secret.
func (c Config) checkWebhooks(r Report) {
	taken := map[string]string{}
	for i, w := range c.Webhooks {
		path := fmt.Sprintf("webhooks[%d]", i)
		checkLabel(path+".name", w.Name, taken, r)
		checkCalled(path+".url", w.URL, "https://partner.example.com/hooks/galleries", r)
		c.checkPlain(path+".url", w.URL, r)
		if len(w.Secrets) == 0 {
			r(path+".secrets", "is empty: write a secret, or name a file in secrets_file", path+".secrets_file")
		}
		for j, secret := range w.Secrets {
			if _, err := credential.ParseSigning(string(secret)); err != nil {
				at, which := mergedAt(path+".secrets", path+".secrets_file", j, len(w.Secrets)-len(w.SecretsFile))
				r(at, which+err.Error())
			}
		}
		c.checkFeedNames(path+".feeds", w.Feeds, r)
	}
}

// checkPlain rejects an address that the client of callbacks would refuse.
func (c Config) checkPlain(path, address string, r Report) {
	if !c.Outbound.AllowHTTP && strings.HasPrefix(strings.ToLower(address), "http://") {
		r(path, "is plain http, which outbound.allow_http forbids: write https://, or set outbound.allow_http to true", "outbound.allow_http")
	}
}

// mergedAt returns the place of entry i of a merged list: in the list at path,
// which has inline entries, or else in the file of the key filePath.
func mergedAt(path, filePath string, i, inline int) (at, which string) {
	if i < inline {
		return fmt.Sprintf("%s[%d]", path, i), ""
	}
	return filePath, fmt.Sprintf("number %d in the file ", i-inline+1)
}

func (c Config) checkDigests(r Report) {
	taken := map[string]string{}
	for i, d := range c.Digests {
		path := fmt.Sprintf("digests[%d]", i)
		checkLabel(path+".name", d.Name, taken, r)
		checkSpec(path+".schedule", d.Schedule, r)
		c.checkFeedNames(path+".feeds", d.Feeds, r)
		if len(d.To) == 0 {
			r(path+".to", "is empty: write an address such as smtp://…, or name a file in to_file", path+".to_file")
		}
		for j, to := range d.To {
			if !addressee.MatchString(string(to)) { // which may contain a password and is not quoted
				at, which := mergedAt(path+".to", path+".to_file", j, len(d.To)-len(d.ToFile))
				r(at, which+"is not an address: write one that begins with a service, such as smtp:// or slack://, and has no spaces")
			}
		}
	}
}

var addressee = regexp.MustCompile(`^(?i)[a-z][a-z0-9+.-]*://[^\s]+$`)

func (o Outbound) check(r Report) {
	checkTime("outbound.timeout", o.Timeout, time.Second, 2*time.Minute, r)
	checkRange("outbound.attempts", o.Attempts, 1, maxAttempts, r)
	checkTime("outbound.give_up_after", o.GiveUpAfter, minGiveUp, maxGiveUp, r)
	checkTime("outbound.first_retry", o.FirstRetry, 10*time.Millisecond, time.Hour, r)
	if o.FirstRetry > o.GiveUpAfter && o.GiveUpAfter >= minGiveUp {
		message := fmt.Sprintf("%s is longer than outbound.give_up_after, which is %s: shorten it, or raise outbound.give_up_after", FormatDuration(o.FirstRetry), FormatDuration(o.GiveUpAfter))
		r("outbound.first_retry", message, "outbound.give_up_after")
	}
}

var label = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// IsPartnerName reports whether a partner may have that name.
func IsPartnerName(name string) bool { return label.MatchString(name) && name != gallery.Public }

// checkLabel rejects a name in taken, and adds the name with its path. It does not
// quote a bad name: a wrong indent appends the secret below to it.
func checkLabel(path, name string, taken map[string]string, r Report) {
	if !label.MatchString(name) {
		r(path, "is not a name: write 1 to 64 of a-z, 0-9, _ and -")
		return
	}
	if first, ok := taken[name]; ok {
		r(path, fmt.Sprintf("%q is already %s: choose another", name, first))
		return
	}
	taken[name] = path
}

// checkCalled checks an address that is called. It does not quote the address,
// whose query may be a secret.
func checkCalled(path, address, such string, r Report) {
	_, why := webAddress(address, "are not sent")
	if why == "" && strings.Contains(address, "#") {
		why = "has a fragment, which is not sent"
	}
	if why != "" {
		r(path, why+": write an address such as "+such)
	}
}

// dynamicFeed matches the name of a dynamic feed, whose slug is in lower case, or
// of a gallery's feed.
var dynamicFeed = regexp.MustCompile(`^((sections|tags|authors)/[\p{Ll}\p{Lo}\p{Lm}\p{M}\p{Nd}~-]+|galleries/[A-Za-z0-9_-]{1,80})$`)

// checkFeedNames does not quote names, as checkLabel.
func (c Config) checkFeedNames(path string, names []string, r Report) {
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		kind, rest, _ := strings.Cut(name, "/")
		switch {
		case slices.ContainsFunc(c.Feeds, func(f Feed) bool { return f.Name == name }):
		case kind == "partners":
			if !slices.ContainsFunc(c.Partners, func(p Partner) bool { return p.Name == rest }) {
				r(at, "is not the feed of a partner: write partners/ and the name of one in partners", "partners")
			}
		case !dynamicFeed.MatchString(name):
			r(at, "is not a feed: write the name of a feed in feeds, or the path of another such as sections/travel or partners/msn", "feeds")
		case kind == "sections" && !c.Dynamic.Sections, kind == "tags" && !c.Dynamic.Tags, kind == "authors" && !c.Dynamic.Authors:
			r(at, fmt.Sprintf("does not exist while dynamic.%[1]s is false: remove it, or set dynamic.%[1]s to true", kind), "dynamic."+kind)
		}
	}
}

func checkTime(path string, value, least, most time.Duration, r Report) {
	if value < least || value > most {
		r(path, fmt.Sprintf("%s is out of range: write %s to %s", FormatDuration(value), FormatDuration(least), FormatDuration(most)))
	}
}

// FormatDuration writes d as a person does: 24h, not 24h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	for _, rest := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, rest) {
			text = text[:len(text)-2]
		}
	}
	return text
}
