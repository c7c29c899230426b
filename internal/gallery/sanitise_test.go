package gallery

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func TestHTML(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "news.example.com", Path: "/galleries/one"}
	const rel = ` rel="nofollow noopener noreferrer"`
	img := func(name, alt string) string {
		return `<img src="https://news.example.com/` + name + `" alt="` + alt + `" loading="lazy">`
	}
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain text", "Boats at dusk", "Boats at dusk"},
		{"plain text with signs", `3 < 4 > 2 & "so" on`, `3 &lt; 4 &gt; 2 &amp; "so" on`},
		{"plain text with entities", "Caf&eacute; &lt;b&gt;", "Café &lt;b&gt;"},
		{"plain text with line breaks", "one\r\ntwo\rthree\n", "one<br>two<br>three"},
		{"line breaks as entities", "one&#13;&#10;two", "one<br>two"},
		{"HTML with line breaks", "<p>one\ntwo</p>", "<p>one\ntwo</p>"},
		{"only text left of HTML", "<x>one\ntwo</x>", "one two"},
		{"text markup", "<b>a</b> <em>b</em><sup>2</sup>", "<b>a</b> <em>b</em><sup>2</sup>"},
		{"unclosed", "<p>one <b>two", "<p>one <b>two</b></p>"},
		{"stray ends", "</div></figcaption></figure>one</p>", "one"},
		{"crossed", "<b>one <i>two</b> three</i>", "<b>one <i>two</i></b> three"},
		{"paragraphs without ends", "<p>one<p>two", "<p>one</p><p>two</p>"},
		{"block in a paragraph", "<p>one<ul><li>two</ul></p>", "<p>one</p><ul><li>two</li></ul>"},
		{"rule in a paragraph", "<p>one<hr>two", "<p>one</p><hr>two"},
		{"list items without ends", "<ul><li>a<ul><li>b<li>c</ul><li>d</ul>", "<ul><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ul>"},
		{"definitions without ends", "<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"},
		{"table without ends", "<table><tr><td>a<td><p>b<tr><th>c</table>d", "<table><tr><td>a</td><td><p>b</p></td></tr><tr><th>c</th></tr></table>d"},
		{"end across a cell", "<b><table><tr><td>a</b>b</table>", "<b><table><tr><td>ab</td></tr></table></b>"},
		{"link", `<a href="https://example.com/?a=1&amp;b=2" target=_blank onclick=x()>a</a>`, `<a href="https://example.com/?a=1&amp;b=2"` + rel + `>a</a>`},
		{"mail link", `<a href="mailto:a@example.com">a</a>`, `<a href="mailto:a@example.com"` + rel + `>a</a>`},
		{"relative link", `<a href="two#x">a</a>`, `<a href="https://news.example.com/galleries/two#x"` + rel + `>a</a>`},
		{"link that is not ASCII", `<a href="https://bücher.example/ä?ö">a</a>`, `<a href="https://xn--bcher-kva.example/%C3%A4?%C3%B6"` + rel + `>a</a>`},
		{"mail link that is not ASCII", `<a href="mailto:ä@example.com">a</a>`, `<a href="mailto:%C3%A4@example.com"` + rel + `>a</a>`},
		{"link in a link", `<a href="/a">a<a href="/b">b</a>`, `<a href="https://news.example.com/a"` + rel + `>ab</a>`},
		{"link to nowhere", `<a name=x>a</a>`, "a"},
		{"picture", `<img src=/a.jpg alt='a "b"' width=4 height=3 srcset=x class=y>`, `<img src="https://news.example.com/a.jpg" alt="a &#34;b&#34;" width="4" height="3" loading="lazy">`},
		{"picture by mail", `<img src="mailto:a@b">`, ""},
		{"picture inside the address", `<img src="data:image/png;base64,AAAA">`, ""},
		{"language and direction", `<span lang=ar dir=rtl id=x>a</span>`, `<span lang="ar" dir="rtl">a</span>`},
		{"picture whose address is a word", `a<img src=x><img src="undefined"><img src="#">b`, "a   b"},
		{"picture without alt", `<img src="/a b.jpg">`, img("a%20b.jpg", "")},
		{"picture that waits for a script", `<img src="data:image/gif;base64,R0" data-src="/a.jpg" alt="A">`, img("a.jpg", "A")},
		{"picture with a placeholder", `<img src="/blank.gif" data-lazy-src="/a.jpg" data-lazy-srcset="/b.jpg 2x" alt="">`, img("a.jpg", "")},
		{"picture of a set", `<img srcset="/s.jpg 400w, /l,1.jpg 1600w,/m.jpg 800w" sizes="100vw" alt="">`, img("l,1.jpg", "")},
		{"picture of a set by density", `<img src="data:,x" data-srcset="data:image/gif;base64,R0 1x, /a.jpg, /b.jpg 2x" alt="">`, img("b.jpg", "")},
		{"picture with a source", `<picture><source srcset="/a.webp 1x, /b.webp 2x"><source srcset="/c.jpg"><img alt="A"></picture>`, img("b.webp", "A")},
		{"picture with a source it does not need", `<picture><source srcset="/a.webp"><img src="/a.jpg" alt="A"></picture><img>`, img("a.jpg", "A")},
		{"picture with a source that waits", `<picture><source data-srcset="/a.webp"><img src="data:,x" alt="A"></picture>`, img("a.webp", "A")},
		{"picture of AMP", `a<amp-img src="/a.jpg" alt="A" layout=fill><noscript><img src="/a.jpg"></noscript></amp-img>b`, "a" + img("a.jpg", "A") + " b"},
		{"picture in noscript", `<p>a<noscript><img src="/a.jpg" alt="A"></noscript>b</p>`, "<p>a" + img("a.jpg", "A") + "b</p>"},
		{"picture twice, in noscript too", `<img data-src="/a.jpg"><noscript><img src="/a.jpg" alt="A"></noscript>`, img("a.jpg", "A")},
		{"picture in another size in noscript", `<a href="/x"><img data-src="/a-300.jpg"></a> <noscript><img src="/a.jpg" alt="A"></noscript>`,
			`<a href="https://news.example.com/x"` + rel + ">" + img("a.jpg", "A") + "</a>"},
		{"picture in noscript before", `<noscript><img src="/a.jpg" alt="A"></noscript><img data-src="/a.jpg">`, img("a.jpg", "A")},
		{"pictures, then noscript", `<img data-src="/a.jpg"><img data-src="/b.jpg"><noscript><img src="/a.jpg"><img src="/b.jpg"></noscript>`, img("a.jpg", "") + img("b.jpg", "")},
		{"picture and again in noscript", `<img src="/a.jpg" alt="A"><noscript><img src="/a.jpg"></noscript>`, img("a.jpg", "A")},
		{"picture, and another in noscript", `<img src="/a.jpg" alt="A"><noscript><img src="/b.jpg" alt="B"></noscript>`, img("a.jpg", "A") + img("b.jpg", "B")},
		{"picture twice on purpose", `<img src="/a.jpg" alt="A"><img src="/a.jpg" alt="B">`, img("a.jpg", "A") + img("a.jpg", "B")},
		{"counter in noscript", `a<noscript><img height="1" width="1" style="display: none" src="https://c.example/tr?id=1"></noscript>`, "a"},
		{"escaped noscript", `<noscript>&lt;img src="/a.jpg" alt="A"&gt;</noscript>`, img("a.jpg", "A")},
		{"text in noscript", `<p>a</p><noscript><p>b &amp; <b>c</b></p></noscript>`, "<p>a</p><p>b &amp; <b>c</b></p>"},
		{"source text", `<title>T <b></title><textarea><p>x</p></textarea><xmp><b>c</b> d</xmp>`, "<pre><b>c</b> d</pre>"},
		{"blocks", "<article><header>a</header><h1>b</h1><section>c</section><details><summary>d</summary>e</details></article>",
			"<div><div>a</div><h2>b</h2><div>c</div><div><div>d</div>e</div></div>"},
		{"blocks in a paragraph", "<p>a<address>b</address>c", "<p>a</p><div>b</div>c"},
		{"options", "<select><option>a<option>b</select>c", "<div><div>a<div>b</div>c</div></div>"},
		{"controls", "a<button>b</button>c<iframe src=x></iframe>d<svg></svg>e", "a b c  d  e"},
		{"cells without a table", "<td colspan=2>a</td><th>b</th><tr><td>c", "<div>a</div><div>b</div><div><div>c</div></div>"},
		{"text in a table", "<table>a<tr>b<td>c</table>", "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>"},
		{"items without a list", "<li value=3>a<li>b<dt>c<dd>d<figcaption>e", "<div>a<div>b<div>c<div>d<div>e</div></div></div></div></div>"},
		{"headings in a heading", "<h1>a<h3>b</h3>c", "<h2>a</h2><h3>b</h3>c"},
		{"list that means something", `<ol start=3 reversed type=a class=x><li value="-2" type=1>a</ol>`, `<ol start="3" reversed="" type="a"><li value="-2">a</li></ol>`},
		{"list with nonsense", `<ol start=x type=z><li value=y>a</ol><ul start=2 type=a><li>b</ul>`, `<ol><li>a</li></ol><ul><li>b</li></ul>`},
		{"abbreviation", `<abbr title="World & more">W</abbr><kbd>k</kbd><ruby>a<rt>b</ruby>`, `<abbr title="World &amp; more">W</abbr><kbd>k</kbd><ruby>a<rt>b</rt></ruby>`},
		{"table that means something", `<table><caption>t<tr><th scope=col colspan=2 rowspan=3 onclick=x()>a</table>`, `<table><caption>t</caption><tr><th scope="col" colspan="2" rowspan="3">a</th></tr></table>`},
		{"link with spaces", `<a href="/my file.pdf?x[]=%">a</a>`, `<a href="https://news.example.com/my%20file.pdf?x%5B%5D=%25"` + rel + `>a</a>`},
		{"comment", "<!-- <b>x</b> -->a", "a"},
		{"what XML forbids", "a\x00b\x0b\xff<b>\ufffe&#11;c</b>", "ab<b>c</b>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, HTML(tt.in, base)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestHTMLWithoutBaseRemovesRelativeAddresses(t *testing.T) {
	got := HTML(`<a href="/x">a</a><img src="b.jpg"><img src="//img.example.com/c.jpg">`, nil)
	if got != "a" {
		t.Errorf("got %q, want only the text", got)
	}
}

