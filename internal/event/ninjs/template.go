package ninjs

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// CheckTemplate returns what is wrong with a template for addresses, nil for
// an empty one. A template is an absolute http or https address that holds
// {id} or {guid} (the item's guid or uri) or {slug} (its slugline, else its
// headline: lower case, hyphens for all but letters and digits), and may hold
// {section} (the first service, written like a slug) and {language}. Values
// are percent-encoded, slashes too. An item without one of them has no address.
func CheckTemplate(template string) error {
	if template == "" {
		return nil
	}
	var f fields
	names := f.placeholders()
	identifies := false
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if _, known := names[m[1]]; !known {
			return fmt.Errorf("{%s} is not known: there are {id}, {guid}, {slug}, {section} and {language}", m[1])
		}
		identifies = identifies || m[1] == "id" || m[1] == "guid" || m[1] == "slug"
	}
	if !identifies {
		return errors.New("holds none of {id}, {guid} and {slug}: all items would have one address")
	}
	if gallery.WebAddress(placeholder.ReplaceAllString(template, "x"), nil) == "" {
		return errors.New("is no absolute http or https address")
	}
	return nil
}

// fields are the values that a template may use.
type fields struct{ id, slug, section, language string }

func (f *fields) placeholders() map[string]string {
	return map[string]string{
		"id": f.id, "guid": f.id, "slug": slug(f.slug), "section": slug(f.section), "language": f.language,
	}
}

// address fills in the template; empty where a value is missing.
func (f *fields) address(template string) string {
	values, complete := f.placeholders(), true
	out := placeholder.ReplaceAllStringFunc(template, func(s string) string {
		value := values[s[1:len(s)-1]]
		complete = complete && value != ""
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	})
	if !complete {
		return ""
	}
	return out
}

func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
	return strings.Join(words, "-")
}
