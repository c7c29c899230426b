// Package config turns a YAML file and the environment into one Config.
//
// A key is one struct field with a yaml tag: its place in the file, the
// environment variable that overrides it and the suggestions for misspelt keys
// follow from that field. Default has its default value, and the check methods
// check more than its type.
//
// Load reports every problem of the file, the environment and the values at once,
// each with its place and a remedy. A Config that Load returns without an error is
// usable. No secret is ever printed.
//
// Checks that need another package, such as cron's for a schedule, are passed to Load,
// which adds the line to their problems. Whether addresses can be bound and servers
// reached is checked by the caller.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Config is everything an operator can choose. The zero value is not usable:
// start from Default or Load.
type Config struct {
	Site       Site       `yaml:"site"`
	HTTP       HTTP       `yaml:"http"`
	NATS       NATS       `yaml:"nats"`
	Events     Events     `yaml:"events"`
	Intake     Intake     `yaml:"intake"`
	Feeds      []Feed     `yaml:"feeds"`
	Dynamic    Dynamic    `yaml:"dynamic"`
	Rights     Rights     `yaml:"rights"`
	Partners   []Partner  `yaml:"partners"`
	Archive    Archive    `yaml:"archive"`
	Tombstones Tombstones `yaml:"tombstones"`
	Limits     Limits     `yaml:"limits"`
	Schedule   Schedule   `yaml:"schedule"`
	Notices    Notices    `yaml:"notices"`
	WebSub     WebSub     `yaml:"websub"`
	Webhooks   []Webhook  `yaml:"webhooks"`
	Digests    []Digest   `yaml:"digests"`
	Outbound   Outbound   `yaml:"outbound"`
	Log        Log        `yaml:"log"`

	places      places
	secretFiles map[string]string // by key
}

// Site is the publisher's metadata in feeds and pages.
type Site struct {
	// ID is the domain of all identifiers. If it is empty, the first start takes the
	// host of BaseURL and stores it.
	ID          string `yaml:"id"`
	Title       string `yaml:"title"`
	Description string `yaml:"description"`
	// BaseURL is the public address without a trailing slash, or empty for the
	// address that was bound.
	BaseURL string `yaml:"base_url"`
	// Language is a BCP 47 tag.
	Language  string `yaml:"language"`
	Author    Author `yaml:"author"`
	Copyright string `yaml:"copyright"`
	// Icon and Image are the addresses of a small square picture and of one at
	// most 144 pixels wide; empty for the program's own icon.
	Icon  string `yaml:"icon"`
	Image string `yaml:"image"`
}

// Author is the person or desk behind a site; each part may be empty.
type Author struct {
	Name  string `yaml:"name"`
	Email string `yaml:"email"`
}

// HTTP is how readers and operators reach a node.
type HTTP struct {
	Listen      string `yaml:"listen"`
	AdminListen string `yaml:"admin_listen"`
	// AdminToken is the content of the file that the key names, or empty.
	AdminToken Secret `yaml:"admin_token_file"`
	// MaxAge is how long a cache may keep a document without asking again.
	MaxAge time.Duration `yaml:"max_age"`
	// ServeWithoutNATS is how long a node without NATS stays ready; 0: not at all.
	ServeWithoutNATS time.Duration `yaml:"serve_without_nats"`
	// CacheBytes bounds the rendered documents in memory; 0: a third of the memory
	// that the process may use.
	CacheBytes Size `yaml:"cache_bytes"`
	// MaxConnections bounds the connections of readers; 0: as memory allows.
	// MaxConnectionsPerClient bounds those of one client on the public network; 0:
	// nothing does.
	MaxConnections          int `yaml:"max_connections"`
	MaxConnectionsPerClient int `yaml:"max_connections_per_client"`
}

// NATS is where the state lives: on the servers of URL, or embedded.
type NATS struct {
	// URL is one address or several with commas between them; empty means the
	// embedded server.
	URL      Servers  `yaml:"url"`
	Embedded Embedded `yaml:"embedded"`
	// CredentialsFile and the files of TLS are paths, read by the connection.
	CredentialsFile string `yaml:"credentials_file"`
	TLS             TLS    `yaml:"tls"`
	// Replicas is the number of copies of each stream and bucket: 1, 3 or 5.
	Replicas int `yaml:"replicas"`
	// Prefix begins the name of every bucket, stream and consumer of ours.
	Prefix string `yaml:"prefix"`
}

