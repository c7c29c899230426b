package edition_test

import (
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// series returns the node's series of a metric: a counter's value, or a
// histogram's sum, by label values.
func (n *node) series(name string) map[string]float64 {
	n.t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			if f.GetName() == name {
				found[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
	}
	return found
}

func TestCacheLookupsAreCounted(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	feedOf, own := edition.Ref{Kind: edition.Feed, Name: "all"}, edition.Ref{Kind: edition.Gallery, Name: gallery.Key("a")}
	for range 3 {
		n.edition(feedOf)
	}
	for range 2 {
		n.edition(own)
	}
	want := map[string]float64{
		"feeds hit": 2, "feeds miss": 1, "galleries hit": 0, "galleries miss": 2, "slides hit": 1, "slides miss": 1,
	}
	if diff := cmp.Diff(want, n.series("gallerywire_cache_requests_total")); diff != "" {
		t.Errorf("lookups (-want +got):\n%s", diff)
	}
	n.Publish(photo("c"))
	n.edition(feedOf)
	if got := n.series("gallerywire_cache_requests_total"); got["galleries hit"] != 2 || got["galleries miss"] != 3 {
		t.Errorf("after a change: %v", got)
	}
}

func TestDocumentsAreMeasuredByFormat(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	e := n.edition(edition.Ref{Kind: edition.Feed, Name: "all"})
	want := map[string]float64{}
	for _, f := range feed.Formats() {
		want[f.String()] = float64(len(e.Document(f).Bytes()))
	}
	if diff := cmp.Diff(want, n.series("gallerywire_document_bytes")); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
	for format, took := range n.series("gallerywire_document_seconds") {
		if want[format] == 0 || took <= 0 || took > 10 {
			t.Errorf("%s took %f s", format, took)
		}
	}
}
