package web

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

func BenchmarkSubscribers(b *testing.B) {
	for name, agent := range map[string]string{
		"reader":  "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Thunderbird/133.0",
		"service": "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers; like FeedFetcher-Google)",
	} {
		b.Run(name, func(b *testing.B) {
			s := NewSubscribers(nil)
			b.ReportAllocs()
			for b.Loop() {
				s.Note(agent, edition.Ref{Kind: edition.Feed, Name: "all"}, feed.RSS)
			}
		})
	}
}