// hostile holds a case for each class of attack known from filter evasion.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`,
		`<SCRIPT/SRC="//evil.example/x.js"></SCRIPT>`,
		`<scr<script>ipt>alert(1)</scr</script>ipt>`,
		`<<script>alert(1)//<</script>`,
		"<script\x00>alert(1)</script>",
		`<img src=x onerror=alert(1)>`,
		`<img src="https://a.example/x" onload="alert(1)" style="width:100%">`,
		`<img """><script>alert(1)</script>">`,
		`<img src=javascript:alert(1)>`,
		`<a href="javascript:alert(1)">x</a>`,
		`<a href="JaVaScRiPt:alert(1)">x</a>`,
		"<a href=\"java\tscript:alert(1)\">x</a>",
		"<a href=\"java&#10;script:alert(1)\">x</a>",
		"<a href=\" &#14; javascript:alert(1)\">x</a>",
		"<a href=\"\x01javascript:alert(1)\">x</a>",
		`<a href="&#106;&#97;&#118;&#97;script:alert(1)">x</a>`,
		`<a href="vbscript:msgbox(1)">x</a>`,
		`<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>`,
		`<a href="//evil.example" onmouseover=alert(1)>x</a>`,
		`<a href="https://a.example/&quot; onclick=&quot;alert(1)">x</a>`,
		`<svg onload=alert(1)><animate onbegin=alert(1)></svg>`,
		`<svg><style><img src=x onerror=alert(1)></style></svg>`,
		`<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`,
		`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>`,
		`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
		`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
		`<textarea></textarea><script>alert(1)</script>`,
		`<title><img src=x onerror=alert(1)></title>`,
		`<xmp><script>alert(1)</script></xmp><plaintext><script>alert(1)`,
		`<style>@import 'https://evil.example/x.css';</style>`,
		`<div style="background:url(javascript:alert(1))">x</div>`,
		`<link rel=stylesheet href="https://evil.example/x.css">`,
		`<meta http-equiv=refresh content="0;url=javascript:alert(1)">`,
		`<base href="javascript:alert(1)//">`,
		`<iframe src="https://evil.example"></iframe><iframe srcdoc="<script>alert(1)</script>">`,
		`<object data="x.swf"><param name=a></object><embed src="x.swf"><applet code=x>`,
		`<frameset><frame src="javascript:alert(1)"></frameset>`,
		`<form action="https://evil.example"><input autofocus onfocus=alert(1)><button formaction="javascript:alert(1)">x</button></form>`,
		`<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>`,
		`<details open ontoggle=alert(1)><summary>x</summary></details>`,
		`<marquee onstart=alert(1)>x</marquee><body onload=alert(1)>`,
		`<table background="javascript:alert(1)"><td background="javascript:alert(1)">x`,
		`<!--[if gte IE 4]><script>alert(1)</script><![endif]-->`,
		`<!--><img src=x onerror=alert(1)>-->`,
		`<![CDATA[<script>alert(1)</script>]]>`,
		`<?xml version="1.0"?><?php echo 1 ?>`,
		`<p id=x name=y class=z>clobber</p><img name=body src=/x>`,
		`<template><script>alert(1)</script></template>`,
		`<custom-element onclick=alert(1)>x</custom-element>`,
		`</figcaption></figure></div></body></html><script>alert(1)</script>`,
		`<figure><figcaption><table><tr><td><a href="/x"><b><i>`,
		`&lt;script&gt;alert(1)&lt;/script&gt;`,
		`+ADw-script+AD4-alert(1)+ADw-/script+AD4-`,
		"\xbcscript\xbealert(1)\xbc/script\xbe",
		`<noscript><table><td><noscript></table>&lt;noscript&gt;&amp;lt;img src=/a.jpg&amp;gt;`, `<img data-src=/a.jpg><noscript><object><img src=/a.jpg></noscript>b`,
		`<picture><source srcset="/a.jpg 1x,, ,/b.jpg infx"><img srcset=","></picture><template>a</object>b`, `<h2>a<div><h1>b<ruby><rt>c<li>d</h2>e`,
		strings.Repeat("<div>", 61) + "<table>a<tbody>b<tr>c<td>d<div>e<p>f", strings.Repeat("<table><td>", 40) + "deep", "<table><tr><td>" + strings.Repeat("<div>", 70) + "<td>a<tr>b",
		strings.Repeat("<div>", 300) + "deep",
		strings.Repeat("<b lang=a><i>", 40) + strings.Repeat("<p>x", 20),
	}
}

