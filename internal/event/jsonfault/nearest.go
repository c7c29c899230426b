package jsonfault

import "strings"

// Nearest picks a candidate that is word with a part more or less ("admin_token"
// for "admin_token_file"), or else the one that takes the fewest edits to become
// word, if they are few enough for a slip of the hand. Candidates are in lower
// case, their parts joined by underscores; word may have capitals and hyphens.
func Nearest(candidates []string, word string) (string, bool) {
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	best, fewest := "", 0
	for _, c := range candidates {
		if len(word) > 2 && (strings.HasPrefix(c, word+"_") || strings.HasPrefix(word, c+"_")) {
			return c, true
		}
		edits := distance(c, word)
		if edits <= 1+len(c)/4 && (best == "" || edits < fewest) {
			best, fewest = c, edits
		}
	}
	return best, best != ""
}

// distance is the number of characters to insert, remove or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			edit := diagonal
			if a[i] != b[j] {
				edit++
			}
			diagonal = row[j+1]
			row[j+1] = min(edit, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
