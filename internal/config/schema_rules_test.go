package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// requiredOf lists the keys that an entry of a list must state.
func requiredOf(list string) []string {
	return map[string][]string{
		"feeds":    {"name"},
		"webhooks": {"name", "url"},
		"digests":  {"name", "schedule"},

		"partners":                 {"name"},
		"partners[].access.keys":   {"name", "secret_file"},
		"tombstones.titles":        {"language", "text"},
		"nats.embedded.publishers": {"name", "token_file"},
		"intake.keys":              {"name", "kind"},
	}[list]
}

// rules says what must be true of a value beyond its type. What depends on other keys is
// left to the loader, for the environment may state those.
func rules() map[string]object {
	all := map[string]object{}
	for _, some := range []map[string]object{siteRules(), natsRules(), feedRules(), partnerRules(), intakeRules(), noticeRules()} {
		for key, rule := range some {
			all[key] = rule
		}
	}
	return all
}

func siteRules() map[string]object {
	picture := pattern("^(?:|" + webAddressPattern + "(?:[/?#][^\\s]*)?)$")
	return map[string]object{
		"site.id":           append(pattern("^(?:|"+inner(hostname.String())+")$"), member{"maxLength", 253}),
		"site.title":        words(),
		"site.description":  free(),
		"site.base_url":     pattern("^(?:|" + webAddressPattern + "(?:/[!$&-;=@-Z_a-z~]*)?)$"),
		"site.language":     language(),
		"site.author.name":  free(),
		"site.author.email": pattern(`^(?:|[^\s<>]+@[^\s@<>]+)$`),
		"site.copyright":    free(),
		"site.icon":         picture,
		"site.image":        picture,
		"http.listen":       listen(),
		"http.admin_listen": listen(),

		"http.max_connections":            whole(0, maxConnections),
		"http.max_connections_per_client": whole(0, maxConnections),

		"http.cache_bytes":   size(0, int(maxCacheBytes)),
		"schedule.timezone":  object{{"type", "string"}, {"minLength", 1}},
		"schedule.republish": spec(),
		"schedule.notices":   spec(),
		"log.level":          level(),
		"log.format":         choice("text", "json"),
		"log.requests":       choice("off", "anonymous", "full"),
	}
}

func language() object {
	return append(pattern("^"+gallery.LanguageShape+"$"), member{"maxLength", 100})
}

func natsRules() map[string]object {
	server := `\s*(?:(?:` + strings.Join(serverSchemes(), "|") + `)://)?[^\s,/]+/?\s*`
	word := `[^\s.*>]`
	return map[string]object{
		"nats.url":                                   pattern("^(?:|" + server + "(?:," + server + ")*)$"),
		"nats.embedded.listen":                       listen(),
		"nats.embedded.data_dir":                     object{{"type", "string"}, {"pattern", `\S`}},
		"nats.embedded.sync":                         object{{"anyOf", []object{{{"const", "always"}}, {{"type", "string"}, {"pattern", durationPattern}}}}},
		"nats.embedded.publishers[]":                 object{{"required", requiredOf("nats.embedded.publishers")}},
		"nats.embedded.publishers[].name":            name(label.String()),
		"nats.embedded.publishers[].token_file":      object{{"type", "string"}, {"minLength", 1}},
		"nats.embedded.publishers[].id_prefix":       append(free(), member{"maxLength", maxIDPrefix}),
		"nats.embedded.publishers[].guid_prefixes[]": append(words(), member{"maxLength", maxGUIDPrefix}),
		"nats.replicas":                              object{{"enum", []int{1, 3, 5}}},
		"nats.prefix":                                name(prefix.String()),
		"events.stream":                              name(fmt.Sprintf(`^[^\s.*>/\\]{1,%d}$`, maxStreamName)),
		"events.subjects":                            object{{"type", "array"}, {"minItems", 1}, {"uniqueItems", true}},
		"events.subjects[]":                          pattern(`^(?:>|(?:\*|[^\s.*>$]` + word + `*)(?:\.(?:\*|` + word + `+))*(?:\.>)?)$`),
		"events.max_bytes":                           size(minEvent, 0),
		"events.max_event":                           size(minEvent, maxEvent),
		"events.url_template": object{{"type", []string{"string", "null"}}, {"allOf", []object{
			{{"pattern", `^(?:|` + anyCase("http") + `[Ss]?://(?:[^\s{}]|\{(?:id|slug|section|language)\})+)$`}},
			{{"pattern", `^$|\{(?:id|slug)\}`}},
		}}},
	}
}