func TestHTMLOfHostileInputIsHarmless(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "news.example.com"}
	for _, in := range hostile() {
		checkHarmless(t, in, HTML(in, base))
	}
}

func FuzzHTML(f *testing.F) {
	for _, in := range hostile() {
		f.Add(in)
	}
	base := &url.URL{Scheme: "https", Host: "news.example.com"}
	f.Fuzz(func(t *testing.T, in string) {
		out := HTML(in, base)
		checkHarmless(t, in, out)
		if again := HTML(out, base); again != out {
			t.Errorf("not idempotent:\nin    %q\nonce  %q\ntwice %q", in, out, again)
		}
	})
}

// visible is the text of a node as browsers show it, with a space where a block
// begins or ends, and a picture stands.
func visible(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	text := ""
	for c := range n.ChildNodes() {
		text += visible(c)
	}
	blocks := strings.Fields("p div pre blockquote hr ul ol li dl dt dd figure figcaption table caption thead tbody tfoot tr td th h2 h3 h4 h5 h6 br img")
	if slices.Contains(blocks, n.Data) {
		return " " + text + " "
	}
	return text
}

// checkHarmless parses out as a browser would, inside a caption, and looks at
// everything in it.
func checkHarmless(t *testing.T, in, out string) {
	t.Helper()
	if Text(out) != out {
		t.Errorf("%q: XML forbids a character of %q", in, out)
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(`<figure><figcaption>`+out+`</figcaption></figure><aside>after</aside>`), body)
	if err != nil {
		t.Fatalf("%q: parse %q: %v", in, out, err)
	}
	if len(nodes) != 2 || !lone(nodes[0], "figcaption") || !lone(nodes[1], "") {
		t.Errorf("%q: %q reaches out of its caption", in, out)
	}
	if want, got := Line(visible(nodes[0])), PlainText(out); got != want {
		t.Errorf("%q: the text of %q is %q, browsers show %q", in, out, got, want)
	}
	for n := range nodes[0].Descendants() {
		if reason := harm(n); reason != "" {
			t.Errorf("%q: %s in %q", in, reason, out)
		}
	}
}

