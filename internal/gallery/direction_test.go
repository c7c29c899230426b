package gallery

import (
	"strings"
	"testing"
)

func TestDirectionByLanguage(t *testing.T) {
	for want, tags := range map[string]string{
		"rtl": `ar AR-eg ar_EG arz ary apc arb he he-IL iw yi ji Yi-Hebr-x-foo fa fa-AF fa-u-nu-latn prs prs-AF azb ps ur ur-IN ur-Aran ug ug-CN ckb ckb-IR sdh
			dv nqo syr arc sd sd-PK ks ks-IN bal lrc mzn glk skr pnb lah khw ku-Arab ku-Arab-IQ ku-IQ ku-IR pa-PK pa-Arab az-IR az-Arab uz-AF uz-Arab-x-az kk-CN
			ky-CN tg-PK ha-SD ms-Arab ff-Adlm rhg und-Hebr und-IL en-Hebr zz-Arab so-Arab eng-Arab man-Nkoo und-Samr`,
		"ltr": `en en-x-arab en-IL en-SA ar-Latn ar-Latn-EG he-Latn fa-Latn ku ku-TR ku-Latn-IQ pa pa-IN az az-AZ uz uz-UZ ug-KZ kk kk-KZ ky tg ha ms ff tr
			zh-cmn-Hans zh yue ja de-1996 ru mn-Mong ks-Deva sd-IN doi hi i-default und-Latn ur-Latn yi-Latn en-u-nu-arab`,
		"": `und mul mis zxx x-klingon x-arab zz i-klingon xx-YY arx - e ar-Zxxx nonsense!`,
	} {
		for tag := range strings.FieldsSeq(tags) {
			if got := Direction(tag, "1"); got != want {
				t.Errorf("Direction(%q) = %q, want %q", tag, got, want)
			}
			if got := Direction(tag, "ضوء"); want == "" && got != "rtl" {
				t.Errorf("Direction(%q) = %q of Arabic text", tag, got)
			}
		}
	}
}

func TestDirection(t *testing.T) {
	tests := []struct{ name, tag, title, summary, want string }{
		{"by language", "he", "Lights", "", "rtl"},
		{"by language though the text differs", "en", "أضواء", "", "ltr"},
		{"Arabic", "", "أضواء الميناء", "", "rtl"},
		{"Hebrew", "", "1. אורות", "", "rtl"},
		{"Thaana", "", "ދިވެހި", "", "rtl"},
		{"Adlam, outside the basic plane", "", "𞤀𞤣𞤤𞤢𞤥", "", "rtl"},
		{"a name in another script first", "", "BBC: أضواء الميناء", "", "rtl"},
		{"Latin", "", "Harbour lights", "", "ltr"},
		{"Latin that quotes", "", "The word نور means light", "", "ltr"},
		{"Chinese", "", "港口的灯光", "", "ltr"},
		{"by summary", "", "2026", "מנורות", "rtl"},
		{"digits alone", "", "2026 – 2027", "…", ""},
		{"nothing", "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Direction(tt.tag, tt.title, tt.summary); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
