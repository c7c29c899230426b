package event

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// ordinary is a gallery of twenty slides, indented as a CMS may send it:
// about 12 KB.
func ordinary() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{
  "id": "harbour-lights",
  "url": "https://news.example.com/galleries/harbour-lights",
  "title": "Harbour lights – “after dark”",
  "summary": "Twenty evenings at the water.",
  "body": "<p>%s</p>",
  "language": "en",
  "section": "Travel",
  "tags": ["harbours", "night", "boats"],
  "authors": [{"name": "A. Writer", "email": "a@example.com"}],
  "published": "2026-11-20T09:00:00Z",
  "updated": "2026-11-20T10:30:00Z",
  "version": 3,
  "slides": [`, strings.Repeat("The ferries come in late. ", 20))
	for i := range 20 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `
    {
      "id": "%[1]d", "title": "Evening %[1]d",
      "caption": "<p>%[2]s <a href=\"https://news.example.com/%[1]d\">more</a></p>", "credit": "Agency One",
      "image": {"url": "https://img.example.com/%[1]d.jpg", "type": "image/jpeg", "width": 1600, "height": 900,
                "bytes": 245113, "alt": "Boats at dusk", "thumbnail": "https://img.example.com/%[1]d-s.jpg"}
    }`, i, strings.Repeat("Boats at the quay. ", 7))
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	gallery := ordinary()
	for name, data := range map[string][]byte{"bare": gallery, "structured": structured(Published, gallery)} {
		b.Run(name, func(b *testing.B) {
			m := Message{Subject: "article.published", Data: data, Stored: arrived}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bounded.Decode(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
