package jsonfault

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"title", "summary", "published", "admin_token_file", "id"}
	for word, want := range map[string]string{
		"titel": "title", "sumary": "summary", "Published": "published", "publishedAt": "published", "admin-token": "admin_token_file",
		"title_de": "title", "body": "", "x": "", "": "",
	} {
		if got, found := Nearest(names, word); got != want || found != (want != "") {
			t.Errorf("%q: %q, %t, want %q", word, got, found, want)
		}
	}
}

func TestDistanceCountsEdits(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"listen", "listen", 0},
		{"listen", "lisen", 1}, {"listen", "listens", 1}, {"listen", "lasten", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
