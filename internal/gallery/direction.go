package gallery

import (
	"strings"

	"golang.org/x/text/language"
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
// 47) as HTML's dir attribute names it: "rtl" or "ltr". Without a language, or
// with one whose script is not known, it is that of most of the first characters
// of texts that have one, so that a name in another script at the beginning
// decides nothing; "" where none has.
func Direction(tag string, texts ...string) string {
	switch script := scriptOf(tag); {
	case script == "":
		return directionOf(texts)
	case rightToLeftScript(script):
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

// scriptOf returns the script that a tag names, else the one that the language is
// mostly written in, in the region if it names one: CLDR's likely subtags. It is
// "" where that is not known.
func scriptOf(tag string) string {
	parsed, _ := language.Raw.Parse(tag) // without the subtags that are not known
	base, script, region := parsed.Raw()
	if stated := script.String(); stated != unknownScript {
		return strings.TrimPrefix(stated, "Zxxx") // no text
	}
	switch base.String() + "-" + region.String() {
	case "und-ZZ", "mul-ZZ", "mis-ZZ", "zxx-ZZ":
		return ""
	case "azb-ZZ", "azb-IR", "prs-ZZ", "prs-AF", "ku-IQ", "ku-IR": // not in the package's version of CLDR
		return "Arab"
	case "doi-ZZ", "doi-IN", "sd-IN": // changed since
		return "Deva"
	}
	likely, _ := parsed.Script()
	return strings.TrimPrefix(likely.String(), unknownScript)
}

const unknownScript = "Zzzz"

func rightToLeftScript(script string) bool {
	switch script {
	case "Adlm", "Arab", "Aran", "Armi", "Avst", "Chrs", "Cprt", "Elym", "Gara", "Hatr", "Hebr", "Hung", "Khar", "Lydi",
		"Mand", "Mani", "Mend", "Merc", "Mero", "Narb", "Nbat", "Nkoo", "Orkh", "Ougr", "Palm", "Phli", "Phlp", "Phnx",
		"Prti", "Rohg", "Samr", "Sarb", "Sidt", "Sogd", "Sogo", "Syrc", "Syre", "Syrj", "Syrn", "Thaa", "Yezi":
		return true
	}
	return false
}
