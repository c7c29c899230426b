package feed

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// members of JSON Feed 1.1, by the object that they are in.
func jsonMembers() map[string]string {
	return map[string]string{
		"":             "version title home_page_url feed_url description next_url icon favicon authors language hubs items",
		".items[]":     "id url title content_html content_text summary image banner_image date_published date_modified authors tags language attachments",
		".authors[]":   "name url",
		".hubs[]":      "type url",
		".attachments": "url mime_type title size_in_bytes",
	}
}

func checkJSONFeed(t testing.TB, body []byte) {
	t.Helper()
	var feed map[string]any
	if err := json.Unmarshal(body, &feed); err != nil {
		t.Fatalf("json is not well-formed: %v\n%s", err, body)
	}
	items, ok := feed["items"].([]any)
	if !ok || feed["version"] != "https://jsonfeed.org/version/1.1" || feed["title"] == nil {
		t.Fatalf("version %q, title %q, items %T", feed["version"], feed["title"], feed["items"])
	}
	checkFilled(t, "", feed)
	checkHubs(t, feed)
	checkNames(t, "", feed)
	var ids []string
	for _, item := range items {
		ids = append(ids, checkJSONItem(t, item.(map[string]any)))
	}
	checkUnique(t, ids)
}

// checkHubs checks that each hub has a type and is listed once.
func checkHubs(t testing.TB, feed map[string]any) {
	t.Helper()
	hubs, _ := feed["hubs"].([]any)
	var addresses []string
	for _, hub := range hubs {
		h, _ := hub.(map[string]any)
		address, _ := h["url"].(string)
		if h["type"] != "WebSub" || address == "" {
			t.Errorf("hub %v", hub)
		}
		addresses = append(addresses, address)
	}
	checkUnique(t, addresses)
}

func checkJSONItem(t testing.TB, item map[string]any) (id string) {
	t.Helper()
	html, _ := item["content_html"].(string)
	text, _ := item["content_text"].(string)
	if html == "" && text == "" {
		t.Error("an item without content")
	}
	checkHarmless(t, html)
	for _, name := range []string{"date_published", "date_modified"} {
		date, _ := item[name].(string)
		checkDate(t, time.RFC3339, date)
	}
	id, _ = item["id"].(string)
	if _, ok := item["_gallerywire"].(map[string]any); !ok || id == "" {
		t.Errorf("item %q with _gallerywire %v", id, item["_gallerywire"])
	}
	return id
}

// checkFilled looks for nulls and empty values, and at every address.
func checkFilled(t testing.TB, place string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Errorf("json %s is null", place)
	case float64:
		if v <= 0 {
			t.Errorf("json %s is %v", place, v)
		}
	case string:
		checkString(t, place, v)
	case []any:
		if len(v) == 0 && place != ".items" {
			t.Errorf("json %s is empty", place)
		}
		for _, e := range v {
			checkFilled(t, place+"[]", e)
		}
	case map[string]any:
		if len(v) == 0 {
			t.Errorf("json %s is empty", place)
		}
		for k, e := range v {
			checkFilled(t, place+"."+k, e)
		}
	}
}

func checkString(t testing.TB, place, s string) {
	t.Helper()
	if s == "" {
		t.Errorf("json %s is empty", place)
	}
	switch name := place[strings.LastIndexByte(place, '.')+1:]; name {
	case "url", "home_page_url", "feed_url", "next_url", "icon", "favicon", "banner_image", "thumbnail", "license", "about", "self", "page", "image":
		checkWeb(t, place, s)
	case "language":
		checkLanguage(t, s)
	}
}

// checkNames looks for members that the specification does not know and whose
// names do not begin with an underscore.
func checkNames(t testing.TB, place string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			checkNames(t, place+"[]", e)
		}
	case map[string]any:
		known := ""
		for suffix, names := range jsonMembers() {
			if place == suffix || suffix != "" && strings.HasSuffix(strings.TrimSuffix(place, "[]"), strings.TrimSuffix(suffix, "[]")) {
				known = names
			}
		}
		for k, e := range v {
			if strings.HasPrefix(k, "_") {
				continue
			}
			if !slices.Contains(strings.Fields(known), k) {
				t.Errorf("json %s has %q, which the specification does not know", place, k)
			}
			checkNames(t, place+"."+k, e)
		}
	}
}
