package feed

// isAbsolute reports whether s, as it stands in a document, is an absolute http
// or https address in ASCII.
func isAbsolute(s []byte) bool {
	host := 0
	switch {
	case len(s) > len("http://") && string(s[:len("http://")]) == "http://":
		host = len("http://")
	case len(s) > len("https://") && string(s[:len("https://")]) == "https://":
		host = len("https://")
	}
	for _, c := range s {
		if c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return host > 0 && s[host] != '/' && s[host] != '?' && s[host] != '#'
}
