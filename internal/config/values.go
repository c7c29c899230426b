package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Size is a number of bytes. Its text is a whole number with an optional unit:
// 1GiB, 512MiB, 10MB, 4096.
type Size int64

type unit struct {
	name  string
	bytes int64
}

// units lists the largest first: the first that divides a size writes it shortest.
func units() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
	}
}

// String writes s exactly, in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units() {
		if s != 0 && u.bytes > 1 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes s as String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String writes, and any other whole number with a unit.
func (s *Size) UnmarshalText(text []byte) error {
	number, bytes := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units() {
		if before, ok := strings.CutSuffix(number, u.name); ok {
			number, bytes = strings.TrimSpace(before), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if errors.Is(err, strconv.ErrRange) || err == nil && n > math.MaxInt64/uint64(bytes) {
		return fmt.Errorf("%s is too large: write at most 8388607TiB", text)
	}
	if err != nil {
		return fmt.Errorf("%q is not a size: write a whole number with a unit, such as 512KiB, 8MiB or 1GiB", text)
	}
	*s = Size(int64(n) * bytes)
	return nil
}

// Sync is how often the embedded server flushes to disk. SyncAlways, the zero
// value, flushes every write before it is acknowledged; any other value is the
// time between flushes, which is what a power cut can lose.
type Sync time.Duration

// SyncAlways flushes before every acknowledgement.
const SyncAlways Sync = 0

// String is "always" or the interval.
func (s Sync) String() string {
	if s == SyncAlways {
		return "always"
	}
	return time.Duration(s).String()
}

// MarshalText writes s as String does.
func (s Sync) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "always" or an interval above zero.
func (s *Sync) UnmarshalText(text []byte) error {
	if string(text) == "always" {
		*s = SyncAlways
		return nil
	}
	d, err := ParseDuration(string(text))
	if err != nil && durationForm.Match(text) {
		return err
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("%q cannot be how often to flush: write always, or the time between flushes such as 10s or 2m", text)
	}
	*s = Sync(d)
	return nil
}

// durationForm matches durations, also those that are too large.
var durationForm = regexp.MustCompile(`^[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+$`)

// ParseDuration reads a duration such as 60s, 5m or 1h.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil && durationForm.MatchString(text):
		return 0, fmt.Errorf("%s is too large: write at most %s", text, time.Duration(math.MaxInt64).Truncate(time.Hour))
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration: write 60s, 5m or 1h", text)
	}
	return d, nil
}

// instant reads an instant of RFC 3339; nothing is the zero time.
func instant(text string) (time.Time, error) {
	t, ok := gallery.ParseInstant(text)
	if !ok && text != "" {
		return time.Time{}, fmt.Errorf("%q is not an instant: write it as 2026-11-20T09:00:00Z (RFC 3339)", text)
	}
	return t, nil
}

// network reads a range of IP addresses, or a single one, into its canonical form.
func network(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if ip, none := netip.ParseAddr(text); none == nil && ip.Zone() == "" {
		p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network: write a network such as 10.0.0.0/8 or fd00::/8, or an address", text)
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q is an address within a network: write %s for all of it, or %s", text, p.Masked(), p.Addr())
	}
	return p, nil
}