func feedRules() map[string]object {
	return map[string]object{
		"feeds":                        object{{"type", "array"}, {"minItems", 1}},
		"feeds[]":                      object{{"required", requiredOf("feeds")}},
		"feeds[].name":                 name(feedName.String()),
		"feeds[].title":                free(),
		"feeds[].items":                whole(1, maxItems),
		"feeds[].content":              choice("full", "summary"),
		"feeds[].order":                choice(orders()...),
		"feeds[].match.sections[]":     words(),
		"feeds[].match.tags[]":         words(),
		"feeds[].match.languages[]":    language(),
		"feeds[].aliases":              object{{"type", []string{"array", "null"}}, {"uniqueItems", true}},
		"feeds[].aliases[]":            name(feedName.String()),
		"rights.rules[]":               object{{"allOf", []object{{{"anyOf", filled("credits", "sources")}}, {{"anyOf", filled("allow", "deny")}}}}},
		"rights.rules[].credits[]":     words(),
		"rights.rules[].sources[]":     words(),
		"rights.rules[].allow[]":       words(),
		"rights.rules[].deny[]":        words(),
		"dynamic.items":                whole(1, maxItems),
		"dynamic.order":                choice(orders()...),
		"dynamic.cache":                whole(1, maxCache),
		"archive.page":                 whole(minPage, maxPage),
		"tombstones.titles[]":          object{{"required", requiredOf("tombstones.titles")}},
		"tombstones.titles[].language": language(),
		"tombstones.titles[].text":     words(),
		"limits.gallery":               size(minGallery, maxGallery),
		"limits.document":              size(minGallery, maxDocument),
	}
}

func partnerRules() map[string]object {
	named := append(name(label.String()), member{"not", object{{"const", gallery.Public}}})
	all := map[string]object{
		"partners[]":                           object{{"required", requiredOf("partners")}},
		"partners[].name":                      named,
		"partners[].groups[]":                  named,
		"partners[].dialect":                   choice("standard"),
		"partners[].title":                     free(),
		"partners[].items":                     whole(1, maxItems),
		"partners[].order":                     choice(orders()...),
		"partners[].content":                   choice("full", "summary"),
		"partners[].unstated_rights":           choice("allow", "deny"),
		"partners[].link_query":                append(pattern("^(?:|[!$-;=@-Z_a-z~][!$-;=?-Z_a-z~]*)$"), member{"maxLength", maxLinkQuery}),
		"partners[].match.languages[]":         language(),
		"partners[].exclude.languages[]":       language(),
		"partners[].access.keys[]":             object{{"required", requiredOf("partners[].access.keys")}},
		"partners[].access.keys[].name":        name(label.String()),
		"partners[].access.keys[].secret_file": object{{"type", "string"}, {"minLength", 1}},
		"partners[].access.networks[]":         object{{"type", "string"}, {"pattern", networkPattern}},
	}
	for _, list := range new(Partner).names() {
		all["partners[]."+list.key+"[]"] = words()
	}
	return all
}

func intakeRules() map[string]object {
	called := webAddressPattern + `(?:[/?][^#\s]*)?$`
	return map[string]object{
		"intake.keys[]":                 object{{"required", requiredOf("intake.keys")}, {"anyOf", []object{present("secret"), present("secret_file")}}},
		"intake.keys[].name":            name(label.String()),
		"intake.keys[].kind":            choice(intakeKinds()...),
		"intake.keys[].secret":          free(),
		"intake.keys[].id_prefix":       append(free(), member{"maxLength", maxIDPrefix}),
		"intake.keys[].guid_prefixes[]": append(words(), member{"maxLength", maxGUIDPrefix}),
		"intake.keys[].callback.url":    pattern("^(?:|" + called[:len(called)-1] + ")$"),
		"intake.keys[].callback.secret": pattern("^(?:|" + inner(signingPattern()) + ")$"),
		"intake.requests_per_minute":    whole(1, maxRequests),
	}
}

func noticeRules() map[string]object {
	called := webAddressPattern + `(?:[/?][^#\s]*)?$`
	feed := name(`^(?:` + inner(feedName.String()) + `|(?:sections|tags|authors)/[^\sA-Z/.]+|galleries/[A-Za-z0-9_-]{1,80}|partners/` + inner(label.String()) + `)$`)
	return map[string]object{
		"websub.signature":           choice("sha1", "sha256", "sha384", "sha512"),
		"websub.max_subscriptions":   whole(1, maxSubscriptions),
		"websub.max_per_topic":       whole(1, maxSubscriptions),
		"websub.max_per_host":        whole(1, maxSubscriptions),
		"websub.requests_per_minute": whole(1, maxRequests),
		"websub.external_hubs[]":     object{{"type", "string"}, {"pattern", "^" + called}},
		"webhooks[]":                 object{{"required", requiredOf("webhooks")}, {"anyOf", oneOfBoth("secrets", "secrets_file")}},
		"webhooks[].name":            name(label.String()),
		"webhooks[].url":             object{{"type", "string"}, {"pattern", "^" + called}},
		"webhooks[].secrets[]":       object{{"type", "string"}, {"pattern", signingPattern()}},
		"webhooks[].feeds[]":         feed,
		"digests[]":                  object{{"required", requiredOf("digests")}, {"anyOf", oneOfBoth("to", "to_file")}},
		"digests[].name":             name(label.String()),
		"digests[].schedule":         spec(),
		"digests[].feeds[]":          feed,
		"digests[].to[]":             object{{"type", "string"}, {"pattern", `^[A-Za-z][A-Za-z0-9+.-]*://\S+$`}},
		"outbound.allow_networks[]":  object{{"type", "string"}, {"pattern", networkPattern}},
		"outbound.attempts":          whole(1, maxAttempts),
	}
}

