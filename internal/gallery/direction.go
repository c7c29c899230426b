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

// enoughCharacters is how many characters with a direction settle that of a text.
const enoughCharacters = 100

// Direction returns the direction of text in that language (a tag as in BCP 47) as
// HTML's dir attribute names it: "rtl" or "ltr". Without a language, or with one whose
// script is not known, it is the direction of most of the first characters of texts
// that have one, so that a name in another script at the beginning decides nothing; ""
// where no character has one.
func Direction(tag string, texts ...string) string {
	if script := scriptOf(tag); script != "" {
		if strings.Contains(rightToLeftScripts, script) {
			return rightToLeft
		}
		return leftToRight
	}
	seen, balance := 0, 0 // balance is above zero when more run from right to left
	for _, r := range strings.Join(texts, " ") {
		p, _ := bidi.LookupRune(r)
		switch p.Class() { // UAX 9 §3.2
		case bidi.R, bidi.AL:
			seen, balance = seen+1, balance+1
		case bidi.L:
			seen, balance = seen+1, balance-1
		}
		if seen == enoughCharacters {
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

// scriptOf returns the script that a tag names, else the usual one of the language (and
// region): CLDR's likely subtags. It is "" where that is not known.
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

const rightToLeftScripts = "Adlm Arab Aran Armi Avst Chrs Cprt Elym Gara Hatr Hebr Hung Khar Lydi Mand Mani Mend Merc Mero Narb Nbat Nkoo " +
	"Orkh Ougr Palm Phli Phlp Phnx Prti Rohg Samr Sarb Sidt Sogd Sogo Syrc Syre Syrj Syrn Thaa Yezi"
