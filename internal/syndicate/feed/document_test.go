package feed

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

func TestDocumentFromKeptItemsEqualsOneRenderedAfresh(t *testing.T) {
	galleries := []*gallery.Gallery{harbour(), rightToLeftGallery(), awkward(), article()}
	r := testRenderer()
	items := make([]*Item, len(galleries))
	for i, g := range galleries {
		items[i] = must(r.Item(g, testNow, Full))(t)
	}
	galleries[2].Title = "Mended"
	items[2] = must(r.Item(galleries[2], testNow, Full))(t)
	slices.Reverse(items)
	slices.Reverse(galleries)
	for _, f := range Formats() {
		kept, fresh := must(Assemble(f, testChannel(), items))(t), render(t, f, Full, galleries...)
		if !bytes.Equal(kept.Bytes(), fresh.Bytes()) || kept.ETag != fresh.ETag {
			t.Errorf("%s: kept items give other bytes or another ETag %s than fresh ones %s", f, kept.ETag, fresh.ETag)
		}
		keptZip, keptTag := kept.Gzip()
		freshZip, freshTag := fresh.Gzip()
		if !bytes.Equal(keptZip, freshZip) || keptTag != freshTag {
			t.Errorf("%s: kept items give other compressed bytes than fresh ones", f)
		}
	}
}

func TestETagChangesWithHeadItemAndOrder(t *testing.T) {
	r := testRenderer()
	one, two := must(r.Item(harbour(), testNow, Full))(t), must(r.Item(article(), testNow, Full))(t)
	other := testChannel()
	other.Title = "Other"
	for _, f := range Formats() {
		tags := map[string]bool{}
		for _, d := range []*Document{
			must(Assemble(f, testChannel(), []*Item{one, two}))(t),
			must(Assemble(f, testChannel(), []*Item{two, one}))(t),
			must(Assemble(f, testChannel(), []*Item{one}))(t),
			must(Assemble(f, other, []*Item{one, two}))(t),
		} {
			tags[d.ETag] = true
		}
		if len(tags) != 4 {
			t.Errorf("%s: %d different ETags of 4 different documents", f, len(tags))
		}
	}
}

func TestInstantSelectsSlidesAndNothingElse(t *testing.T) {
	r := testRenderer()
	g := withheld()
	before := must(r.Item(g, day(21, 0), Full))(t)
	after := must(r.Item(g, day(30, 0), Full))(t)
	later := must(r.Item(g, testNow.AddDate(9, 0, 0), Full))(t)
	for _, f := range Formats() {
		if bytes.Equal(before.pieces[f].body, after.pieces[f].body) {
			t.Errorf("%s: a slide whose rights ended is still there", f)
		}
		if !bytes.Equal(after.pieces[f].body, later.pieces[f].body) {
			t.Errorf("%s: the instant shows in the bytes", f)
		}
		if bytes.Contains(before.pieces[f].body, []byte("img.example.com/1.jpg")) {
			t.Errorf("%s: a withheld slide shows", f)
		}
	}
}

func TestGzipReadsBack(t *testing.T) {
	for name, in := range goldenFeeds() {
		for _, f := range Formats() {
			doc := in.render(t, f)
			body, etag := doc.Gzip()
			if want := doc.ETag[:len(doc.ETag)-1] + `-gzip"`; etag != want {
				t.Errorf("ETag %s, want %s", etag, want)
			}
			z := must(gzip.NewReader(bytes.NewReader(body)))(t)
			z.Multistream(false)
			if got := must(io.ReadAll(z))(t); !bytes.Equal(got, doc.Bytes()) {
				t.Errorf("%s.%s: the first member is not the document", name, f)
			}
		}
	}
}

func TestGzipStoresALongHeadInSeveralBlocks(t *testing.T) {
	ch := testChannel()
	ch.Description = string(bytes.Repeat([]byte("long "), 40_000))
	doc := must(Assemble(Atom, ch, nil))(t)
	body, _ := doc.Gzip()
	z := must(gzip.NewReader(bytes.NewReader(body)))(t)
	if got := must(io.ReadAll(z))(t); !bytes.Equal(got, doc.Bytes()) {
		t.Error("the document does not come back")
	}
}

func TestZlibReadsTheGzipAsOneMember(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is missing: install it")
		}
		t.Skip("python3 is missing: install it to run this test")
	}
	doc := render(t, JSON, Full, harbour(), article())
	body, _ := doc.Gzip()
	cmd := exec.Command(python, "-c", `import sys, zlib
d = zlib.decompressobj(31)
sys.stdout.buffer.write(d.decompress(sys.stdin.buffer.read()) + d.flush())
assert d.eof and not d.unused_data`)
	cmd.Stdin = bytes.NewReader(body)
	if got := must(cmd.Output())(t); !bytes.Equal(got, doc.Bytes()) {
		t.Error("zlib reads something else")
	}
}
