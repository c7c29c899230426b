package app

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/google/go-cmp/cmp"
)

func TestMemoryIsSharedOut(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		http  config.HTTP
		limit int64
		want  allowance
	}{
		"nothing limits it":        {want: allowance{cache: 256 * mib, work: 256 * mib / 3, connections: 4096}},
		"as deployed":              {limit: 400 * mib, want: allowance{cache: 400 * mib / 3, work: 400 * mib / 9, connections: 1600}},
		"little":                   {limit: 32 * mib, want: allowance{cache: 32 * mib / 3, work: 32 * mib / 9, connections: 256}},
		"plenty":                   {limit: 8 << 30, want: allowance{cache: (8 << 30) / 3, work: (8 << 30) / 9, connections: 4096}},
		"as the operator wants it": {http: config.HTTP{CacheBytes: 90 * mib, MaxConnections: 7}, limit: 400 * mib, want: allowance{cache: 90 * mib, work: 30 * mib, connections: 7}},
	} {
		if diff := cmp.Diff(c.want, allow(c.http, c.limit), cmp.AllowUnexported(allowance{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
