package receive_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
)

// What Superdesk's HTTP Push sends, in the order in which its formatter writes the members
// and byte for byte as its transmitter does.
const (
	superdeskItems  = "testdata/superdesk"
	superdeskPrefix = "urn:newsml:desk.example.com:"
	story           = superdeskPrefix + "2019-11-20T09:10:11.120045:435c93c2-492c-4668-ab47-ae6e2b9b1c2c"
)

func superdeskItem(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(superdeskItems, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pushOf is a request as Superdesk makes it, with Python's requests.
func pushOf(body []byte) *http.Request {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return post(receive.Path, string(body), "Authorization: ", "Content-Type: ", "Content-type: application/json", "Accept: application/json",
		"x-superdesk-signature: sha1="+hex.EncodeToString(mac.Sum(nil)), "User-Agent: python-requests/2.32.3", "Accept-Encoding: gzip, deflate", "Connection: keep-alive")
}

func newSuperdesk(t testing.TB, prefix string) *world {
	return newWorld(t, receive.Key{Name: "desk", Kind: receive.Superdesk, Secret: secret, IDPrefix: prefix})
}

// push sends an item, and returns the answer and the event on the stream; nil: none.
func (w *world) push(t *testing.T, name string) (reply, *event.Event) {
	t.Helper()
	before := len(w.stream.published())
	got := w.ask(t, pushOf(superdeskItem(t, name)))
	after := w.stream.published()
	if len(after) == before {
		return got, nil
	}
	m := after[len(after)-1]
	e, err := event.Reader{}.Decode(event.Message{Subject: m.Subject, Header: m.Header, Data: m.Data, Stored: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return got, e
}

func slidesOf(g *gallery.Gallery) string {
	var names []string
	for _, s := range g.Slides {
		names = append(names, strings.TrimPrefix(s.ID, "tag:desk.example.com:2019:"))
	}
	return strings.Join(names, " ")
}

func TestSuperdesksItemsAreStored(t *testing.T) {
	w := newSuperdesk(t, "")
	for _, c := range []struct{ name, title, slides, published, left string }{
		{"published", "Harbour lights — “the season’s last” 🚢", "p1 p2 p3 p4", "2019-11-20T09:15:00Z", ""},
		{"corrected", "Harbour lights, corrected", "p1 p2 p3 p4", "2019-11-20T09:15:00Z", ""},
		{"picture-killed", "Harbour lights, corrected", "p1 p3 p4", "2019-11-20T09:15:00Z", ""},
		{"text", "Harbour lights — “the season’s last” 🚢", "", "2019-11-20T09:15:00Z", ""},
		{"updated", "Harbour lights go out", "p1", "2019-11-20T09:15:00Z", ""},
		{"embargoed", "Harbour lights — “the season’s last” 🚢", "p1", "2150-01-01T06:00:00Z", ""},
		{"embargo-lifted", "Harbour lights — “the season’s last” 🚢", "p1", "2019-11-20T09:15:00Z", ""},
		{"scheduled", "Harbour lights — “the season’s last” 🚢", "p1", "2019-11-20T09:18:00Z", ""},
		{"picture", "The quay", "p1", "2019-11-20T08:00:00Z", ""},
		{"package", "The week", "p2", "2019-11-20T09:05:00Z", "/associations/sidebars-0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, e := w.push(t, c.name)
			if got.status != http.StatusAccepted || e == nil || e.Gallery == nil {
				t.Fatalf("answered %+v", got)
			}
			g := e.Gallery
			if g.Title != c.title || slidesOf(g) != c.slides || g.Published.Format(time.RFC3339) != c.published {
				t.Errorf("stored %q with %q, published %s", g.Title, slidesOf(g), g.Published)
			}
			if left := string(got.LeftOut); (left == "") != (c.left == "") || !strings.Contains(left, c.left) {
				t.Errorf("left out %s, want %q", left, c.left)
			}
			for _, s := range g.Slides {
				if !strings.HasPrefix(s.Image.URL, "https://media.example.com/api/upload-raw/"+s.ID[len(s.ID)-2:]) || s.Image.Alt == "" || s.Caption == "" || s.Credit == "" {
					t.Errorf("slide %+v", s)
				}
			}
			if data := w.stream.published(); string(data[len(data)-1].Data) != string(superdeskItem(t, c.name)) {
				t.Error("what is stored is not what was sent")
			}
		})
	}
}

// A kill ends what is shown, whichever of the two arrives first: Superdesk goes on with the
// next item while one waits to be sent again.
func TestSuperdesksRevisionsHaveOneOrder(t *testing.T) {
	w := newSuperdesk(t, superdeskPrefix)
	var ranks []gallery.Rank
	for _, name := range []string{"published", "corrected", "picture-killed", "killed"} {
		got, e := w.push(t, name)
		if got.status != http.StatusAccepted || e.GalleryID() != story || (e.Kind == event.Unpublished) != (name == "killed") {
			t.Fatalf("%s: answered %+v, %+v", name, got, e)
		}
		ranks = append(ranks, e.Rank)
	}
	if !slices.IsSortedFunc(ranks, gallery.Rank.Compare) || ranks[0] == ranks[1] {
		t.Errorf("ranks %v", ranks)
	}
	if _, e := w.push(t, "corrected"); e.Rank != ranks[1] { // resent: the same revision
		t.Errorf("sent again it has the rank %v, before %v", e.Rank, ranks[1])
	}
	// An update ("rewrite") is an item of its own, with the other in evolvedfrom: both are shown.
	if _, e := w.push(t, "updated"); e.GalleryID() == story || !strings.Contains(string(superdeskItem(t, "updated")), `"evolvedfrom": "`+story+`"`) {
		t.Errorf("an update is about %q", e.GalleryID())
	}
}

func TestSuperdesksPlansAreRefusedAndTheirCancellationIsNot(t *testing.T) {
	w := newSuperdesk(t, "")
	for _, name := range []string{"event", "planning"} {
		got, e := w.push(t, name)
		if got.status != http.StatusBadRequest || e != nil || len(got.Problems) != 1 || got.Problems[0].Place != "/type" {
			t.Errorf("%s: answered %+v", name, got)
		}
	}
	if got, e := w.push(t, "planning-cancelled"); got.status != http.StatusAccepted || e.Kind != event.Unpublished {
		t.Errorf("a cancellation: answered %+v", got)
	}
}

// Superdesk drops for good what got a 4xx: what passes by itself has none.
func TestSuperdeskIsToldToRetryWhatMayPass(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *http.Request)
		status int
	}{
		"stream away": {func(w *world, _ *http.Request) { w.stream.away = os.ErrDeadlineExceeded }, http.StatusServiceUnavailable},
		"stream full": {func(w *world, _ *http.Request) { w.stream.broken = os.ErrDeadlineExceeded }, http.StatusServiceUnavailable},
		"another secret": {func(_ *world, r *http.Request) {
			r.Header.Set("x-superdesk-signature", "sha1="+strings.Repeat("0", 40))
		}, http.StatusUnauthorized},
		"no secret":       {func(_ *world, r *http.Request) { r.Header.Del("x-superdesk-signature") }, http.StatusUnauthorized},
		"of another body": {func(_ *world, r *http.Request) { r.Body = post(receive.Path, `{"guid":"x"}`).Body }, http.StatusUnauthorized},
		"another's prefix": {func(w *world, _ *http.Request) {
			w.Receiver = newSuperdesk(t, "urn:newsml:other.example.com:").Receiver
		}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newSuperdesk(t, ""), pushOf(superdeskItem(t, "published"))
			c.change(w, r)
			if got := w.ask(t, r); got.status != c.status || len(w.stream.published()) != 0 {
				t.Errorf("answered %+v", got)
			}
		})
	}
}

// python says whether the bytes are those that Python's own json writes, and signs them with
// its own hmac.
const python = `
import hmac, json, sys
for name in sys.argv[2:]:
    data = open(name, "rb").read()
    if json.dumps(json.loads(data)).encode("utf-8") != data:
        sys.exit(name + " is not as json.dumps writes it")
    print("sha1=" + hmac.new(str.encode(sys.argv[1]), msg=data, digestmod="sha1").hexdigest())
`

func TestSuperdesksItemsAreAsPythonWritesAndSignsThem(t *testing.T) {
	program, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	files, err := filepath.Glob(filepath.Join(superdeskItems, "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d items, %v", len(files), err)
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"-c", python, secret}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i, signature := range strings.Fields(string(out)) {
		body, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if ours := pushOf(body).Header.Get("x-superdesk-signature"); ours != signature {
			t.Errorf("%s: Python signs %s, we %s", files[i], signature, ours)
		}
	}
}