// Embedded is the server inside the process, used when NATS.URL is empty.
type Embedded struct {
	Listen  string `yaml:"listen"`
	DataDir string `yaml:"data_dir"`
	Sync    Sync   `yaml:"sync"`
	// PublisherToken is the content of the file that the key names, or empty.
	PublisherToken Secret `yaml:"publisher_token_file"`
	// Publishers have a token each.
	Publishers []Publisher `yaml:"publishers"`
}

// Publisher is a CMS with a token and ids of its own.
type Publisher struct {
	Name  string `yaml:"name"`
	Token Secret `yaml:"token_file"`
	// IDPrefix begins the id of each of its galleries; empty for any. With it, one of
	// GUIDPrefixes begins each guid.
	IDPrefix     string   `yaml:"id_prefix"`
	GUIDPrefixes []string `yaml:"guid_prefixes"`
}

// TLS names the PEM files of a connection; CertFile and KeyFile go together.
type TLS struct {
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Events is the stream that a CMS publishes to.
type Events struct {
	Stream   string   `yaml:"stream"`
	Subjects []string `yaml:"subjects"`
	// MaxBytes bounds the stream, MaxEvent one event in it.
	MaxBytes Size `yaml:"max_bytes"`
	MaxEvent Size `yaml:"max_event"`
	// URLTemplate is the address of ninjs items without one, or empty. The reader of
	// ninjs checks its placeholders.
	URLTemplate string `yaml:"url_template"`
}

// Intake is how events arrive over HTTP: not at all without a key, unless it is open.
type Intake struct {
	Keys []IntakeKey `yaml:"keys"`
	// OpenOnLoopback admits programs of this machine without a key.
	OpenOnLoopback bool `yaml:"open_on_loopback"`
	// RequestsPerMinute bounds the events of each key.
	RequestsPerMinute int `yaml:"requests_per_minute"`
}

// IntakeKey is how a sender of events authenticates.
type IntakeKey struct {
	Name string `yaml:"name"`
	// Kind is "bearer", "standard-webhooks" or "superdesk".
	Kind string `yaml:"kind"`
	// SecretFile is a path, or else Secret has what that file would have. The package
	// receive reads both.
	SecretFile string       `yaml:"secret_file"`
	Secret     InlineSecret `yaml:"secret"`
	// IDPrefix begins the id of each gallery of the sender; empty for any. With it, one of
	// GUIDPrefixes begins each guid.
	IDPrefix     string   `yaml:"id_prefix"`
	GUIDPrefixes []string `yaml:"guid_prefixes"`
	Callback     Callback `yaml:"callback"`
}

// Callback is where a sender hears what became of its events; not at all if URL is empty.
type Callback struct {
	URL string `yaml:"url"`
	// Secret signs, as a secret of a Webhook, and those in the file that SecretFile names.
	Secret     InlineSecret `yaml:"secret"`
	SecretFile SecretLines  `yaml:"secret_file"`
}

// Secrets are those that sign.
func (c Callback) Secrets() []InlineSecret {
	if c.Secret == "" {
		return c.SecretFile
	}
	return append([]InlineSecret{c.Secret}, c.SecretFile...)
}

// Feed is one configured feed.
type Feed struct {
	// Name is its part of the address. Aliases are former names, which redirect to it.
	Name  string `yaml:"name"`
	Title string `yaml:"title"`
	Items int    `yaml:"items"`
	// Content is "full" or "summary".
	Content string `yaml:"content"`
	// Order is "published" or "updated": what the newest galleries are.
	Order   string   `yaml:"order"`
	Match   Match    `yaml:"match"`
	Aliases []string `yaml:"aliases"`
}

// Match chooses galleries: one of each list that is not empty must fit.
type Match struct {
	Sections  []string `yaml:"sections"`
	Tags      []string `yaml:"tags"`
	Languages []string `yaml:"languages"`
}

// Dynamic is the feeds that need no configuration: one for each section, tag and
// author, made at the first request.
type Dynamic struct {
	Sections bool `yaml:"sections"`
	Tags     bool `yaml:"tags"`
	Authors  bool `yaml:"authors"`
	// Items is how many galleries such a feed shows, Order as of [Feed], Cache how
	// many of these feeds are kept ready.
	Items int    `yaml:"items"`
	Order string `yaml:"order"`
	Cache int    `yaml:"cache"`
}

// Archive is the history of a feed in documents that follow one another.
type Archive struct {
	// Page is how many galleries a document holds on average.
	Page int `yaml:"page"`
}

// Tombstones configures how feeds show that a gallery was withdrawn.
type Tombstones struct {
	// Keep is for how long they do; 0 means not at all.
	Keep time.Duration `yaml:"keep"`
	// Stub puts an item in the place of the gallery.
	Stub bool `yaml:"stub"`
	// Titles are titles of such items, in addition to the built-in ones.
	Titles []StubTitle `yaml:"titles"`
}

// StubTitle is the title of a stub in one language.
type StubTitle struct {
	// Language is a BCP 47 tag.
	Language string `yaml:"language"`
	Text     string `yaml:"text"`
}

// Limits bound what is published, as rendered in one format.
type Limits struct {
	Gallery  Size `yaml:"gallery"`
	Document Size `yaml:"document"`
}

// Schedule has cron specifications in Timezone (an IANA name). The scheduler checks
// them.
type Schedule struct {
	Timezone  string `yaml:"timezone"`
	Republish string `yaml:"republish"`
	Notices   string `yaml:"notices"`
}

// Notices is how a burst of changes becomes one notice: after QuietPeriod
// without another change, at the latest MaxWait after the first.
type Notices struct {
	QuietPeriod time.Duration `yaml:"quiet_period"`
	MaxWait     time.Duration `yaml:"max_wait"`
}

// WebSub is our hub, and the external hubs that get notices.
type WebSub struct {
	// Hub is whether this project's own hub runs.
	Hub bool `yaml:"hub"`
	// Signature is the hash of X-Hub-Signature: "sha1", "sha256", "sha384" or
	// "sha512".
	Signature string `yaml:"signature"`
	Lease     Lease  `yaml:"lease"`
	// MaxSubscriptions bounds all subscriptions, MaxPerTopic those of a feed's
	// address, MaxPerHost those of a callback host, RequestsPerMinute what one
	// client may ask of the hub.
	MaxSubscriptions  int `yaml:"max_subscriptions"`
	MaxPerTopic       int `yaml:"max_per_topic"`
	MaxPerHost        int `yaml:"max_per_host"`
	RequestsPerMinute int `yaml:"requests_per_minute"`
	// ExternalHubs are the addresses of hubs that get notices of the configured feeds
	// and of those that a webhook names.
	ExternalHubs []string `yaml:"external_hubs"`
}

// Lease is how long a subscription lasts: Default if it requests nothing, and always
// from Min to Max.
type Lease struct {
	Default time.Duration `yaml:"default"`
	Min     time.Duration `yaml:"min"`
	Max     time.Duration `yaml:"max"`
}

// Webhook is a program that gets notices of changes.
type Webhook struct {
	Name string `yaml:"name"`
	URL  string `yaml:"url"`
	// Secrets sign notices, as whsec_ and base64: first those of the key, then those
	// of the file that SecretsFile names.
	Secrets     []InlineSecret `yaml:"secrets"`
	SecretsFile SecretLines    `yaml:"secrets_file"`
	// Feeds are the names of feeds, empty for every configured one: "all",
	// "sections/travel".
	Feeds []string `yaml:"feeds"`
}

// Digest is a message to people about what is new.
type Digest struct {
	Name string `yaml:"name"`
	// Schedule is a cron specification, which the scheduler checks.
	Schedule string `yaml:"schedule"`
	// Feeds are as those of a Webhook.
	Feeds []string `yaml:"feeds"`
	// To are addresses such as smtp://…, with passwords in them: first those of the
	// key, then those of the file that ToFile names. The sender checks them.
	To     []InlineSecret `yaml:"to"`
	ToFile SecretLines    `yaml:"to_file"`
}

// Outbound is how others are called: callbacks, webhooks and hubs.
type Outbound struct {
	// AllowNetworks may be called though they are not public. They are canonical.
	AllowNetworks []netip.Prefix `yaml:"allow_networks"`
	AllowHTTP     bool           `yaml:"allow_http"`
	// Timeout is that of one call.
	Timeout time.Duration `yaml:"timeout"`
	// A notice is given up after Attempts calls or GiveUpAfter. FirstRetry is the time
	// before the second call; later ones are longer.
	Attempts    int           `yaml:"attempts"`
	GiveUpAfter time.Duration `yaml:"give_up_after"`
	FirstRetry  time.Duration `yaml:"first_retry"`
}

// Log is what is logged and how: Format is "text" or "json", Requests is "off",
// "anonymous" or "full".
type Log struct {
	Level    slog.Level `yaml:"level"`
	Format   string     `yaml:"format"`
	Requests string     `yaml:"requests"`
}

// Rights are in addition to those in events. A denial in either hides the gallery.
type Rights struct {
	Rules []RightsRule `yaml:"rules"`
}

// RightsRule concerns slides with one of the credits and galleries with one of the
// sources; "*" stands for any text. Allow and Deny name audiences, as in events.
type RightsRule struct {
	Credits []string `yaml:"credits"`
	Sources []string `yaml:"sources"`
	Allow   []string `yaml:"allow"`
	Deny    []string `yaml:"deny"`
}

// Partner is a receiver with a feed of its own.
type Partner struct {
	// Name and Groups name it in lists of audiences; Name is also its part of the
	// address.
	Name   string   `yaml:"name"`
	Groups []string `yaml:"groups"`
	// Dialect is "standard".
	Dialect string    `yaml:"dialect"`
	Title   string    `yaml:"title"`
	Match   Selection `yaml:"match"`
	// Exclude wins over Match.
	Exclude Exclusion `yaml:"exclude"`
	// Items, Order and Content are as those of a Feed.
	Items   int    `yaml:"items"`
	Order   string `yaml:"order"`
	Content string `yaml:"content"`
	// Delay and MaxAge count from the publication; a MaxAge of 0 is none.
	Delay  time.Duration `yaml:"delay"`
	MaxAge time.Duration `yaml:"max_age"`
	// UnstatedRights is "allow" or "deny": what a gallery without a list of allowed
	// audiences means.
	UnstatedRights string `yaml:"unstated_rights"`
	// LinkQuery is added to links for people, without a question mark.
	LinkQuery string `yaml:"link_query"`
	Access    Access `yaml:"access"`
	// PollEvery is how often the partner is expected to ask; 0: not known.
	PollEvery time.Duration `yaml:"poll_every"`
}

// Selection chooses galleries as a Match does, also by author.
type Selection struct {
	Sections  []string `yaml:"sections"`
	Tags      []string `yaml:"tags"`
	Authors   []string `yaml:"authors"`
	Languages []string `yaml:"languages"`
}

// Exclusion leaves out galleries of which one list fits, and the slides with one of
// Credits. In Sources and Credits "*" stands for any text.
type Exclusion struct {
	Sections  []string `yaml:"sections"`
	Tags      []string `yaml:"tags"`
	Authors   []string `yaml:"authors"`
	Languages []string `yaml:"languages"`
	Sources   []string `yaml:"sources"`
	Credits   []string `yaml:"credits"`
}

// Access is how a partner authenticates.
type Access struct {
	Keys []PartnerKey `yaml:"keys"`
	// PathKeys is whether a key may also be a part of the address.
	PathKeys bool `yaml:"path_keys"`
	// Networks are where requests must come from, none for anywhere. They are canonical.
	Networks []netip.Prefix `yaml:"networks"`
}

// PartnerKey is one of the keys of a partner.
type PartnerKey struct {
	Name string `yaml:"name"`
	// SecretFile is a path, whose content the package partner reads.
	SecretFile string `yaml:"secret_file"`
	// From is the first instant at which the key is good, Until the first at which it no
	// longer is; zero: no bound.
	From  time.Time `yaml:"from"`
	Until time.Time `yaml:"until"`
}

// Configured reports whether the file or the environment sets the key at path,
// such as "http.listen" or "feeds[0].items". A port that is not configured may be
// replaced by a free one.
func (c Config) Configured(path string) bool {
	_, ok := c.places[path]
	return ok
}

// Located returns the key at path with the place of its value, such as
// "feeds[0].items (gallerywire.yaml:12)".
func (c Config) Located(path string) string {
	at := c.places.nearest(path)
	switch {
	case at.source == "":
		return path
	case at.line == 0:
		return fmt.Sprintf("%s (%s)", path, at.source)
	}
	return fmt.Sprintf("%s (%s:%d)", path, at.source, at.line)
}

// Problem describes what is wrong with the value at path, with the place of that
// value, for problems that are found after Load.
func (c Config) Problem(path, message string) Problem {
	at := c.places.nearest(path)
	return Problem{Source: at.source, Line: at.line, Column: at.column, Key: path, Message: message}
}
