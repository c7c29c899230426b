package gallery

import (
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// Directions of text, as HTML's dir attribute names them.
const (
	leftToRight = "ltr"
	rightToLeft = "rtl"
)

// strongEnough is how many characters with a direction settle that of a text.
const strongEnough = 100

// Direction returns the direction of text in that language (a tag as in BCP
// 47) as HTML's dir attribute names it: "rtl" or "ltr". Without a language it
// is that of most of the first characters of texts that have one, so that a
// name in another script at the beginning decides nothing; "" where none has.
func Direction(tag string, texts ...string) string {
	if tag == "" {
		return directionOf(texts)
	}
	if RightToLeft(tag) {
		return rightToLeft
	}
	return leftToRight
}

func directionOf(texts []string) string {
	seen, balance := 0, 0 // balance is above zero when more run from right to left
	for _, r := range strings.Join(texts, " ") {
		d := strength(r)
		if d == 0 {
			continue
		}
		balance += d
		if seen++; seen == strongEnough {
			break
		}
	}
	switch {
	case seen == 0:
		return ""
	case balance > 0:
		return rightToLeft
	}
	return leftToRight
}

// strength is 1 for a character that runs from right to left, -1 for one that
// runs from left to right, 0 for one that follows its neighbours (UAX 9 §3.2).
func strength(r rune) int {
	p, _ := bidi.LookupRune(r)
	switch p.Class() {
	case bidi.R, bidi.AL:
		return 1
	case bidi.L:
		return -1
	}
	return 0
}

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
