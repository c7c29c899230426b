package event

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// validCloudEvent reads an event as a stranger would (CloudEvents 1.0 §3).
func validCloudEvent(t *testing.T, e CloudEvent) map[string]any {
	t.Helper()
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for name, value := range members {
		if name != strings.ToLower(name) || value == nil || value == "" {
			t.Errorf("member %q is %v", name, value)
		}
	}
	if members["specversion"] != "1.0" || members["id"] == nil || members["type"] == nil {
		t.Errorf("not a CloudEvent: %s", data)
	}
	if source, err := url.Parse(members["source"].(string)); err != nil || source.Host != "news.example.com" {
		t.Errorf("source %q: %v", members["source"], err)
	}
	if _, err := time.Parse(time.RFC3339, members["time"].(string)); err != nil {
		t.Errorf("time: %v", err)
	}
	return members
}

func TestUpdateIsACloudEvent(t *testing.T) {
	changed := arrived.In(time.FixedZone("", 3600))
	got := validCloudEvent(t, NewUpdate("n-1", "news.example.com", Update{
		Feed: "all", Changed: changed, Added: []string{"a"}, Removed: []string{"b", "c"},
		Formats: map[string]Address{
			"rss":  {URL: "https://news.example.com/feeds/all.rss", ETag: `"1"`},
			"atom": {URL: "https://news.example.com/feeds/all.atom", ETag: `"2"`},
		},
	}))
	want := map[string]any{
		"specversion": "1.0", "id": "n-1", "source": "//news.example.com", "type": "feed.updated", "subject": "all",
		"time": "2026-11-20T12:00:00Z", "datacontenttype": "application/json",
		"data": map[string]any{
			"feed": "all", "changed": "2026-11-20T13:00:00+01:00",
			"galleries_added": []any{"a"}, "galleries_changed": []any{}, "galleries_removed": []any{"b", "c"},
			"formats": map[string]any{
				"rss":  map[string]any{"url": "https://news.example.com/feeds/all.rss", "etag": `"1"`},
				"atom": map[string]any{"url": "https://news.example.com/feeds/all.atom", "etag": `"2"`},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("feed.updated (-want +got):\n%s", diff)
	}
}

// Publishers may subscribe to feed.>, so that nothing about a partner may be there.
func TestEventsAboutAPartnersFeedHaveSubjectsOfTheirOwn(t *testing.T) {
	for feed, partners := range map[string]bool{
		"all": false, "partners": false, "sections/partners": false, "tags/partners": false,
		"partners/msn": true, "partners/msn/galleries/a": true,
	} {
		if OfPartner(feed) != partners {
			t.Errorf("%s is one of a partner: %v", feed, !partners)
		}
		for _, e := range []CloudEvent{NewUpdate("n-1", "news.example.com", Update{Feed: feed}), NewFailed("f-1", "news.example.com", Failed{Feed: feed})} {
			if got := strings.HasPrefix(e.Type, "partner."); got != partners || !got && !strings.HasPrefix(e.Type, "feed.") {
				t.Errorf("%s of %s", e.Type, feed)
			}
		}
	}
}

func TestFailedIsACloudEvent(t *testing.T) {
	got := validCloudEvent(t, NewFailed("f-1", "news.example.com", Failed{
		Channel: "webhook", Target: "partner", Feed: "all", Notice: "n-1", Attempts: 8,
		First: arrived.Add(-time.Hour), Last: arrived, Reason: "answered 500 Internal Server Error",
	}))
	want := map[string]any{
		"specversion": "1.0", "id": "f-1", "source": "//news.example.com", "type": "feed.notice.failed", "subject": "all",
		"time": "2026-11-20T12:00:00Z", "datacontenttype": "application/json",
		"data": map[string]any{
			"channel": "webhook", "target": "partner", "feed": "all", "id": "n-1", "attempts": 8.0,
			"first": "2026-11-20T11:00:00Z", "last": "2026-11-20T12:00:00Z", "reason": "answered 500 Internal Server Error",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("feed.notice.failed (-want +got):\n%s", diff)
	}
}

func TestAWebhookTestHasTheShapeOfAnUpdate(t *testing.T) {
	u := Update{Feed: "all", Changed: arrived}
	got := validCloudEvent(t, NewWebhookTest("t-1", "news.example.com", u))
	want := validCloudEvent(t, NewUpdate("t-1", "news.example.com", u))
	want["type"] = "gallerywire.test"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gallerywire.test (-want +got):\n%s", diff)
	}
}

func TestRejectedIsACloudEvent(t *testing.T) {
	ps := refusal(t, Message{Data: []byte(`{"id":"a"}`)})
	got := validCloudEvent(t, NewRejected("r-1", "news.example.com", Refusal{
		Subject: "article.published", Event: "e-1", Source: "//cms", Gallery: "a", Stored: arrived, Sequence: 12, Reject: 7, Problems: ps,
	}))
	want := map[string]any{
		"specversion": "1.0", "id": "r-1", "source": "//news.example.com", "type": "article.rejected", "subject": "a",
		"time": "2026-11-20T12:00:00Z", "datacontenttype": "application/json",
		"data": map[string]any{
			"subject": "article.published", "event": "e-1", "source": "//cms", "gallery": "a", "stored": "2026-11-20T12:00:00Z", "reject": 7.0, "sequence": 12.0,
			"problems": []any{
				map[string]any{"place": "/title", "reason": "missing or blank"},
				map[string]any{"place": "/published", "reason": "missing: state an instant such as 2026-11-20T09:00:00Z"},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("article.rejected (-want +got):\n%s", diff)
	}
}

func TestRejectedOfNoiseIsACloudEvent(t *testing.T) {
	got := validCloudEvent(t, NewRejected("r-1", "news.example.com", Refusal{
		Subject: "article.\xff", Stored: arrived, Problems: gallery.Problems{{Reason: "invalid \xff"}},
	}))
	if _, there := got["subject"]; there {
		t.Errorf("a subject of nothing: %v", got)
	}
}

func TestEqualEventsAreEqualBytes(t *testing.T) {
	update := func() []byte {
		formats := map[string]Address{}
		for _, f := range []string{"json", "rss", "atom", "x", "y", "z"} {
			formats[f] = Address{URL: f, ETag: f}
		}
		data, err := NewUpdate("1", "site", Update{Feed: "all", Changed: arrived, Formats: formats}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	want := update()
	for range 20 {
		if got := update(); !bytes.Equal(got, want) {
			t.Fatalf("once\n%s\nand once\n%s", want, got)
		}
	}
}
