package gallery

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxReadable is how many bytes of a name stand in its slug, at most.
	maxReadable = 100
	// slugHash is how many bytes of a hash tell slugs apart: with four, two
	// names that meet would be found in some 65,000 tries.
	slugHash = 8
)

// Fold returns the form in which names of sections, tags and authors are
// compared: two names are one when their folds are equal. It removes what
// [Text] removes, folds white space as [Line] does, ignores case in every
// script, and composes accents (NFC). Fold(Fold(s)) equals Fold(s).
func Fold(name string) string {
	name = Line(name)
	if isASCII(name) {
		return strings.ToLower(name)
	}
	// Unicode §3.13, definition 145: decomposed first, or a few Greek letters
	// fold differently the second time.
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
}

// Slug returns the segment of a section, a tag or an author in addresses, in its own
// script and not percent-encoded. Names have the same slug if and only if [Fold] makes
// them equal.
//
// A name of letters, marks, digits and single spaces keeps them, a hyphen for
// each space. Any other name, and one that is too long, has a hyphen for
// everything else between them and ends in "~" and 16 hexadecimal digits of
// the SHA-256 of its fold, since two such names could read the same. A slug is
// never empty, at most 117 bytes long, and has neither slash, backslash, full
// stop nor control character.
func Slug(name string) string {
	folded := Fold(name)
	other := func(r rune) bool { return r != ' ' && !inSlug(r) }
	if folded != "" && len(folded) <= maxReadable && !strings.ContainsFunc(folded, other) {
		return strings.ReplaceAll(folded, " ", "-")
	}
	sum := sha256.Sum256([]byte(folded))
	return readable(folded) + "~" + hex.EncodeToString(sum[:slugHash])
}

// SlugStem returns the slug of a name without the hash that it may have. Several names
// may share it; it is empty where a name has no letter, mark or digit.
func SlugStem(name string) string { return readable(Fold(name)) }

func inSlug(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// readable returns the words of a folded name with hyphens between them, cut
// between two characters.
func readable(folded string) string {
	words := strings.FieldsFunc(folded, func(r rune) bool { return !inSlug(r) })
	s := strings.Join(words, "-")
	if len(s) > maxReadable {
		end := maxReadable
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return strings.TrimSuffix(s, "-")
}
