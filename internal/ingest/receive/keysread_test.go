package receive_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/google/go-cmp/cmp"
)

func TestSecretsThatCannotBeUsed(t *testing.T) {
	const key, signing, text = "the-secret-key-0123456789", "whsec_dGhlLXNlY3JldC1rZXktMDEyMzQ1Njc4OQ==", "sixteen letters."
	file := filepath.Join(t.TempDir(), "secrets")
	lines := func(line string, n int) string { return strings.Repeat(line+"\n", n) }
	for _, tt := range []struct {
		kind       receive.Kind
		text, want string // empty: it can
	}{
		{receive.Bearer, key, ""},
		{receive.Bearer, credential.HashOf(key).String(), ""},
		{receive.Bearer, lines(key, 4), ""},
		{receive.Bearer, lines(key, 5), "has more than 4 secrets: remove"},
		{receive.Bearer, "# " + key, "has no secret: write"},
		{receive.Bearer, "\n \n", "has no secret: write"},
		{receive.Bearer, key + "\nshort", "has a key of under 128 bits (22 characters, or 32 if all are hexadecimal digits): write"},
		{receive.Bearer, signing, "has other characters than A-Z, a-z, 0-9 and . _ ~ -: write"},
		{receive.Bearer, lines("#", 4000), "has more than 4096 bytes: write"},
		{receive.StandardWebhooks, signing, ""},
		{receive.StandardWebhooks, key, "has a line that is not a secret: write whsec_ and 24 to 64"},
		{receive.StandardWebhooks, strings.TrimPrefix(signing, "whsec_"), "has a line that is not a secret"},
		{receive.StandardWebhooks, "whsec_dGhlLXNlY3JldA==", "has a line that is not a secret"},
		{receive.StandardWebhooks, "whsec_" + strings.Repeat("0123", 22), "has a line that is not a secret"},
		{receive.Superdesk, text, ""},
		{receive.Superdesk, text[1:], "has a secret of fewer than 16 characters, which can be guessed: write"},
		{receive.Superdesk, text + "\x00", "has a control character"},
		{receive.Superdesk, text + "\xff", "has a control character, or is not UTF-8: remove it"},
		{receive.Superdesk, strings.Repeat(text, 33), "has a secret of more than 512 bytes"},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for begin, k := range map[string]receive.Key{"": {Kind: tt.kind, Secret: tt.text}, `"` + file + `" `: {Kind: tt.kind, File: file}} {
			ids, err := k.Check()
			switch {
			case tt.want == "" && (err != nil || len(ids) != max(1, strings.Count(tt.text, "\n"))):
				t.Errorf("%s %q: %v", tt.kind, tt.text, err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), begin+tt.want) || strings.Contains(err.Error(), key[:10])):
				t.Errorf("%s %.50q: %v, want %q", tt.kind, tt.text, err, begin+tt.want)
			}
		}
	}
	if _, err := (receive.Key{Kind: receive.Bearer, File: file + ".old"}).Check(); err == nil || !strings.Contains(err.Error(), "cannot be read (no such file") {
		t.Errorf("without a file: %v", err)
	}
}

