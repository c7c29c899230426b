package ninjs

import (
	"fmt"
	"strings"
	"testing"
)

func TestBestRendition(t *testing.T) {
	for name, c := range map[string]struct {
		renditions []string // name, width, height, media type
		want       string
	}{
		"the widest up to 2560":             {[]string{"viewImage 640 480", "baseImage 1400 1050", "original 4000 3000"}, "baseImage"},
		"an original that is not too wide":  {[]string{"viewImage 640 480", "baseImage 1400 1050", "original 2560 1920"}, "original"},
		"a crop never beats the whole":      {[]string{"16-9 2000 1125", "viewImage 640 480", "original 4000 3000"}, "viewImage"},
		"a crop where there is only that":   {[]string{"16-9 2000 1125", "thumbnail 120 90"}, "16-9"},
		"the original before a small one":   {[]string{"preview 512 384", "original 4000 3000"}, "original"},
		"the narrowest of those too wide":   {[]string{"original 6000 4500", "large 3000 2250"}, "large"},
		"a small one where there is no big": {[]string{"a 100 75", "b 400 300"}, "b"},
		"widths unknown":                    {[]string{"original 0 0", "baseImage 0 0", "viewImage 0 0"}, "viewImage"},
		"a known width before an unknown":   {[]string{"viewImage 0 0", "main 800 600"}, "main"},
		"a format that browsers show":       {[]string{"original 2000 1500 image/tiff", "viewImage 640 480 image/jpeg"}, "viewImage"},
		"no other format":                   {[]string{"original 2000 1500 image/tiff"}, "original"},
		"pictures only":                     {[]string{"original 800 600 application/pdf", "viewImage 640 480 image/png"}, "viewImage"},
		"equal ones by name":                {[]string{"r02 800 600", "r01 800 600"}, "r01"},
		"never a thumbnail":                 {[]string{"thumbnail 120 90"}, ""},
		"none":                              {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if m := best(renditions(t, c.renditions), false); m != nil {
				got = m.name
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func renditions(t *testing.T, specs []string) (rs members[rendition]) {
	t.Helper()
	for _, spec := range specs {
		m := member[rendition]{value: &rendition{HRef: "https://a.example/"}}
		if _, err := fmt.Sscan(spec+" -", &m.name, &m.value.Width, &m.value.Height, &m.value.MIMEType); err != nil {
			t.Fatal(err)
		}
		m.value.MIMEType = strings.TrimPrefix(m.value.MIMEType, "-")
		rs.list = append(rs.list, m)
	}
	return rs
}
