package config

import (
	"math"
	"testing"
	"time"
)

func TestSizeIsReadAndWritten(t *testing.T) {
	for text, want := range map[string]struct {
		size Size
		text string
	}{
		"0":                   {0, "0"},
		"4096":                {4096, "4KiB"},
		"10MB":                {10_000_000, "10MB"},
		"512 MiB":             {512 << 20, "512MiB"},
		"1024MiB":             {1 << 30, "1GiB"},
		"3B":                  {3, "3"},
		"7kB":                 {7000, "7kB"},
		"9223372036854775807": {math.MaxInt64, "9223372036854775807"},
		" 2TiB ":              {2 << 40, "2TiB"},
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want.size {
			t.Errorf("%q is %d, %v; want %d", text, s, err, want.size)
		}
		if s.String() != want.text {
			t.Errorf("%d is written %s, want %s", s, s, want.text)
		}
	}
}

func TestSizeRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "MiB", "-1", "+1", "1.5GiB", "1Gib", "1 000", "9223372036854775808", "9000000TiB", "0x10"} {
		s := Size(7)
		if err := s.UnmarshalText([]byte(text)); err == nil || s != 7 {
			t.Errorf("%q is %d, %v; want an error and the size left alone", text, s, err)
		}
	}
}

func TestSyncIsAlwaysOrAnInterval(t *testing.T) {
	for text, want := range map[string]Sync{"always": SyncAlways, "2m": Sync(2 * time.Minute), "100ms": Sync(100 * time.Millisecond)} {
		s := Sync(1)
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q is %v, %v; want %v", text, s, err, want)
		}
		var again Sync
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q is written %q, which is read as %v, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "never", "0s", "-1s", "Always", "10"} {
		s := Sync(1)
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %v", text, s)
		}
	}
}
