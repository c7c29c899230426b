package digest

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestMemoryBounded(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := record{Made: made, Horizon: made.Add(-remembered)}
	var shown []Shown
	for i := range maxRemembered + 5000 { // a gallery a minute is more than is remembered
		at := made.Add(-time.Duration(i) * time.Minute)
		shown = append(shown, Shown{Key: fmt.Sprint(i), Published: at, Visible: at})
	}
	r.remember(shown)
	if len(r.Known) != maxRemembered*knownSize {
		t.Fatalf("%d bytes", len(r.Known))
	}
	for i := range shown {
		shown[i].Visible = made.Add(time.Hour) // corrected, all of them
	}
	if got := r.news(shown); len(got) != 0 {
		t.Errorf("%d corrections are news", len(got))
	}
	late := Shown{Key: "late", Published: made.Add(-time.Hour), Visible: made.Add(time.Hour)}
	if got := r.news(append(shown, late)); !slices.Equal(got, []string{"late"}) {
		t.Errorf("news %v", got)
	}
}

func TestGalleriesBeforeHorizonForgotten(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := record{Made: made, Horizon: made.Add(-remembered)}
	r.remember([]Shown{{Key: "a", Published: made.AddDate(0, 0, -20)}, {Key: "b", Published: made}})
	r.move(made.AddDate(0, 0, -10))
	r.remember(nil)
	if known := r.known(); len(known) != 1 {
		t.Errorf("known %v", known)
	}
}

func TestTruncatedRecordKeepsWholeEntries(t *testing.T) {
	t.Parallel()
	r := record{Known: make([]byte, knownSize+5)}
	if known := r.known(); len(known) != 1 {
		t.Errorf("known %v", known)
	}
}
