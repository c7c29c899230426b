package gallery

import (
	"strings"
	"testing"
)

func TestCanonicalLanguage(t *testing.T) {
	for tag, want := range map[string]string{
		// RFC 5646, appendix A
		"de": "de", "FR": "fr", "ja": "ja", "i-enochian": "i-enochian", "zh-hant": "zh-Hant", "zh-HANS": "zh-Hans", "sr-cyrl": "sr-Cyrl", "sr-Latn": "sr-Latn",
		"zh-cmn-Hans-CN": "cmn-Hans-CN", "cmn-Hans-CN": "cmn-Hans-CN", "zh-yue-HK": "yue-HK", "yue-HK": "yue-HK",
		"zh-hans-cn": "zh-Hans-CN", "sr-latn-rs": "sr-Latn-RS", "sl-rozaj": "sl-rozaj", "sl-rozaj-biske": "sl-rozaj-biske", "sl-nedis": "sl-nedis",
		"de-ch-1901": "de-CH-1901", "sl-it-nedis": "sl-IT-nedis", "hy-Latn-IT-arevela": "hy-Latn-IT-arevela",
		"de-de": "de-DE", "en-us": "en-US", "ES-419": "es-419", "de-CH-x-phonebk": "de-CH-x-phonebk", "az-Arab-x-AZE-derbend": "az-Arab-x-aze-derbend",
		"x-whatever": "x-whatever", "qaa-qaaa-qm-x-southern": "qaa-Qaaa-QM-x-southern", "de-Qaaa": "de-Qaaa", "sr-Latn-QM": "sr-Latn-QM", "sr-Qaaa-RS": "sr-Qaaa-RS",
		"en-US-u-islamcal": "en-US-u-islamcal", "zh-CN-a-myext-x-private": "zh-CN-a-myext-x-private", "en-a-myext-b-another": "en-a-myext-b-another",
		"de-419-DE": "", "a-DE": "",
		// grandfathered and redundant
		"i-default": "i-default", "I-Default": "i-default", "i-klingon": "tlh", "i-lux": "lb", "art-lojban": "jbo", "en-GB-oed": "en-GB-oxendict",
		"zh-min-nan": "nan", "zh_min_nan": "nan", "zh-min": "zh-min", "cel-gaulish": "cel-gaulish", "no-bok": "nb", "sgn-BE-FR": "sfb", "sgn-us": "ase",
		"i-foo": "", "i": "", "i-": "",
		// obsolete
		"iw": "he", "in-ID": "id-ID", "ji": "yi", "mo": "ro", "en-BU": "en-MM", "de-DD": "de-DE", "zh-yue": "yue", "ar-arb": "arb",
		"eng": "en", "deu-AT": "de-AT", "en-UK": "en-GB",
		// private use
		"x-klingon": "x-klingon", "X-KLINGON-1": "x-klingon-1", "en-x-a": "en-x-a", "x": "", "x-": "", "en-x": "", "en-x-123456789": "",
		// as operating systems and CMS write them
		"pt_BR": "pt-BR", "zh_hant_tw": "zh-Hant-TW", "en_US.UTF-8": "", "sr@latin": "", "C": "",
		// extensions: ordered, never without a value
		"en-b-warble-a-babble": "en-a-babble-b-warble", "en-u-nu-latn-ca-gregory": "en-u-ca-gregory-nu-latn", "de-u": "", "en-a-bbb": "en-a-bbb", "en-t-jp": "en-t-jp",
		// well-formed and not registered
		"xx": "xx", "XX-yy": "xx-YY", "English": "english", "zz-latn-zz-1abc": "zz-Latn-ZZ-1abc", "en-abcde": "en-abcde", "de-t-en-m0-UNGEGN": "de-t-en-m0-ungegn",
		// canonical already
		"und": "und", "mul": "mul", "zxx": "zxx", "und-Arab": "und-Arab", "en-Latn": "en-Latn", "ca-ES-valencia": "ca-ES-valencia", "no": "no", "tl": "tl",
		// no tags
		"": "", "-": "", "e": "", "en-": "", "-en": "", "en--US": "", " en": "", "en ": "", "en US": "", "en-USAA-US-": "", "abcdefghi": "", "en-abcdefghi": "",
		"English (UK)": "", "de-1abc-Latn": "", "日本語": "", "en\n": "", "pt=br": "", "tlh i-lux": "", strings.Repeat("en-abcde", 20): "",
	} {
		got := CanonicalLanguage(tag)
		if got != want {
			t.Errorf("CanonicalLanguage(%q) = %q, want %q", tag, got, want)
		}
		if again := CanonicalLanguage(got); again != got {
			t.Errorf("CanonicalLanguage(%q) = %q", got, again)
		}
	}
}

func FuzzCanonicalLanguage(f *testing.F) {
	for _, tag := range []string{"zh_Hant_TW", "i-default", "x-klingon", "en-u-nu-latn-ca-gregory-x-a", "sl-rozaj-biske-1994", "zh-yue-cmn", "de-t-de-latn-m0-iso", "mo-cyrl"} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		got := CanonicalLanguage(tag)
		if again := CanonicalLanguage(got); again != got {
			t.Errorf("%q is %q, which is %q", tag, got, again)
		}
		if got != "" && !languageShape.MatchString(got) {
			t.Errorf("%q is %q, which is no tag", tag, got)
		}
		if lower := CanonicalLanguage(strings.ToLower(tag)); got != "" && lower != got {
			t.Errorf("%q is %q, in lower case %q", tag, got, lower)
		}
	})
}
