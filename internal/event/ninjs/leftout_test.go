package ninjs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPicturesThatCannotBeShownAreLeftOutByName(t *testing.T) {
	const good = `{"name":"good","type":"picture","renditions":[{"name":"main","href":"https://a.example/g.jpg"}]}`
	for name, c := range map[string]struct{ associations, want string }{
		"no renditions": {`[{"name":"x","type":"picture"},` + good + `]`,
			`/associations/0: the association "x" has no rendition with an href to an image besides a thumbnail: there are none`},
		"no rendition that will do": {`{"good":` + good + `,"a/b":{"type":"picture","renditions":{"original":{"media":"5f"},"thumbnail":{"href":"https://a.example/s.jpg"},
			"film":{"href":"https://a.example/f.mp4","mimetype":"video/mp4"}}}}`,
			`/associations/a~1b: the association "a/b" has no rendition with an href to an image besides a thumbnail: there is "original", "thumbnail", "film"`},
		"a page": {`[{"name":"x","type":"picture","renditions":[{"name":"main","href":"https://a.example/1","contenttype":"text/html"}]},` + good + `]`,
			`/associations/0: the association "x" has no rendition with an href to an image besides a thumbnail: there is "main"`},
		"a video without a still": {`[` + good + `,{"name":"v","type":"video","renditions":[{"name":"original","href":"https://a.example/v.mp4"},{"name":"main","href":"https://a.example/download"}]}]`,
			`/associations/1: the association "v" is a video and has no rendition that is a picture: there is "original", "main"`},
		"audio": {`[` + good + `,{"name":"s","type":"audio","renditions":[{"name":"waveform","href":"https://a.example/w.png"}]}]`,
			`/associations/1: the association "s" is of the type "audio", which no slide shows`},
		"a reference": {`[{"name":"r","uri":"urn:r"},` + good + `]`,
			`/associations/0: the association "r" has no rendition with an href to an image besides a thumbnail: there are none`},
		"a role":                        {`[` + strings.TrimSuffix(good, "}") + `,"descriptions":[{"role":"bildtext","value":"t"}]}]`, `/associations/0/descriptions/0: the role "bildtext" is not known: write caption, text or summary`},
		"other stories":                 {`{"good":` + good + `,"related--0":{"type":"text","headline":"x"},"c":{"type":"composite"},"gone":null}`, ""},
		"what is withheld":              {`[` + good + `,{"name":"w","type":"picture","pubstatus":"withheld"},{"name":"v","type":"picture","pubStatus":"canceled","renditions":[{"name":"m","href":"https://a.example/2.jpg"}]}]`, ""},
		"notes to editors and keywords": {`[` + strings.TrimSuffix(good, "}") + `,"descriptions":[{"role":"ednote","value":"t"},{"role":"keywords","value":"t"},{"role":"writer","value":"t"},{"role":"creditline","value":"t"},{"role":"odd","value":" "}]}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustDecode(t, usual(`,"associations":`+c.associations))
			if got.LeftOut.Error() != c.want {
				t.Errorf("left out\n%v\nwant\n%s", got.LeftOut, c.want)
			}
			if len(got.Gallery.Slides) != 1 || got.Gallery.Slides[0].Image.URL != "https://a.example/g.jpg" {
				t.Errorf("slides %+v", got.Gallery.Slides)
			}
		})
	}
}

func TestItemWithoutPicturesIsAnArticle(t *testing.T) {
	got := mustDecode(t, usual(`,"body_html":"<p>b</p>","associations":{"a":{"type":"picture"}}`))
	if len(got.Gallery.Slides) != 0 || got.Gallery.Body != "<p>b</p>" || len(got.LeftOut) != 1 {
		t.Errorf("got %+v, left out %v", got.Gallery, got.LeftOut)
	}
	got = mustDecode(t, strings.Replace(usual(`,"renditions":{"main":{"href":"https://a.example/a.mp3"}}`), "composite", "audio", 1))
	if want := `the item is of the type "audio", which no slide shows`; got.LeftOut.Error() != want {
		t.Errorf("left out %v", got.LeftOut)
	}
}

func TestPicturesBecomeSlides(t *testing.T) {
	const one, two = `"renditions":{"original":{"href":"https://a.example/1.jpg"}}`, `"renditions":{"original":{"href":"https://a.example/2.jpg"}}`
	for name, c := range map[string]struct {
		more string
		want []string // addresses, of those with an id with it
	}{
		"extra items alone": {`,"associations":null,"extra_items":{"slideshow1":{"type":"media","items":[
			{"guid":"a","type":"picture",` + one + `},null,{"guid":"b","type":"picture",` + two + `}]}}`, []string{"1.jpg a", "2.jpg b"}},
		"extra items and the same as associations": {`,"associations":{"slideshow1--1":{"guid":"a","type":"picture",` + one + `}},
			"extra_items":{"slideshow1":{"type":"media","items":[{"guid":"a","type":"picture",` + one + `},{"guid":"b","type":"picture",` + two + `}]}}`, []string{"1.jpg a", "2.jpg b"}},
		"the cover in the extra items": {`,"associations":{"featuremedia":{"guid":"a","type":"picture",` + one + `}},
			"extra_items":{"s":{"type":"media","items":[{"guid":"z","type":"picture",` + one + `}]}}`, []string{"1.jpg a"}},
		"one that is withheld among the extra items": {`,"associations":{"x":{"guid":"a","type":"picture","pubstatus":"withheld"}},
			"extra_items":{"s":{"type":"media","items":[{"guid":"a","type":"picture",` + one + `}]}}`, nil},
		"other extra items":     {`,"extra_items":{"a":{"type":"custom","items":["x"]},"b":{"type":"embed","embed":"<x>"},"c":7,"d":null,"e":{"type":"media"}}`, nil},
		"extra items as a list": {`,"extra_items":["x"],"associations":{"x":{"guid":"a","type":"picture",` + one + `}}`, []string{"1.jpg a"}},
		"one id and two files":  {`,"associations":{"a--1":{"guid":"a","type":"picture",` + one + `},"a--2":{"guid":"a","type":"picture",` + two + `}}`, []string{"1.jpg a", "2.jpg "}},
		"one id and one file":   {`,"associations":{"a--1":{"guid":"a","type":"picture",` + one + `},"a--2":{"guid":"a","type":"picture",` + one + `}}`, []string{"1.jpg a"}},
		"two renditions with one file": {`,"associations":{"featuremedia":{"guid":"a","type":"picture","renditions":{"original":{"href":"https://a.example/1.jpg","width":1280},
			"baseImage":{"href":"https://a.example/1.jpg","width":1280}}}}`, []string{"1.jpg a"}},
		"two ids and one file":        {`,"associations":{"a--1":{"guid":"a","type":"picture",` + one + `},"a--2":{"guid":"b","type":"picture",` + one + `}}`, []string{"1.jpg a", "1.jpg b"}},
		"an id as guid and as uri":    {`,"associations":[{"name":"a","uri":"a","type":"picture",` + one + `},{"name":"b","guid":"a","type":"picture",` + one + `}]`, []string{"1.jpg a"}},
		"a graphic":                   {`,"associations":[{"name":"a","type":"Graphic",` + one + `}]`, []string{"1.jpg "}},
		"no type, but a picture":      {`,"associations":[{"name":"a",` + one + `}]`, []string{"1.jpg "}},
		"no type, and perhaps one":    {`,"associations":[{"name":"a","renditions":[{"name":"main","href":"https://a.example/1"}]}]`, nil},
		"a type that is harmless":     {`,"associations":[{"name":"a","type":"picture","renditions":[{"name":"main","href":"https://a.example/1.jpg","contenttype":"application/octet-stream"}]}]`, []string{"1.jpg "}},
		"a video by its still":        {`,"associations":[{"name":"v","type":"video","renditions":[{"name":"main","href":"https://a.example/v","contenttype":"video/mpeg","width":1920,"height":1080},{"name":"preview","href":"https://a.example/p.jpg","contenttype":"image/jpeg","width":1920,"height":1080},{"name":"thumbnail","href":"https://a.example/t.jpg"}]}]`, []string{"p.jpg "}},
		"a video by its view image":   {`,"associations":{"v":{"type":"video","renditions":{"original":{"href":"https://a.example/v.mp4","mimetype":"video/mp4"},"viewImage":{"href":"https://a.example/view"}}}}`, []string{"view "}},
		"a video by its thumbnail":    {`,"associations":{"v":{"type":"video","renditions":{"original":{"href":"https://a.example/v.mp4","mimetype":"video/mp4"},"thumbnail":{"href":"https://a.example/t"}}}}`, []string{"t "}},
		"an item in the names of 3.x": {`,"associations":[{"name":"a","uri":"a","type":"picture","renditions":[{"name":"m","href":"https://a.example/1","contentType":"video/mp4"},{"name":"n","href":"https://a.example/2.jpg","contentType":"image/jpeg","sizeInBytes":7}]}]`, []string{"2.jpg a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range mustDecode(t, usual(c.more)).Gallery.Slides {
				got = append(got, strings.TrimPrefix(s.Image.URL, "https://a.example/")+" "+s.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("slides (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAVideoOrAGraphicIsAGalleryOfOne(t *testing.T) {
	for kind, want := range map[string]string{"graphic": "still.png", "video": "still.png"} {
		data := usual(`,"renditions":[{"name":"main","href":"https://a.example/v.mp4","contentType":"video/mp4"},{"name":"preview","href":"https://a.example/still.png"}]`)
		got := mustDecode(t, strings.Replace(data, "composite", kind, 1))
		if len(got.Gallery.Slides) != 1 || !strings.HasSuffix(got.Gallery.Slides[0].Image.URL, want) || got.LeftOut != nil {
			t.Errorf("%s: got %+v, left out %v", kind, got.Gallery.Slides, got.LeftOut)
		}
	}
}

func TestAnItemWithoutATypeShowsItsPicture(t *testing.T) {
	const files = `"renditions":[{"name":"main","href":"https://a.example/1.jpg","contentType":"image/jpeg"}]`
	const one = `{"uri":"u","headline":"H","versionCreated":"2026-11-20T10:00:00Z","bodies":[{"value":"b"}],` + files + `%s}`
	for more, want := range map[string]int{
		"": 1, `,"associations":[{"name":"a","uri":"u",` + files + `}]`: 1, `,"associations":[{"name":"a","uri":"v","type":"picture","renditions":[{"name":"main","href":"https://a.example/2.jpg"}]}]`: 2,
		`,"associations":[{"name":"a","uri":"v","pubStatus":"canceled",` + files + `}]`: 0,
	} {
		got := mustDecode(t, fmt.Sprintf(one, more))
		if len(got.Gallery.Slides) != want || got.Gallery.Body != "b" || got.LeftOut != nil {
			t.Errorf("%s: slides %+v, body %q, left out %v", more, got.Gallery.Slides, got.Gallery.Body, got.LeftOut)
		}
	}
	for _, item := range []string{strings.Replace(usual(","+files), "composite", "text", 1), usual("," + files), `{"uri":"u","headline":"H","versionCreated":"2026-11-20T10:00:00Z","renditions":[{"name":"main","href":"https://a.example/1"}]}`} {
		if got := mustDecode(t, item); len(got.Gallery.Slides) != 0 || len(got.LeftOut) != 1 || got.LeftOut[0].Place != "/renditions" {
			t.Errorf("%s: slides %+v, left out %v", item, got.Gallery.Slides, got.LeftOut)
		}
	}
}

func TestTextsAreTakenByTheirRole(t *testing.T) {
	for name, c := range map[string]struct{ more, title, summary, body string }{
		"headlines":                     {`"headlines":[{"role":"short","contenttype":"text/plain","value":"S"},{"role":"drol:Main","contenttype":"text/html","value":"<b>M</b>"}]`, "M", "", ""},
		"a headline for colleagues":     {`"headlines":[{"role":"ednote","value":"E"},{"value":"H"}]`, "H", "", ""},
		"a headline of any other role":  {`"headlines":[{"role":"writer","value":"W"},{"role":"seo","value":"H"}]`, "H", "", ""},
		"only a note":                   {`"headlines":[{"role":"ednote","value":"E"}],"slugline":"S"`, "S", "", ""},
		"descriptions":                  {`"headline":"H","descriptions":[{"role":"ednote","value":"E"},{"role":"writer","value":"W"},{"role":"text","value":"T"}]`, "H", "T", ""},
		"descriptions in names of 3.x":  {`"headline":"H","descriptions":[{"role":"edNote","contentType":"text/plain","value":"E"},{"role":"caption","contentType":"text/html","value":"<i>T</i>"}]`, "H", "T", "<i>T</i>"},
		"a summary for want of text":    {`"headline":"H","descriptions":[{"role":"http://cv.example/summary","value":"T"}]`, "H", "T", ""},
		"no description":                {`"headline":"H","descriptions":[{"role":"note-to-editors","value":"E"},{"role":"odd","value":"O"}]`, "H", "", ""},
		"no title out of a note":        {`"slugline":"S","descriptions":[{"role":"ednote","value":"E"}]`, "S", "", ""},
		"bodies":                        {`"headline":"H","bodies":[{"role":"ednote","contenttype":"text/html","value":"<p>E</p>"},{"role":"text","value":"T"}]`, "H", "", "<p>T</p>"},
		"the main body before others":   {`"headline":"H","bodies":[{"role":"teaser","contenttype":"text/html","value":"<p>E</p>"},{"role":"html5","contentType":"text/html5","value":"<p>T</p>"}]`, "H", "", "<p>T</p>"},
		"references in a headline":      {`"headline":"Tom &amp; Jerry&#39;s&nbsp;house, R&D, AT&amp;amp;T, rock&reggae, &amp;#x201C;x&amp;#x201D;, 2 < 3"`, "Tom & Jerry's house, R&D, AT&T, rock&reggae, “x”, 2 < 3", "", ""},
		"references in listed ones":     {`"headlines":[{"role":"main","value":"Tom &amp;amp; Jerry"}]`, "Tom & Jerry", "", ""},
		"references in plain texts":     {`"headline":"H","description_text":"Tom &amp; Jerry","body_text":"a &lt; b &amp; c"`, "H", "Tom & Jerry", "<p>a &lt; b &amp; c</p>"},
		"a note of the item is nowhere": {`"headline":"H","ednote":"E","edNote":"E"`, "H", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := mustDecode(t, `{"guid":"g","versioncreated":"2026-11-20T10:00:00Z",`+c.more+`}`).Gallery
			if g.Title != c.title || g.Summary != c.summary || g.Body != c.body {
				t.Errorf("got  %q %q %q\nwant %q %q %q", g.Title, g.Summary, g.Body, c.title, c.summary, c.body)
			}
		})
	}
}

func TestACaptionIsNoNote(t *testing.T) {
	for descriptions, want := range map[string]string{
		`{"role":"writer","value":"W"},{"role":"text","value":"C < c"}`:                         "C &lt; c",
		`{"role":"ednote","value":"E"}`:                                                         "",
		`{"role":"summary","value":"S"},{"role":"caption","value":"C"}`:                         "C",
		`{"role":"keywords","contenttype":"text/html","value":"K"},{"value":"C"}`:               "C",
		`{"role":"text","value":"Tom &amp; Jerry"}`:                                             "Tom &amp; Jerry",
		`{"role":"abstract","value":"S"}`:                                                       "S",
		`{"role":"caption","contenttype":"text/plain","value":"P"},{"role":"html","value":"M"}`: "M",
	} {
		data := pictured(`,"descriptions":[` + descriptions + `],"renditions":{"main":{"href":"https://a.example/1.jpg"}}`)
		if got := mustDecode(t, data).Gallery.Slides[0].Caption; got != want {
			t.Errorf("%s: got %q, want %q", descriptions, got, want)
		}
	}
}

func TestAnItemInTheNamesOf3x(t *testing.T) {
	got := mustDecode(t, `{"uri":"u","type":"composite","version":"2","firstCreated":"2026-11-01T00:00:00Z","versionCreated":"2026-11-20T10:00:00Z",
		"embargoedUntil":"2026-11-22T00:00:00Z","headlines":[{"value":"H"}],"copyrightHolder":"C","usageTerms":"Editorial use only.",
		"infoSources":[{"name":"AP"}],"rightsInfo":{"linkedRights":"https://a.example/r"}}`)
	g := got.Gallery
	if !got.Updated.Equal(at(t, "2026-11-20T10:00:00Z")) || !g.Published.Equal(at(t, "2026-11-22T00:00:00Z")) || g.Copyright != "C. Editorial use only." ||
		g.License != "https://a.example/r" || !cmp.Equal(g.Sources, []string{"AP"}) {
		t.Errorf("got %+v", g)
	}
	down := mustDecode(t, `{"uri":"u","versionCreated":"2026-11-20T10:00:00Z","pubStatus":"canceled"}`)
	if down.Gallery != nil || !down.Updated.Equal(at(t, "2026-11-20T10:00:00Z")) {
		t.Errorf("got %+v", down)
	}
	if !Recognise([]byte(`{"uri":"u","pubStatus":"canceled"}`)) {
		t.Error("not recognised")
	}
	if _, err := Decode([]byte(`{"uri":"u","pubStatus":"soon"}`), Options{}); err == nil || !strings.HasPrefix(err.Error(), "/pubStatus: ") {
		t.Errorf("got %v", err)
	}
}

func TestTheBlockOfAPictureThatIsLeftOutStaysInTheText(t *testing.T) {
	const block = `<!-- EMBED START Image {id: "x"} --><figure>x</figure><!-- EMBED END Image {id: "x"} -->`
	got := mustDecode(t, usual(`,"body_html":"`+strings.ReplaceAll(block, `"`, `\"`)+`","associations":{"x":{"type":"picture"}}`))
	if got.Gallery.Body != block {
		t.Errorf("body %q", got.Gallery.Body)
	}
}

// In Superdesk, the authors of a story are all who worked on it, and those of a picture who
// took it.
func TestAuthorsAreNoEditors(t *testing.T) {
	const editor, writer = `{"name":"Jo Editor","role":"sub-editor"}`, `{"name":"Al Writer","role":"author"}`
	for more, want := range map[string]string{
		`"authors":[` + editor + `,` + writer + `]`:                                 "Al Writer",
		`"authors":[` + editor + `],"byline":"By Al Writer"`:                        "By Al Writer",
		`"authors":[` + editor + `],"people":[{"name":"Al Writer","rel":"author"}]`: "Al Writer",
		`"authors":[` + editor + `]`:                                                "Jo Editor",
		`"authors":[{"name":"Al Writer","role":["x"]},{"name":"Di Photo"}]`:         "Al Writer, Di Photo",
	} {
		var got []string
		for _, a := range mustDecode(t, usual(","+more)).Gallery.Authors {
			got = append(got, a.Name)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: authors %q, want %s", more, got, want)
		}
	}
	const file = `,"renditions":{"main":{"href":"https://a.example/1.jpg"}}`
	for more, want := range map[string]string{
		`,"authors":[` + editor + `,{"name":"Di Photo","role":"photographer"}],"copyrightholder":"Agency"`: "Di Photo",
		`,"authors":[{"name":"Di Photo"}],"byline":"Di Photo / Agency"`:                                    "Di Photo / Agency",
		`,"authors":[` + editor + `]`: "",
		`,"authors":["x"]`:            "",
	} {
		if got := mustDecode(t, pictured(more+file)).Gallery.Slides[0].Credit; got != want {
			t.Errorf("%s: credit %q, want %q", more, got, want)
		}
	}
	if got := mustDecode(t, strings.Replace(usual(`,"authors":[{"name":"Di Photo"}]`+file), "composite", "picture", 1)).Gallery.Slides[0].Credit; got != "Di Photo" {
		t.Errorf("credit %q", got)
	}
}
