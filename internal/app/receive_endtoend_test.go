package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sendTo sends an event to the node, and returns the answer.
func sendTo(t *testing.T, node *process, method, path, key, body string, headers ...string) (status int, answer map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, node.http+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return resp.StatusCode, answer
}

func TestEventsOverHTTPAreThoseOverNATS(t *testing.T) {
	t.Parallel()
	config, key := keyed(t)
	node := serve(t, oneFeed+strings.Replace(config, "name: cms", `name: cms, id_prefix: "wp-"`, 1)+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	shows := func(what, text string, yes bool) {
		t.Helper()
		node.eventually(what, func() bool {
			_, body := node.get("/feeds/all.atom")
			return strings.Contains(body, text) == yes
		})
	}
	now := time.Now().UTC().Add(-time.Hour)
	if status, answer := sendTo(t, node, "POST", "/events", key, galleryJSON("wp-1", "Harbour lights", "Travel", now, 3)); status != 202 || answer["stream"] != "ARTICLES" || answer["sequence"] != 1.0 {
		t.Fatalf("answered %d %v", status, answer)
	}
	shows("the gallery is there", "Harbour lights", true)

	// An id that the CMS uses again, with other content, loses nothing.
	event := func(title string, after time.Duration) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"again","source":"/blog","type":"article.published","data":%s}`, galleryJSON("wp-1", title, "Travel", now.Add(after), 3))
	}
	for i, title := range []string{"Harbour at dusk", "Harbour at dawn"} {
		status, answer := sendTo(t, node, "POST", "/events", key, event(title, time.Duration(i+1)*time.Second), "Content-Type: application/cloudevents+json")
		if status != 202 || answer["duplicate"] != false {
			t.Fatalf("answered %d %v", status, answer)
		}
	}
	shows("the last correction counts", "Harbour at dawn", true)
	for _, kind := range []string{"article.published", "article.unpublished"} {
		status, answer := sendTo(t, node, "POST", "/events", key, galleryJSON("wp-1", "Harbour at dawn", "Travel", now.Add(3*time.Second), 3),
			"Ce-Specversion: 1.0", "Ce-Id: again", "Ce-Source: /blog", "Ce-Type: "+kind)
		if status != 202 || answer["duplicate"] != false {
			t.Fatalf("%s: answered %d %v", kind, status, answer)
		}
	}
	shows("it is taken down", "Harbour at dawn", false)

	for _, c := range []struct {
		method, path, key, body string
		status                  int
	}{
		{"POST", "/events", key + "x", galleryJSON("wp-2", "Refused", "Travel", now, 1), 401},
		{"POST", "/events", key, galleryJSON("x-2", "Refused", "Travel", now, 1), 403},
		{"POST", "/events", key, `{"id":"wp-2","title":"Refused"}`, 400},
		{"PUT", "/events", key, galleryJSON("wp-2", "Refused", "Travel", now, 1), 405},
		{"GET", "/events", key, "", 405},
	} {
		if status, answer := sendTo(t, node, c.method, c.path, c.key, c.body); status != c.status || answer["status"] != float64(c.status) {
			t.Errorf("%+v: answered %d %v", c, status, answer)
		}
	}
	if got := node.metric("gallerywire_events_total", `outcome="stored"`); got != 5 {
		t.Errorf("%v events were stored, want 5", got)
	}
	if logs := node.logs.String(); strings.Contains(logs, key) {
		t.Errorf("the key is logged:\n%s", logs)
	}
}
