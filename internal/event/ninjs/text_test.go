package ninjs

import "testing"

func TestBlocksOfEmbeddedPicturesAreCut(t *testing.T) {
	const start, end = `<!-- EMBED START Image {id: "a"} -->`, `<!-- EMBED END Image {id: "a"} -->`
	for name, c := range map[string]struct{ body, want string }{
		"one":                  {"<p>x</p>" + start + "\n<figure></figure>\n" + end + "<p>y</p>", "<p>x</p><p>y</p>"},
		"all that is there":    {start + "<figure></figure>" + end, ""},
		"two":                  {start + "1" + end + "-" + start + "2" + end, "-"},
		"spelt otherwise":      {`<!--EMBED START Image {id:'a'}-->1<!--EMBED END Image {id:'a'}-->-`, "-"},
		"not ended":            {"x" + start + "y", "x" + start + "y"},
		"not begun":            {"x" + end + "y", "x" + end + "y"},
		"begun twice":          {"x" + start + "y" + start + "z" + end, "x" + start + "y"},
		"of no association":    {`<!-- EMBED START Image {id: "b"} -->1<!-- EMBED END Image {id: "b"} -->`, `<!-- EMBED START Image {id: "b"} -->1<!-- EMBED END Image {id: "b"} -->`},
		"ended by another one": {start + `1<!-- EMBED END Image {id: "b"} -->`, start + `1<!-- EMBED END Image {id: "b"} -->`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := withoutEmbeds(c.body, func(name string) bool { return name == "a" }); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestPlainTextBecomesParagraphs(t *testing.T) {
	for in, want := range map[string]string{
		"one":                       "<p>one</p>",
		" a < b & c > d \n":         "<p>a &lt; b &amp; c &gt; d</p>",
		"one\ntwo\n\nthree":         "<p>one<br>two</p><p>three</p>",
		"one\r\n \t\r\n\r\n  two\r": "<p>one</p><p>two</p>",
	} {
		if got := paragraphs(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestBodiesOfThe2xFormAreTakenByTheirFormat(t *testing.T) {
	for name, c := range map[string]struct{ bodies, want string }{
		"HTML before text":         {`{"contenttype":"text/plain","value":"t"},{"contenttype":"text/html","value":"<p>h</p>"}`, "<p>h</p>"},
		"a role instead of a type": {`{"role":"text","value":"t"},{"role":"richtext","value":"<p>r</p>"}`, "<p>r</p>"},
		"neither says":             {`{"value":"<p>as it is</p>"}`, "<p>as it is</p>"},
		"text is escaped":          {`{"contenttype":"text/plain; charset=utf-8","value":"<b>"}`, "<p>&lt;b&gt;</p>"},
		"NITF is not shown":        {`{"contenttype":"application/xml","value":"<NITF/>"}`, ""},
		"blank ones are passed by": {`{"contenttype":"text/html","value":" "},{"role":"plain","value":"t"},null`, "<p>t</p>"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mustDecode(t, usual(`,"bodies":[`+c.bodies+`]`)).Gallery.Body; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
