package gallery

import "strings"

// RightToLeft reports whether text in that language (a tag as in BCP 47) is
// written from right to left: by the script that the tag names, else by the
// one that the language is mostly written in.
func RightToLeft(tag string) bool {
	subtags := strings.Split(strings.ToLower(tag), "-")
	for _, s := range subtags[1:] {
		if len(s) == 1 {
			break // what follows is an extension
		}
		if len(s) == 4 && 'a' <= s[0] && s[0] <= 'z' {
			return rightToLeftScript(s)
		}
	}
	switch subtags[0] {
	case "ar", "arc", "arz", "azb", "bal", "bgn", "bqi", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "khw", "ks",
		"lrc", "luz", "mzn", "nqo", "pnb", "prs", "ps", "sd", "sdh", "skr", "syr", "ug", "ur", "yi":
		return true
	}
	return false
}

func rightToLeftScript(script string) bool {
	switch script {
	case "adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa":
		return true
	}
	return false
}
