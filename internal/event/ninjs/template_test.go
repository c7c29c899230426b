package ninjs

import (
	"strings"
	"testing"
)

func TestAnAddressIsMadeOfTheTemplate(t *testing.T) {
	for _, c := range []struct{ template, more, want string }{
		{"", "", ""},
		{"https://n.example/{guid}", "", "https://n.example/urn%3Aa%2Fb%20%26%C3%A9%3F"},
		{"https://n.example/?id={id}&l={language}", `,"language":"en"`, "https://n.example/?id=urn%3Aa%2Fb%20%26%C3%A9%3F&l=en"},
		{"https://n.example/{section}/{slug}", `,"service":[{"name":"Arts & Life"}],"slugline":"Night/Boats!"`, "https://n.example/arts-life/night-boats"},
		{"https://n.example/{slug}.html", "", "https://n.example/h%C3%A9-ho.html"},
		{"https://n.example/{section}/{slug}", "", ""},
		{"https://n.example/{guid}", `,"url":" https://own.example/x "`, "https://own.example/x"},
		{"https://n.example/{guid}/{unknown}", "", ""},
	} {
		data := `{"guid":"urn:a/b &é?","headline":"Hé, ho","versioncreated":"2026-11-20T10:00:00Z"` + c.more + `}`
		item, err := Decode([]byte(data), Options{URLTemplate: c.template})
		if err != nil {
			t.Fatal(err)
		}
		if got := item.Gallery.URL; got != c.want {
			t.Errorf("%s with %s gives %q, want %q", c.template, c.more, got, c.want)
		}
	}
}

func TestATemplateIsChecked(t *testing.T) {
	for template, want := range map[string]string{
		"":                                "",
		"https://n.example/{slug}":        "",
		"http://n.example/{section}/{id}": "",
		"https://n.example/{id}/{date}":   "{date} is not known",
		"https://n.example/{section}":     "holds none of",
		"/{guid}":                         "no absolute http or https",
		"ftp://n.example/{guid}":          "no absolute http or https",
		"{guid}":                          "no absolute http or https",
	} {
		err := CheckTemplate(template)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", template, err, want)
		}
	}
}