// TestFilesAreReadAgain follows a key through what may happen to its file.
func TestFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		of := func(name string) string { return secretOf(receive.Bearer, name) }
		remove := func() {
			if err := os.Remove(filepath.Join(s.dir, "blog")); err != nil {
				t.Fatal(err)
			}
		}
		replace := func(by string) {
			remove()
			if err := os.Symlink(by, filepath.Join(s.dir, "blog")); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			name    string
			change  func()
			good    []string
			bad     []string
			logged  string // in the only line; empty: nothing
			problem string
		}{
			{"nothing", func() {}, []string{"blog"}, []string{"new"}, "", ""},
			{"a second secret", func() { s.write("blog", of("blog")+"\n"+of("new")) }, []string{"blog", "new"}, nil, "were replaced", ""},
			{"the first is removed", func() { s.write("blog", of("new")) }, []string{"new"}, []string{"blog"}, "were replaced", ""},
			{"with a line that is too short", func() { s.write("blog", "short-secret-key\n"+of("new")+"\n"+of("other")) }, []string{"new", "other"}, []string{"short-secret-key"},
				"only those that can be read in its file are", "under 128 bits"},
			{"one is removed, the line stays", func() { s.write("blog", "short-secret-key\n"+of("other")) }, []string{"other"}, []string{"new"}, "", "under 128 bits"},
			{"the line alone", func() { s.write("blog", "short-secret-key") }, nil, []string{"short-secret-key", "other"}, "", "under 128 bits"},
			{"as it was", func() { s.write("blog", of("new")) }, []string{"new"}, nil, "can be read again", ""},
			{"emptied", func() { s.write("blog", "") }, nil, []string{"new"}, "has no secret", "has no secret"},
			{"removed", remove, nil, []string{"new"}, "no such file or directory", "no such file or directory"},
			{"no file", func() { s.write("blog", ""); replace("/dev/null") }, nil, []string{"new"}, "is not a file", "is not a file"},
			{"as it was once more", func() { remove(); s.write("blog", of("new")) }, []string{"new"}, nil, "can be read again", ""},
			{"cannot be read", func() { replace("blog") }, []string{"new"}, nil, "those that were read last stay good until they can", "too many levels of symbolic links"},
			{"gone, after it could not be read", remove, nil, []string{"new"}, "no such file or directory", "no such file or directory"},
			{"the secret of another key", func() { s.write("blog", secretOf(receive.Superdesk, "superdesk")+"\n"+of("new")) }, []string{"new"}, []string{"superdesk"},
				`key \"blog\" has a secret of key \"superdesk\" too`, `key "blog" has a secret of key "superdesk" too: write another`},
			{"another", func() { s.write("blog", of("newest")) }, []string{"newest"}, []string{"new"}, "can be read again", ""},
		} {
			step.change()
			time.Sleep(5 * time.Second) // twice would be enough, and the third logs nothing
			synctest.Wait()
			for _, name := range step.good {
				if sender, err := s.admit(bearer(of(name))); err != nil || sender.Name != "blog" {
					t.Errorf("%s: %s is refused: %v", step.name, name, err)
				}
			}
			for _, name := range step.bad {
				if _, err := s.admit(bearer(of(name))); err == nil {
					t.Errorf("%s: %s is admitted", step.name, name)
				}
			}
			text := s.logged()
			if strings.Count(text, "\n") != min(1, len(step.logged)) || !strings.Contains(text, step.logged) || step.logged != "" && !strings.Contains(text, "key=blog") {
				t.Errorf("%s: logged %q, want %q", step.name, text, step.logged)
			}
			if strings.Contains(text, "secret-key") {
				t.Errorf("%s: a secret is logged: %s", step.name, text)
			}
			if got := s.States()[0].Problem; !strings.Contains(got, step.problem) || (got == "") != (step.problem == "") {
				t.Errorf("%s: the problem is %q, want %q", step.name, got, step.problem)
			}
			if got := s.metric("gallerywire_intake_key_unreadable", "blog"); got != float64(min(1, len(step.problem))) {
				t.Errorf("%s: the metric of the problem is %v", step.name, got)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTwoKeysCanSwapTheirSecrets(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: []receive.Key{{Name: "a", Kind: receive.Bearer}, {Name: "b", Kind: receive.Bearer}, {Name: "c", Kind: receive.Bearer}}})
	of := func(name string) string { return secretOf(receive.Bearer, name) }
	owners := func(want map[string]string) {
		t.Helper()
		for secret, key := range want {
			sender, err := s.admit(bearer(of(secret)))
			if sender.Name != key || (err == nil) != (key != "") {
				t.Errorf("%s is the secret of %q (%v), want %q", secret, sender.Name, err, key)
			}
		}
	}
	s.write("a", of("b"))
	s.write("b", of("a"))
	s.Reload()
	owners(map[string]string{"a": "b", "b": "a", "c": "c"})
	s.write("a", of("new"))
	s.write("c", of("new"))
	for range 2 {
		s.Reload()
		owners(map[string]string{"a": "b", "b": "", "c": "", "new": ""}) // it cannot say who sends
	}
	s.write("c", of("c"))
	s.write("b", of("new")+"\n"+of("a"))
	s.Reload()
	s.write("b", of("a"))
	s.Reload()
	owners(map[string]string{"a": "b", "c": "c", "new": "a"})
	s.write("c", of("new"))
	s.Reload()
	owners(map[string]string{"c": "", "new": "a"}) // that of the key that had it
	for _, k := range s.States() {
		if (k.Problem != "") != (k.Name == "c") {
			t.Errorf("%s has the problem %q", k.Name, k.Problem)
		}
	}
}

func TestReloadCountsWhenItReturns(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
	s.write("blog", secretOf(receive.Bearer, "new"))
	s.Reload()
	if _, err := s.admit(bearer(secretOf(receive.Bearer, "new"))); err != nil {
		t.Error(err)
	}
}

func TestLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()[:2]})
		time.Sleep(time.Hour)
		if _, err := s.admit(bearer(secretOf(receive.Bearer, "blog"))); err != nil {
			t.Fatal(err)
		}
		want := []receive.KeyState{
			{Name: "blog", Kind: receive.Bearer, IDPrefix: "blog-", Used: start.Add(time.Hour)},
			{Name: "hooks", Kind: receive.StandardWebhooks, IDPrefix: "hooks-"},
		}
		if diff := cmp.Diff(want, s.States()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for name, at := range map[string]time.Time{"blog": start.Add(time.Hour), "hooks": start} {
			if got := s.metric("gallerywire_intake_key_last_request_timestamp_seconds", name); got != float64(at.Unix()) {
				t.Errorf("%s: %v, want %s", name, got, at)
			}
		}
	})
}
