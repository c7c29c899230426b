package gallery

import "testing"

func TestRightToLeft(t *testing.T) {
	for tag, want := range map[string]bool{
		"":              false,
		"en":            false,
		"ar":            true,
		"AR-eg":         true,
		"he-IL":         true,
		"ku":            false,
		"ku-Arab-IQ":    true,
		"ar-Latn":       false,
		"zh-cmn-Hans":   false,
		"de-1996":       false,
		"en-x-arab":     false,
		"arx":           false,
		"-":             false,
		"fa-u-nu-latn":  true,
		"yi-Hebr-x-foo": true,
	} {
		if got := RightToLeft(tag); got != want {
			t.Errorf("RightToLeft(%q) = %t, want %t", tag, got, want)
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
