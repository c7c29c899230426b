package gallery

import (
	"regexp"
	"time"
)

// instantShape is date-time of RFC 3339 §5.6 with the liberties of its notes, lower case
// and a space for the T, and with the colon of the zone left out, as ninjs does.
var instantShape = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:)([0-9]{2})((?:\.[0-9]+)?)(?:([Zz])|([+-](?:[01][0-9]|2[0-3])):?([0-5][0-9]))$`)

// ParseInstant reads a date and time with its zone (RFC 3339 §5.6): 2026-11-20T09:00:00Z.
// Of a fraction of a second nine digits count. A leap second, 23:59:60 in UTC, is the
// last nanosecond before the next day: so it stays on its day and in its order. False
// means that s is no such instant.
func ParseInstant(s string) (time.Time, bool) {
	m := instantShape.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	second, fraction, zone := m[3], m[4], "Z"
	if m[5] == "" {
		zone = m[6] + ":" + m[7]
	}
	leap := second == "60"
	if leap {
		second, fraction = "59", ".999999999"
	}
	t, err := time.Parse(time.RFC3339, m[1]+"T"+m[2]+second+fraction+zone)
	if utc := t.UTC(); err != nil || leap && (utc.Hour() != 23 || utc.Minute() != 59) {
		return time.Time{}, false
	}
	return t, true
}
