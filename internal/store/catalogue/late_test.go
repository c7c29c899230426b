package catalogue_test

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
)

func remember(o *catalogue.Options) { o.Index.Tombstones = 24 * time.Hour }

// What a take-down knows is not written again and again.
func TestLatePublicationIsWrittenIntoItsTakeDownOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b, remember)
	down := takeDown("harbour", noon.Add(time.Hour))
	down.Event = []byte(`{"kind":"article.unpublished"}`)
	put(t, c, down)
	before := record(t, b, "harbour")
	for range 3 {
		for _, at := range []time.Duration{2, 1} {
			if outcome, err := c.Put(t.Context(), revision(t, "harbour", noon.Add(at), section("Travel"))); err != nil || outcome != catalogue.Superseded {
				t.Fatalf("%q, %v", outcome, err)
			}
		}
	}
	after := record(t, b, "harbour")
	if after.Sequence != before.Sequence+1 {
		t.Errorf("written %d times", after.Sequence-before.Sequence)
	}
	if string(after.Data) != string(before.Data) || after.Header.Get("Gallerywire-Event") != string(down.Event) {
		t.Error("the take-down itself was changed")
	}
	if outcome, err := c.Put(t.Context(), down); err != nil || outcome != catalogue.Unchanged {
		t.Errorf("the take-down again: %q, %v", outcome, err)
	}
}
