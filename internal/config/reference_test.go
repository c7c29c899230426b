package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const reference = "../../config/gallerywire.yaml"

// withExamples is the reference file with what it shows commented out below an
// empty list.
func withExamples(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("the blog's token"), 0o600); err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("/etc/gallerywire/blog.token"), []byte(token))
	return regexp.MustCompile(`(?m): \[\]\n(#  .*\n)+`).ReplaceAllFunc(text, func(example []byte) []byte {
		return bytes.ReplaceAll(bytes.Replace(example, []byte(" []"), nil, 1), []byte("\n#"), []byte("\n"))
	})
}

// explanations are the comments of the reference file, by the key that each stands
// above. Only the file's own shape is understood: two spaces for each level, the first
// key of an entry behind a dash, an empty line below what belongs to no key.
func explanations(t *testing.T) map[string]string {
	t.Helper()
	line := regexp.MustCompile(`^( *)(- )?(?:# ?(.*)|([a-z_]+):.*)$`)
	texts := map[string]string{}
	var above []string
	var path [8]string
	for _, text := range strings.Split(string(withExamples(t)), "\n") {
		m := line.FindStringSubmatch(text)
		switch {
		case m == nil:
			above = nil
		case m[4] == "":
			above = append(above, m[3])
		default:
			depth := len(m[1]+m[2]) / 2
			if m[2] != "" {
				path[depth-1] = "[]"
			}
			path[depth] = m[4]
			key := strings.ReplaceAll(strings.Join(path[:depth+1], "."), ".[]", "[]")
			texts[key] = strings.Join(above, " ")
			above = nil
		}
	}
	return texts
}

func TestReferenceFileStatesEveryKey(t *testing.T) {
	c, err := load(reference, withExamples(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if path := strings.ReplaceAll(key, "[]", "[0]"); !c.Configured(path) {
			t.Errorf("%s is not in %s", path, reference)
		}
	}
}

func TestReferenceFileExplainsEveryKey(t *testing.T) {
	texts := explanations(t)
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if texts[key] == "" {
			t.Errorf("%s has no comment above it in %s", key, reference)
		}
	}
}
