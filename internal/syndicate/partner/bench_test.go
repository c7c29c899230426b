package partner_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// BenchmarkAdmit admits a partner with three keys among a hundred. The floor is one hash of
// the key and three comparisons. guessed is as admitted, while others send 10,000 wrong keys
// a minute.
func BenchmarkAdmit(b *testing.B) {
	var partners []partner.Partner
	for i := range 100 {
		name := string(rune('a'+i/26)) + string(rune('a'+i%26))
		partners = append(partners, partner.Partner{Name: name, Keys: []partner.Key{{Name: name + "1"}, {Name: name + "2"}, {Name: name + "3"}}})
	}
	w := newWorld(b, partners...)
	right := basic("aa", "aa", secret("aa2"))
	admit := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Admit(right); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("floor", func(b *testing.B) {
		stored := []credential.Hash{credential.HashOf(secret("aa1")), credential.HashOf(secret("aa2")), credential.HashOf(secret("aa3"))}
		for b.Loop() {
			offered := credential.HashOf(right.Password)
			found := false
			for _, h := range stored {
				found = found || h == offered
			}
			if !found {
				b.Fatal("not found")
			}
		}
	})
	b.Run("admitted", admit)
	for name, wrong := range map[string]partner.Request{"wrong": inPath("aa", "wrong"), "nobody": inPath("nobody", "wrong")} { // as long as each other
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = w.Admit(wrong)
			}
		})
	}
	b.Run("guessed", func(b *testing.B) {
		var done atomic.Bool
		ended := make(chan int)
		go func() {
			wrong, sent := inPath("aa", "wrong"), 0
			wrong.Client = netip.MustParseAddr("1.0.0.0")
			for tick := time.NewTicker(time.Minute / 10_000); !done.Load(); sent++ {
				<-tick.C
				wrong.Client = wrong.Client.Next()
				_, _ = w.Admit(wrong)
			}
			ended <- sent
		}()
		admit(b)
		done.Store(true)
		b.ReportMetric(float64(<-ended)/b.Elapsed().Minutes(), "wrong/min")
	})
}
