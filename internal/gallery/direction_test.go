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
