package web_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// traced notes the functions of this package that a request for an edition passes.
type traced struct {
	*editions
	frames []string
}

func (tr *traced) Edition(ctx context.Context, ref edition.Ref) (*edition.Edition, error) {
	pcs := make([]uintptr, 64)
	for frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)]); ; {
		f, more := frames.Next()
		if _, name, ours := strings.Cut(f.Function, "/internal/serve/web."); ours {
			tr.frames = append(tr.frames, name)
		}
		if !more {
			return tr.editions.Edition(ctx, ref)
		}
	}
}

func TestARequestPassesFewFunctions(t *testing.T) {
	tr := &traced{}
	s := newSite(t, func(o *web.Options) {
		tr.editions = o.Editions.(*editions)
		o.Editions = tr
	})
	if res := s.get("/feeds/all.atom"); res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	t.Logf("from the inside: %q", tr.frames)
	if n := len(tr.frames); n == 0 || n > 4 {
		t.Errorf("%d functions, want at most 4: %q", n, tr.frames)
	}
}