const (
	// Host and port as isHost and isPort want them, more or less.
	webAddressPattern = `[Hh][Tt][Tt][Pp][Ss]?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?`
	durationPattern   = `^\+?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$`
	instantPattern    = `^(?:|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2}))$`
	networkPattern    = `^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/(?:[0-9]|[12][0-9]|3[0-2]))?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:/[0-9]{1,3})?)$`
	// Five fields, or what stands for them.
	specPattern = `^\s*(?:(?:CRON_)?TZ=\S+\s+)?(?:@(?:yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)|[^\s@]\S*(?:\s+\S+){4})\s*$`
)

// pattern is for text that means nothing when it is empty, where the pattern takes that.
func pattern(p string) object {
	if strings.HasPrefix(p, "^(?:|") {
		return object{{"type", []string{"string", "null"}}, {"pattern", p}}
	}
	return object{{"type", "string"}, {"pattern", p}}
}

// name is for what may also look like a number: a feed named 2026.
func name(p string) object { return object{{"type", []string{"string", "integer"}}, {"pattern", p}} }

// words is for text that people read; 2026 and true are as good as any other.
func words() object {
	return object{{"type", []string{"string", "number", "boolean"}}, {"pattern", `\S`}}
}

// free is for such text that may be empty.
func free() object { return object{{"type", []string{"string", "number", "boolean", "null"}}} }

func choice(of ...string) object { return object{{"enum", of}} }

func whole(least, most int) object {
	return object{{"type", "integer"}, {"minimum", least}, {"maximum", most}}
}

func duration() object {
	return object{{"anyOf", []object{{{"type", "string"}, {"pattern", durationPattern}}, {{"enum", []any{0, "0"}}}}}}
}

// size bounds what is written as a number; a maximum of 0 is none.
func size(least, most int) object {
	var names []string
	for _, u := range units() {
		names = append(names, u.name)
	}
	number := object{{"type", "integer"}, {"minimum", least}}
	if most > 0 {
		number = append(number, member{"maximum", most})
	}
	text := object{{"type", "string"}, {"pattern", `^\s*[0-9]+\s*(?:` + strings.Join(names, "|") + `)?\s*$`}}
	return object{{"anyOf", []object{text, number}}}
}

func listen() object {
	return object{{"type", "string"}, {"pattern", `^(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]*):[0-9]{1,5}$`}}
}

func spec() object { return object{{"type", "string"}, {"pattern", specPattern}} }

// level names the usual ones for completion, and takes them in capitals too.
func level() object {
	usual := []string{"debug", "info", "warn", "error"}
	var capitals []string
	for _, l := range usual {
		capitals = append(capitals, anyCase(l))
	}
	return object{{"anyOf", []object{{{"enum", usual}}, {{"type", "string"}, {"pattern", "^(?:" + strings.Join(capitals, "|") + `)(?:[+-][0-9]+)?$`}}}}}
}

// filled wants one of the lists not to be empty.
func filled(lists ...string) (any []object) {
	for _, list := range lists {
		any = append(any, object{{"required", []string{list}}, {"properties", object{{list, object{{"type", "array"}, {"minItems", 1}}}}}})
	}
	return any
}

// present wants a text that is not empty.
func present(key string) object {
	return object{{"required", []string{key}}, {"properties", object{{key, object{{"type", "string"}, {"minLength", 1}}}}}}
}

// oneOfBoth wants a list that is not empty, or a file.
func oneOfBoth(list, file string) []object {
	return []object{
		filled(list)[0],
		present(file),
	}
}

// signingPattern is base64 of 24 to 64 bytes.
func signingPattern() string {
	const c = "[A-Za-z0-9+/]"
	const end = "(?:" + c + "{2}==|" + c + "{3}=)?"
	least, most := 24/3, 64/3
	return fmt.Sprintf("^whsec_(?:(?:%[1]s{4}){%[2]d,%[3]d}%[5]s|(?:%[1]s{4}){%[4]d}(?:%[1]s{2}==)?)$", c, least, most-1, most, end)
}

// inner is a pattern without its ends, and without a flag that only Go knows.
func inner(p string) string {
	return strings.NewReplacer("^(?i)", "", "^", "", "$", "").Replace(p)
}

// anyCase matches word in capitals or not, as no flag does everywhere.
func anyCase(word string) string {
	var b strings.Builder
	for _, r := range word {
		fmt.Fprintf(&b, "[%c%c]", unicode.ToUpper(r), r)
	}
	return b.String()
}
