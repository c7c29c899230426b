package partner_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

func TestPollSaysThatAPartnerIsOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		w := newWorld(t, partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a"}, {Name: "b"}}, PollEvery: 15 * time.Minute},
			partner.Partner{Name: "any", Keys: []partner.Key{{Name: "c"}}})
		want := func(when string, msn, any partner.Poll) {
			t.Helper()
			if diff := cmp.Diff([]partner.Poll{msn, any}, []partner.Poll{w.Poll("msn"), w.Poll("any")}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		every := 15 * time.Minute
		want("at the start", partner.Poll{Every: every}, partner.Poll{})
		time.Sleep(45*time.Minute - time.Second)
		want("a second too early", partner.Poll{Every: every}, partner.Poll{})
		time.Sleep(time.Second)
		want("since the start", partner.Poll{Every: every, Silence: 3 * every}, partner.Poll{})
		for _, key := range []string{"b", "a"} {
			if _, err := w.Admit(bearer("msn", secret(key))); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = w.Admit(bearer("any", secret("wrong"))) // does not count
		polled := start.Add(45 * time.Minute)
		want("after a request", partner.Poll{Last: polled, Every: every}, partner.Poll{})
		if diff := cmp.Diff(map[string]float64{"msn": float64(polled.Unix()), "any": float64(start.Unix())}, w.series("gallerywire_partner_last_request_timestamp_seconds")); diff != "" {
			t.Errorf("last request (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]float64{"msn": 900}, w.series("gallerywire_partner_poll_every_seconds")); diff != "" {
			t.Errorf("expected interval (-want +got):\n%s", diff)
		}
		time.Sleep(24 * time.Hour)
		want("a day later", partner.Poll{Last: polled, Every: every, Silence: 24 * time.Hour}, partner.Poll{})
	})
}

func TestWhenThePartnersKeysEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		in := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
		at := func(hours int) float64 { return float64(in(hours).Unix()) }
		var partners []partner.Partner
		want := map[string]float64{}
		for name, c := range map[string]struct {
			keys []partner.Key
			want float64
		}{
			"without-key": {nil, 0},
			"for-ever":    {[]partner.Key{{Name: "a", Until: in(1)}, {Name: "b"}}, math.Inf(1)},
			"one":         {[]partner.Key{{Name: "c", Until: in(5)}}, at(5)},
			"handed-over": {[]partner.Key{{Name: "d", From: in(4), Until: in(9)}, {Name: "e", Until: in(5)}, {Name: "f", From: in(9)}}, math.Inf(1)},
			"with-a-gap":  {[]partner.Key{{Name: "g", Until: in(5)}, {Name: "h", From: in(6)}}, at(5)},
			"ended":       {[]partner.Key{{Name: "i", Until: start}, {Name: "j", From: in(1)}}, 0},
			"unreadable":  {[]partner.Key{{Name: "k", File: "missing"}}, 0},
			"half":        {[]partner.Key{{Name: "l", File: "missing"}, {Name: "m", Until: in(2)}}, at(2)},
		} {
			partners = append(partners, partner.Partner{Name: name, Keys: c.keys})
			want[name] = c.want
		}
		w := newWorld(t, partners...)
		if diff := cmp.Diff(want, w.series("gallerywire_partner_keys_end_timestamp_seconds")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
