package feed

import (
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// language returns tag in the form of BCP 47, "" when it is no language tag:
// one that a validator refuses would make the document invalid.
func language(tag string) string {
	tag = strings.ReplaceAll(strings.TrimSpace(gallery.Text(tag)), "_", "-")
	for i, sub := range strings.Split(tag, "-") {
		if !subtag(sub, i > 0) {
			return ""
		}
	}
	return tag
}

func subtag(s string, digits bool) bool {
	for _, c := range s {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (!digits || c < '0' || c > '9') {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 8
}

// rightToLeft reports whether the language is written from right to left: by
// its script where the tag names one, else by the script it is mostly in.
func rightToLeft(tag string) bool {
	subtags := strings.Split(strings.ToLower(tag), "-")
	for _, s := range subtags[1:] {
		if len(s) == 1 {
			break
		}
		if len(s) == 4 && (s[0] < '0' || s[0] > '9') {
			return rightToLeftScript(s)
		}
	}
	switch subtags[0] {
	case "ar", "arc", "arz", "azb", "bal", "bgn", "bqi", "ckb", "dv", "fa", "glk", "he", "iw", "khw", "ks",
		"lrc", "luz", "mzn", "nqo", "pnb", "prs", "ps", "sd", "skr", "sdh", "syr", "ug", "ur", "yi", "ji":
		return true
	}
	return false
}

func rightToLeftScript(s string) bool {
	switch s {
	case "adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa":
		return true
	}
	return false
}
