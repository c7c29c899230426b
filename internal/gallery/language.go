package gallery

import (
	"regexp"
	"strings"

	"golang.org/x/text/language"
)

// LanguageShape matches every language tag, and some text that is none:
// [CanonicalLanguage] tells them apart.
const LanguageShape = `(?:[A-Za-z]{2,8}|[IiXx][_-][A-Za-z0-9]{1,8})(?:[_-][A-Za-z0-9]{1,8})*`

// maxLanguage bounds a language tag, in bytes.
const maxLanguage = 100

var (
	languageShape = regexp.MustCompile(`^` + LanguageShape + `$`)

	// wellFormed is RFC 5646 §2.1 in lower case, without the irregular tags.
	wellFormed = regexp.MustCompile(`^(?:` +
		`(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})` + // language
		`(?:-[a-z]{4})?` + // script
		`(?:-(?:[a-z]{2}|[0-9]{3}))?` + // region
		`(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*` + // variants
		`(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*` + // extensions
		`(?:-x(?:-[a-z0-9]{1,8})+)?` +
		`|x(?:-[a-z0-9]{1,8})+)$`)
)

// registered are the tags that are registered as a whole, with their preferred value or
// the spelling of the registry (RFC 5646 §2.2.8 and §3.8). The package language lacks
// most of them. It also makes of mo the Romanian of Moldova, which is CLDR's way.
const registered = " art-lojban=jbo cel-gaulish=cel-gaulish en-gb-oed=en-GB-oxendict i-ami=ami i-bnn=bnn i-default=i-default" +
	" i-enochian=i-enochian i-hak=hak i-klingon=tlh i-lux=lb i-mingo=i-mingo i-navajo=nv i-pwn=pwn i-tao=tao i-tay=tay i-tsu=tsu" +
	" mo=ro no-bok=nb no-nyn=nn sgn-be-fr=sfb sgn-be-nl=vgt sgn-br=bzs sgn-ch-de=sgg sgn-co=csn sgn-de=gsg sgn-dk=dsl sgn-es=ssp" +
	" sgn-fr=fsl sgn-gb=bfi sgn-gr=gss sgn-ie=isg sgn-it=ise sgn-jp=jsl sgn-mx=mfs sgn-ni=ncs sgn-nl=dse sgn-no=nsl sgn-pt=psr" +
	" sgn-se=swl sgn-us=ase sgn-za=sfs zh-guoyu=cmn zh-hakka=hak zh-min=zh-min zh-min-nan=nan zh-xiang=hsn "

// CanonicalLanguage returns tag in the canonical form of RFC 5646 §4.5: obsolete subtags
// replaced by the preferred ones, extensions in order, the usual upper and lower case.
// Underscores count as hyphens; subtags that are not registered stay. It
// returns "" when tag is not well-formed (§2.1) or longer than 100 bytes.
// CanonicalLanguage of its result is the same.
func CanonicalLanguage(tag string) string {
	if len(tag) > maxLanguage || !languageShape.MatchString(tag) {
		return ""
	}
	tag = strings.ReplaceAll(strings.ToLower(tag), "_", "-")
	if _, rest, found := strings.Cut(registered, " "+tag+"="); found {
		preferred, _, _ := strings.Cut(rest, " ")
		return preferred
	}
	if !wellFormed.MatchString(tag) {
		return ""
	}
	known, err := (language.Deprecated).Parse(tag)
	if err != nil { // a subtag is not registered
		return capitalise(tag)
	}
	return known.String()
}

// capitalise writes a tag in the usual upper and lower case (RFC 5646 §2.1.1).
func capitalise(tag string) string {
	subtags := strings.Split(tag, "-")
	for i, s := range subtags {
		switch {
		case len(s) == 1:
			return strings.Join(subtags, "-")
		case i > 0 && len(s) == 2:
			subtags[i] = strings.ToUpper(s)
		case i > 0 && len(s) == 4 && s[0] >= 'a':
			subtags[i] = strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return strings.Join(subtags, "-")
}
