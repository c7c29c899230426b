package page_test

import "testing"

// Names in the other script, and English where the site is not, begin at the edge of
// the frame at which everything begins.
func beginsWhereTheFrameDoes(t *testing.T, sites map[string]string) {
	const astray = `[...document.querySelectorAll("main :is(h1, h2, p, dt, dd, .paging li:first-child), .site-header > *")].filter((block) => {
		if (block.closest(".words, .gallery, .feeds, .formats, .slides, .unseen")) return false;
		const text = document.createRange(), box = (block.tagName == "DD" ? block : block.parentElement).getBoundingClientRect();
		text.selectNodeContents(block);
		const edge = getComputedStyle(document.documentElement).direction == "rtl" ? "right" : "left";
		return Math.abs(text.getBoundingClientRect()[edge] - box[edge]) > 2;
	}).map((block) => block.textContent)`
	chrome := startBrowser(t)
	for _, language := range []string{"en", "ar"} {
		tb := newTab(t, chrome, sites[language])
		for _, path := range []string{
			"/", "/galleries?before=1~a", "/tags/prisons", "/tags/prisons?before=1~a", "/tags/%D9%84%D9%8A%D9%84",
			sample, "/galleries/arabic", "/tags/%D9%84%D9%8A%D9%84.atom", "/tags/prisons.atom", "/none",
		} {
			tb.open(path)
			for _, s := range []screen{{"desktop", 1440, 900, "light"}, {"phone", 390, 844, "light"}} {
				tb.on(s)
				for _, block := range value[[]string](tb, astray) {
					t.Errorf("%s, %s, %s: %q", language, s.name, path, block)
				}
			}
		}
	}
}
