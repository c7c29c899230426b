package gallery

// isVoid reports whether tag has neither content nor end tag.
func isVoid(tag string) bool {
	switch tag {
	case "br", "hr", "img", "wbr":
		return true
	}
	return false
}

// isBlock reports whether tag begins a new block of text.
func isBlock(tag string) bool {
	switch tag {
	case "p", "div", "pre", "blockquote", "hr", "ul", "ol", "li", "dl", "dt", "dd", "figure", "figcaption",
		"table", "caption":
		return true
	}
	return isHeading(tag) || isTablePart(tag)
}

func isHeading(tag string) bool {
	return len(tag) == 2 && tag[0] == 'h' && '2' <= tag[1] && tag[1] <= '6'
}

func isList(tag string) bool { return tag == "ul" || tag == "ol" || tag == "dl" }

func isCell(tag string) bool { return tag == "td" || tag == "th" }

func isRowGroup(tag string) bool { return tag == "thead" || tag == "tbody" || tag == "tfoot" }

func isTablePart(tag string) bool {
	return isCell(tag) || isRowGroup(tag) || tag == "tr" || tag == "table" || tag == "caption"
}

// ends reports whether the start of tag closes the open element.
func ends(tag, open string) bool {
	switch {
	case open == "p":
		return isBlock(tag)
	case isHeading(tag):
		return isHeading(open)
	case tag == "rt" || tag == "rp":
		return open == "rt" || open == "rp"
	case tag == "li":
		return open == "li"
	case tag == "dt" || tag == "dd":
		return open == "dt" || open == "dd"
	case isCell(tag):
		return isCell(open) || open == "caption"
	case tag == "tr":
		return isCell(open) || open == "tr" || open == "caption"
	case isRowGroup(tag) || tag == "caption":
		return isTablePart(open) && open != "table"
	}
	return false
}

// contains reports whether the start of tag closes nothing outside the open element.
func contains(open, tag string) bool {
	if isTablePart(tag) && tag != "table" {
		return open == "table"
	}
	switch open {
	case "ul", "ol", "dl", "table", "caption", "td", "th", "blockquote", "figure", "figcaption", "div":
		return true
	}
	return false
}

// isHidden reports whether browsers do not show the element's children.
func isHidden(tag string) bool { return tag == "object" || tag == "template" || tag == "datalist" }

// isMedia reports whether the element's text is a fallback. Links in it lead to the
// media.
func isMedia(tag string) bool { return tag == "audio" || tag == "canvas" || tag == "video" }

// isRaw reports whether an HTML parser takes the element's content for text.
func isRaw(tag string) bool {
	switch tag {
	case "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp":
		return true
	}
	return false
}

// shownAs returns the tag to write for tag, "" where only its children are shown, or
// nothing.
func shownAs(tag string) string {
	switch tag {
	case "h1":
		return "h2" // the first heading is the title of the item
	case "image", "amp-img":
		return "img" // as browsers take it, and AMP's script
	case "acronym":
		return "abbr"
	case "strike":
		return "s"
	case "tt":
		return "code"
	case "menu", "dir":
		return "ul"
	case "listing", "plaintext", "xmp":
		return "pre"
	case "address", "article", "aside", "body", "center", "details", "dialog", "fieldset", "footer", "form", "header", "hgroup", "html", "legend",
		"main", "marquee", "nav", "optgroup", "option", "search", "section", "select", "summary":
		return "div"
	}
	if isRaw(tag) || isHidden(tag) {
		return ""
	}
	return tag
}
