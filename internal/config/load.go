package config

import (
	"cmp"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Load returns the defaults, overridden by the YAML file at path (none if path is
// empty), overridden by environ, whose entries are as in os.Environ. The variable
// of a key is GALLERYWIRE_ and its path in capitals with underscores; its text is
// the value itself, or YAML for a list. Load ignores variables of no key, because
// others set some with this prefix; [Stray] finds misspelt ones.
//
// Load reads the files of secrets; relative paths start at the working directory.
// It runs checks after its own. Every error is a Problems with all problems.
func Load(path string, environ []string, checks ...Check) (Config, error) {
	data, err := readFile(path, maxSource)
	if err != nil {
		return load(path, nil, environ, Problems{{Source: path, Message: err.Error()}}, checks...)
	}
	return load(path, data, environ, nil, checks...)
}

// readFile reads at most one byte more than limit, and nothing from an empty path.
// Its errors do not contain the path.
func readFile(path string, limit int64) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// load is [Load] with the content of the file and the problems so far.
func load(path string, data []byte, environ []string, problems Problems, checks ...Check) (Config, error) {
	root, unread := parse(path, data, "")
	at := place{source: path}
	if root != nil {
		at = root.at
	}
	d := decoder{
		environ:  variables(environ),
		places:   places{},
		secrets:  map[string]string{},
		problems: append(problems, unread...),
	}
	c := Default()
	d.value(reflect.ValueOf(&c).Elem(), "", root, at)
	for i, p := range d.problems {
		// What stands below a key without keys was meant as a value, and may be secret.
		d.problems[i].Key = p.Key[:keyLength(p.Key, reflect.TypeFor[Config]())]
	}
	d.places[""] = place{source: path}
	c.places, c.secretFiles = d.places, d.secrets
	c.normalise()
	problems = d.problems
	for _, check := range append([]Check{Config.check}, checks...) {
		before := problems
		check(c, func(path, message string, others ...string) {
			if !slices.ContainsFunc(append(others, path), before.cover) {
				problems = append(problems, c.Problem(path, message))
			}
		})
	}
	if len(problems) == 0 {
		return c, nil
	}
	// Those of the file come first, in its order.
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if (a.Source == path) != (b.Source == path) {
			if a.Source == path {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return Config{}, problems
}

func variables(environ []string) map[string]string {
	set := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) {
			set[name] = value
		}
	}
	return set
}

// normalise gives values that can be written in several ways one form.
func (c *Config) normalise() {
	c.Site.BaseURL = strings.TrimRight(c.Site.BaseURL, "/")
	language := func(tag *string) { *tag = cmp.Or(gallery.CanonicalLanguage(*tag), *tag) }
	language(&c.Site.Language)
	for i := range c.Tombstones.Titles {
		language(&c.Tombstones.Titles[i].Language)
	}
	for i := range c.Feeds {
		c.Feeds[i].Title = cmp.Or(c.Feeds[i].Title, c.Feeds[i].Name)
		for j := range c.Feeds[i].Match.Languages {
			language(&c.Feeds[i].Match.Languages[j])
		}
	}
	for i := range c.Partners {
		p := &c.Partners[i]
		p.Title = cmp.Or(p.Title, c.Site.Title)
		for _, tags := range [][]string{p.Match.Languages, p.Exclude.Languages} {
			for j := range tags {
				language(&tags[j])
			}
		}
	}
	for i, w := range c.Webhooks {
		c.Webhooks[i].Secrets = append(w.Secrets, w.SecretsFile...)
	}
	for i, d := range c.Digests {
		c.Digests[i].To = append(d.To, d.ToFile...)
	}
}