// lone reports whether the only child of n is the element tag, or a text where
// tag is empty.
func lone(n *html.Node, tag string) bool {
	c := n.FirstChild
	return c != nil && c == n.LastChild && (c.Type == html.ElementNode && c.Data == tag || c.Type == html.TextNode && tag == "")
}

func harm(n *html.Node) string {
	if n.Type == html.TextNode {
		return ""
	}
	allowed := strings.Fields(`p br wbr hr div span h2 h3 h4 h5 h6 em strong b i u s sub sup small mark del ins bdi bdo abbr dfn
		ruby rt rp kbd samp var q cite code pre blockquote time ul ol li dl dt dd figure figcaption table caption colgroup thead tbody tfoot tr td th a img`)
	if n.Type != html.ElementNode || n.Namespace != "" || !slices.Contains(allowed, n.Data) {
		return "forbidden node " + n.Data
	}
	for _, a := range n.Attr {
		if !harmlessAttribute(n.Data, a) {
			return "forbidden attribute " + a.Key + "=" + a.Val
		}
	}
	return ""
}

func harmlessAttribute(tag string, a html.Attribute) bool {
	u, err := url.Parse(a.Val)
	web := err == nil && webAddress.MatchString(a.Val)
	switch tag + " " + a.Key {
	case "a href":
		return web || err == nil && u.Scheme == "mailto" && isASCII(a.Val)
	case "img src":
		return web
	case "a rel":
		return a.Val == linkRel
	case "img alt", "img width", "img height", "img loading", "time datetime", "td colspan", "td rowspan", "th colspan", "th rowspan", "th scope",
		"ol start", "ol reversed", "ol type", "li value", "abbr title", "dfn title":
		return true
	}
	return a.Key == "lang" || a.Key == "dir"
}

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to do", "tab\tline\nreturn\r é 😀 \u00a0", "tab\tline\nreturn\r é 😀 \u00a0"},
		{"controls", "a\x00b\x0bc\x1fd\x7f", "abcd"},
		{"of windows-1252", "don\u0092t\u0085 \u0080 5\u0081\u009d", "don’t… € 5"},
		{"not characters", "a\ufffeb\uffffc\ufdd0d\U0001fffee", "abcde"},
		{"replacement character", "a\ufffdb", "a\ufffdb"},
		{"not UTF-8", "a\xffb\xed\xa0\x80c\xc3", "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""}, {" ", ""}, {"one two", "one two"}, {" one\u00a0 two\n", "one two"}, {"one\v two \ufffe", "one two"}, {"é\u2003é", "é é"},
	}
	for _, tt := range tests {
		if got := Line(tt.in); got != tt.want {
			t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestLinesAreUnique(t *testing.T) {
	got := Lines([]string{" night\n", "", "dusk", "night", "\ufffe", "Night"})
	if diff := cmp.Diff([]string{"night", "dusk", "Night"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlainText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "  one\n two\t", "one two"},
		{"tags and entities", "<p>AT&amp;T <b>b</b>c</p><p>d<br>e</p>", "AT&T bc d e"},
		{"what is not shown", "a<script>x</script><style>y</style>b<!-- z -->", "ab"},
		{"comparison", "3 < 4 & 5", "3 < 4 & 5"},
		{"what XML forbids", "a&#11;b\x01", "ab"},
		{"list", "<ul><li>a</li><li>b</li></ul>", "a b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := PlainText(HTML(tt.in, nil)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func BenchmarkHTML(b *testing.B) {
	for name, in := range map[string]string{
		"plain": "Boats come home at dusk, one after the other, to a harbour that has seen better years.",
		"html":  `<p>Boats come <em>home</em> at dusk, <a href="https://example.com/x">one</a> after the other.</p>`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				HTML(in, nil)
			}
		})
	}
}
