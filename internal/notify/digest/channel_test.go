package digest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
)

func TestTakenDownGalleryNotSent(t *testing.T) {
	t.Parallel()
	s, chat := withoutStore(t), newChat(t)
	n := s.node(to(chat.address()))
	notice := s.noticeOf("a", "b")
	s.takeDown("b")
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	s.takeDown("a")
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	if len(chat.posts) != 1 || strings.Contains(chat.posts[0], "Gallery b") || !strings.Contains(chat.posts[0], "Gallery a") {
		t.Errorf("posted %q", chat.posts)
	}
}

func TestUnreadableGalleryRetried(t *testing.T) {
	t.Parallel()
	s := withoutStore(t)
	n := s.node()
	notice := s.noticeOf("a")
	s.fail(errAway)
	if _, err := n.Pack(t.Context(), notice); !errors.Is(err, errAway) || errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	s := withoutStore(t)
	n := s.node(to(
		"smtp://user:s3cr3t@mail.example.com:587/?from=a@example.com&to=b@example.com,c@example.com",
		"smtp://user:rotated@mail.example.com:587/?from=a@example.com&to=b@example.com", // the same mailbox
		"discord://s3cr3t@123456789",
		"generic+https://hooks.example.com/s3cr3t",
		"telegram://123:s3cr3t@telegram?chats=@channel",
	))
	var names []string
	for _, to := range n.targets(outbox.Notice{About: "travel"}) {
		names = append(names, to.Name+" at "+to.Host)
		if len(to.Key) != 30 || to.Endpoint != "digest."+to.Key {
			t.Errorf("target %+v", to)
		}
		if again, ok := n.Target(outbox.Notice{About: "travel"}, to.Key); !ok || again != to {
			t.Errorf("found %+v, want %+v", again, to)
		}
	}
	want := []string{
		"smtp mail.example.com:587 at mail.example.com", "smtp mail.example.com:587 at mail.example.com",
		"discord at discord", "generic hooks.example.com at hooks.example.com", "telegram at telegram",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if _, ok := n.Target(outbox.Notice{About: "travel"}, "gone"); ok || len(n.targets(outbox.Notice{About: "gone"})) != 0 {
		t.Error("found a target that is none")
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	n := withoutStore(t).node()
	notice := func(id, data string) outbox.Notice {
		return outbox.Notice{Channel: "digest", About: "travel", ID: id, Data: []byte(data)}
	}
	for _, c := range []struct{ name, old, newer, want string }{
		{"both", `{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["b","a"]}`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["c","b"],"more":1}`,
			`{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["c","b","a"],"more":1}`},
		{"more", `{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["a"],"more":2}`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b"]}`,
			`{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b","a"],"more":2}`},
		{"unreadable", `?`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b"]}`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(notice("2", c.want), n.Merge(notice("1", c.old), notice("2", c.newer))); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
		})
	}
	many := notice("1", `{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["`+strings.Repeat(`x","`, 1)+`y"]}`)
	for i := range 300 {
		many = n.Merge(many, notice(fmt.Sprint(i), fmt.Sprintf(`{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["g%d"]}`, i)))
	}
	if !strings.HasSuffix(string(many.Data), `"more":202}`) || strings.Count(string(many.Data), ",") > 110 {
		t.Errorf("merged %s", many.Data)
	}
}
