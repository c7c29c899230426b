package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The limits of telling others.
const (
	minLease         = time.Minute
	maxLease         = 365 * 24 * time.Hour
	maxSubscriptions = 10_000_000
	maxRequests      = 1_000_000
	minSigning       = 24
	maxSigning       = 64
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
		r("websub.lease.min", fmt.Sprintf("%s is longer than websub.lease.max, %s: shorten it, or raise the other", short(l.Min), short(l.Max)), "websub.lease.max")
		return
	}
	if l.Default < l.Min || l.Default > l.Max {
		message := fmt.Sprintf("%s is out of range: write websub.lease.min, %s, to websub.lease.max, %s", short(l.Default), short(l.Min), short(l.Max))
		r("websub.lease.default", message, "websub.lease.min", "websub.lease.max")
	}
}

func (c Config) checkWebhooks(r Report) {
	taken := map[string]string{}
	for i, w := range c.Webhooks {
		path := fmt.Sprintf("webhooks[%d]", i)
		checkLabel(path+".name", w.Name, taken, r)
		checkCalled(path+".url", w.URL, "https://partner.example.com/hooks/galleries", r)
		if !c.Outbound.AllowHTTP && strings.HasPrefix(strings.ToLower(w.URL), "http://") {
			r(path+".url", "is plain http, which outbound.allow_http forbids: write https://, or allow it", "outbound.allow_http")
		}
		w.checkSecrets(path, r)
		c.checkFeedNames(path+".feeds", w.Feeds, r)
	}
}

// checkSecrets never quotes one.
func (w Webhook) checkSecrets(path string, r Report) {
	if len(w.Secrets) == 0 {
		r(path+".secrets", "is empty: write one, or name a file with secrets_file", path+".secrets_file")
	}
	for i, secret := range w.Secrets {
		if !isSigning(string(secret)) {
			at, which := mergedAt(path+".secrets", path+".secrets_file", i, len(w.Secrets)-len(w.SecretsFile))
			r(at, which+"is no secret: write whsec_ and 24 to 64 random bytes in base64, as openssl rand -base64 32 prints them")
		}
	}
}

// mergedAt says where number i of a merged list stands: in the list at path, which
// has as many as inline, or else in the file at filePath.
func mergedAt(path, filePath string, i, inline int) (at, which string) {
	if i < inline {
		return fmt.Sprintf("%s[%d]", path, i), ""
	}
	return filePath, fmt.Sprintf("number %d in the file ", i-inline+1)
}

// isSigning goes by the Standard Webhooks specification.
func isSigning(secret string) bool {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return ok && err == nil && len(key) >= minSigning && len(key) <= maxSigning
}

func (c Config) checkDigests(r Report) {
	taken := map[string]string{}
	for i, d := range c.Digests {
		path := fmt.Sprintf("digests[%d]", i)
		checkLabel(path+".name", d.Name, taken, r)
		checkSpec(path+".schedule", d.Schedule, r)
		c.checkFeedNames(path+".feeds", d.Feeds, r)
		d.checkTo(path, r)
	}
}

var addressee = regexp.MustCompile(`^(?i)[a-z][a-z0-9+.-]*://[^\s]+$`)

// checkTo never quotes an address: it may hold a password.
func (d Digest) checkTo(path string, r Report) {
	if len(d.To) == 0 {
		r(path+".to", "is empty: write an address such as smtp://…, or name a file with to_file", path+".to_file")
	}
	for i, to := range d.To {
		if !addressee.MatchString(string(to)) {
			at, which := mergedAt(path+".to", path+".to_file", i, len(d.To)-len(d.ToFile))
			r(at, which+"is no address: write one that begins with a service, such as smtp:// or slack://, and has no spaces")
		}
	}
}

func (o Outbound) check(r Report) {
	checkTime("outbound.timeout", o.Timeout, time.Second, 2*time.Minute, r)
	checkRange("outbound.attempts", o.Attempts, 1, maxAttempts, r)
	checkTime("outbound.give_up_after", o.GiveUpAfter, minGiveUp, maxGiveUp, r)
	checkTime("outbound.first_retry", o.FirstRetry, 10*time.Millisecond, time.Hour, r)
	if o.FirstRetry > o.GiveUpAfter && o.GiveUpAfter >= minGiveUp {
		message := fmt.Sprintf("%s is longer than outbound.give_up_after, %s: shorten it, or raise the other", short(o.FirstRetry), short(o.GiveUpAfter))
		r("outbound.first_retry", message, "outbound.give_up_after")
	}
}

var label = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// checkLabel remembers each name in taken, with the path that has it. A name that is
// none is not quoted: a wrong indent makes it one with the secret below it.
func checkLabel(path, name string, taken map[string]string, r Report) {
	if !label.MatchString(name) {
		r(path, "is no name: write 1 to 64 of a-z, 0-9, _ and -")
		return
	}
	if first, ok := taken[name]; ok {
		r(path, fmt.Sprintf("%q is %s already: choose another", name, first))
		return
	}
	taken[name] = path
}

// checkCalled never quotes an address: its query may be a secret.
func checkCalled(path, address, such string, r Report) {
	u, err := url.Parse(address)
	why := ""
	switch {
	case err != nil:
		why = "is no address"
	case u.Scheme != "http" && u.Scheme != "https":
		why = "does not begin with http:// or https://"
	case u.User != nil:
		why = "holds a user or a password, which are not sent"
	case !isHost(u.Hostname()) || u.Port() != "" && !isPort(u.Port()):
		why = "has no host that can be called (other scripts are written as xn--…)"
	case strings.Contains(address, "#"):
		why = "has a fragment, which is not sent"
	}
	if why != "" {
		r(path, why+": write an address such as "+such)
	}
}

// dynamicFeed is the name of a feed that nobody configures: a slug, which is in lower
// case, or a gallery's key.
var dynamicFeed = regexp.MustCompile(`^((sections|tags|authors)/[\p{Ll}\p{Lo}\p{Lm}\p{M}\p{Nd}~-]+|galleries/[A-Za-z0-9_-]{1,80})$`)

// checkFeedNames quotes no more than checkLabel.
func (c Config) checkFeedNames(path string, names []string, r Report) {
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		kind, _, _ := strings.Cut(name, "/")
		switch {
		case slices.ContainsFunc(c.Feeds, func(f Feed) bool { return f.Name == name }):
		case !dynamicFeed.MatchString(name):
			r(at, "is no feed: write the name of one in feeds, or a part of an address such as sections/travel", "feeds")
		case !c.Dynamic.makes(kind):
			r(at, fmt.Sprintf("is no feed while dynamic.%s is false: remove it, or write true there", kind), "dynamic."+kind)
		}
	}
}

// makes reports whether there are feeds of that kind.
func (d Dynamic) makes(kind string) bool {
	switch kind {
	case "sections":
		return d.Sections
	case "tags":
		return d.Tags
	case "authors":
		return d.Authors
	}
	return true
}

func checkTime(path string, value, least, most time.Duration, r Report) {
	if value < least || value > most {
		r(path, fmt.Sprintf("%s is out of range: write %s to %s", short(value), short(least), short(most)))
	}
}

// short is d as a person writes it: 24h, not 24h0m0s.
func short(d time.Duration) string {
	text := d.String()
	for _, rest := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, rest) {
			text = text[:len(text)-2]
		}
	}
	return text
}
