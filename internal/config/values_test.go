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

func TestNetworksAreCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":          "10.0.0.0/8",
		"192.168.1.7":         "192.168.1.7/32",
		"::1":                 "::1/128",
		"FD00:0::/8":          "fd00::/8",
		"::ffff:10.0.0.0/104": "10.0.0.0/8",
		"::ffff:10.0.0.1":     "10.0.0.1/32",
		"::/0":                "::/0",
	} {
		got, err := network(text)
		if err != nil || got.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
	_, err := network("10.1.2.3/8")
	if want := `"10.1.2.3/8" is an address within a network: write 10.0.0.0/8 for all of it, or 10.1.2.3`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, text := range []string{"", "10", "10.0.0.0/", "10.0.0.0/08", "0x7f.0.0.0/8", "::ffff:10.0.0.0/95", "fe80::1%a", "fe80::%a/10"} {
		if got, err := network(text); err == nil {
			t.Errorf("%q is accepted as %v", text, got)
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
