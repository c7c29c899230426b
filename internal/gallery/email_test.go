package gallery

import "testing"

func TestEmailAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"a@example.com": "a@example.com", " a@example.com\n": "a@example.com", "A.Writer+x@Example.COM": "A.Writer+x@Example.COM", "o'hara@example.com": "o'hara@example.com",
		"desk@localhost": "desk@localhost", "!#$%&'*+-/=?^_`{|}~@example.com": "!#$%&'*+-/=?^_`{|}~@example.com",
		"a@bücher.example": "a@xn--bcher-kva.example", "a@BÜCHER.example": "a@xn--bcher-kva.example", "a@例え.テスト": "a@xn--r8jz45g.xn--zckzah",
		"a@xn--bcher-kva.example": "a@xn--bcher-kva.example", "a@мойсайт.рф": "a@xn--80arbjktj.xn--p1ai",
		"jörg@example.com": "", "jörg@bücher.example": "", "a@büc her.example": "", "a@-ü-.example": "", "a@ü\u200b.\u0378": "",
		"": "", "a": "", "@example.com": "", "a@": "", "a b@example.com": "", "a@b@example.com": "", ".a@example.com": "", "a..b@example.com": "", "a.@example.com": "",
		"A <a@example.com>": "", "<a@example.com>": "", "a@example.com, b@example.com": "", "mailto:a@example.com": "", "a@example.com (A)": "",
		"a(b)@example.com": "", "\"a b\"@example.com": "", "a@exam ple.com": "", "a@example..com": "", "a at example.com": "", "a@example.com\x00": "a@example.com",
	} {
		if got := EmailAddress(raw); got != want {
			t.Errorf("EmailAddress(%q) = %q, want %q", raw, got, want)
		}
	}
}
