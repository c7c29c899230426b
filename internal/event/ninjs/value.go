package ninjs

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// misfit is a value that can not be what its member is for.
type misfit struct{ reason string }

// Error is the reason.
func (m *misfit) Error() string { return m.reason }

// instant is a date and time in UTC, zero where it is null or empty.
type instant struct{ time.Time }

// UnmarshalJSONFrom reads what [gallery.ParseInstant] does.
func (t *instant) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var s string
	if err := json.UnmarshalDecode(dec, &s); err != nil {
		return err
	}
	if s = strings.TrimSpace(s); s == "" {
		t.Time = time.Time{}
		return nil
	}
	if at, ok := gallery.ParseInstant(s); ok {
		t.Time = at.UTC()
		return nil
	}
	return &misfit{strconv.Quote(gallery.Clip(s, maxQuoted)) + " is no instant: write it as 2026-11-20T09:00:00Z or 2026-11-20T09:00:00+0000"}
}

// whole is a whole number that some providers write as a string. It is 0 for
// null and for what is no whole number: none of those that are read is needed.
type whole int64

// UnmarshalJSONFrom reads a number or a string.
func (n *whole) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindNull:
		*n = 0
		return dec.SkipValue()
	case jsontext.KindNumber, jsontext.KindString:
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		*n = parseWhole(strings.TrimSpace(token.String()))
		return nil
	default:
		return unfit(dec, kind, "a number")
	}
}

func parseWhole(s string) whole {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return whole(n)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0
	}
	return whole(f)
}

// unfit skips a value of the wrong kind and says so.
func unfit(dec *jsontext.Decoder, kind jsontext.Kind, belongs string) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return &misfit{jsonfault.Holds(kind, belongs)}
}
