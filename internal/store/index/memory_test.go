//go:build !race

package index

import (
	"runtime"
	"testing"
	"time"
)

// An indexed gallery costs at most 400 bytes, all selections, names and the
// archive included.
func TestMemoryOfAGallery(t *testing.T) {
	const n, most = 100_000, 400
	before := inUse()
	w := crowd(t, n)
	s := w.Select(Match{}, ByPublished)
	each := float64(inUse()-before) / n
	t.Logf("%.0f bytes a gallery", each)
	if each > most {
		t.Errorf("%.0f bytes a gallery, at most %d are allowed", each, most)
	}
	if s.LenAt(time.Now()) != n {
		t.Errorf("%d galleries", s.LenAt(time.Now()))
	}
	runtime.KeepAlive(w)
}
