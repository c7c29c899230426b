package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// openAPI is the document that a node serves, and what of it was seen.
type openAPI struct {
	document any
	schemas  *jsonschema.Compiler
	seen     map[string]bool
	feeds    []seenFeed
}

// seenFeed is a document of a feed, of which there will be a difference.
type seenFeed struct {
	path, target, tag string
	headers           []string
}

func newOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(event.OpenAPI()))
	if err != nil {
		t.Fatal(err)
	}
	d := &openAPI{document, jsonschema.NewCompiler(), map[string]bool{}, nil}
	if err := d.schemas.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return d
}

// at returns the object at a pointer, or at the one that it refers to, and that pointer.
func (d *openAPI) at(pointer string) (map[string]any, string) {
	v := d.document
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, _ := v.(map[string]any)
		v = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	object, _ := v.(map[string]any)
	if ref, ok := object["$ref"].(string); ok {
		return d.at(strings.TrimPrefix(ref, "#"))
	}
	return object, pointer
}

func escape(name string) string { return strings.ReplaceAll(name, "/", "~1") }

// check holds an answer to what the document says of it: as a status of its own, or as one
// of its class.
func (d *openAPI) check(t *testing.T, method, path string, resp *http.Response, body []byte) {
	t.Helper()
	operation := "/paths/" + escape(path) + "/" + strings.ToLower(method)
	name := fmt.Sprint(resp.StatusCode)
	described, at := d.at(operation + "/responses/" + name)
	if described == nil {
		name = name[:1] + "XX"
		described, at = d.at(operation + "/responses/" + name)
	}
	if described == nil {
		t.Errorf("%s %s: %s is not in the document: %s", method, path, resp.Status, body)
		return
	}
	d.seen[operation+" "+name] = true
	headers, _ := described["headers"].(map[string]any)
	for name := range headers {
		if resp.Header.Get(name) == "" {
			t.Errorf("%s %s: %s without %s", method, path, resp.Status, name)
		}
	}
	content, _ := described["content"].(map[string]any)
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if described, ok := content[mediaType].(map[string]any); !ok && content != nil {
		t.Errorf("%s %s: %s has the Content-Type %s", method, path, resp.Status, mediaType)
	} else if described["schema"] != nil {
		s, err := d.schemas.Compile("openapi.json#" + at + "/content/" + escape(mediaType) + "/schema")
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = s.Validate(v)
		}
		if err != nil {
			t.Errorf("%s %s: %s: %v: %s", method, path, resp.Status, err, body)
		}
	}
}

// ask sends a request to the target, which is at that path of the document. Headers are
// "Name: value".
func (d *openAPI) ask(t *testing.T, base, method, path, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // follows nothing
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	d.check(t, method, path, resp, text)
	return resp, string(text)
}

// operations are all that the document has: "/paths/…/get 200".
func (d *openAPI) operations() (all []string) {
	paths, _ := d.at("/paths")
	for path := range paths {
		methods, _ := d.at("/paths/" + escape(path))
		for method := range methods {
			responses, _ := d.at("/paths/" + escape(path) + "/" + method + "/responses")
			for status := range responses {
				all = append(all, "/paths/"+escape(path)+"/"+method+" "+status)
			}
		}
	}
	slices.Sort(all)
	return all
}

// A real node gives every answer that the document names, and no other, as it says.
func TestOpenAPIIsWhatIsServed(t *testing.T) {
	t.Parallel()
	d, partnerKeys, key := newOpenAPI(t), []string{credential.NewKey(), credential.NewKey()}, "a-key-of-a-test-0123456789abcdef"
	intake := fmt.Sprintf("intake: {requests_per_minute: 100, keys: [{name: cms, kind: bearer, secret_file: %q, id_prefix: \"wp-\"}, {name: any, kind: bearer, secret: \"%s\"}]}\n",
		keyFile(t, key), strings.Repeat("another-", 4))
	node := serve(t, oneFeed+callsLoopback+intake+fmt.Sprintf(`
archive: {page: 10}
feeds: [{name: all, items: 10, aliases: [former]}]
partners:
  - {name: alpha, items: 10, access: {path_keys: true, keys: [{name: a, secret_file: %q}]}}
  - {name: beta, access: {path_keys: true, keys: [{name: a, secret_file: %q}], networks: [192.0.2.0/24]}}
nats: {embedded: {listen: "127.0.0.1:0"}}`, keyFile(t, partnerKeys[0]), keyFile(t, partnerKeys[1])))
	node.ready()
	d.events(t, node, key)
	d.readers(t, node)
	d.partners(t, node, partnerKeys)
	d.differences(t, node, key)
	d.withoutEvents(t, key)
	starting := httptest.NewServer(web.Starting(web.Options{Ready: func() []error { return []error{io.EOF} }}))
	defer starting.Close()
	for _, one := range d.operations() {
		operation, status, _ := strings.Cut(one, " ")
		path, method := operation[len("/paths/"):strings.LastIndex(operation, "/")], operation[strings.LastIndex(operation, "/")+1:]
		if path = strings.ReplaceAll(path, "~1", "/"); status == "503" && !strings.HasPrefix(path, "/events") {
			d.ask(t, starting.URL, strings.ToUpper(method), path, path, "")
		}
		if !d.seen[one] {
			t.Errorf("%s was not answered", one)
		}
	}
}

// events sends all that senders of events do, and first what the document shows.
func (d *openAPI) events(t *testing.T, node *process, key string) {
	paths, _ := d.at("/paths")
	const asJSON = "Content-Type: application/json"
	bearer, other := "Authorization: Bearer "+key, "Authorization: Bearer "+strings.Repeat("another-", 4)
	begin := time.Now().UTC().Add(-time.Hour)
	for path := range paths {
		if !strings.HasPrefix(path, "/events") {
			continue
		}
		content, _ := d.at("/paths/" + escape(path) + "/post/requestBody/content")
		for mediaType := range content {
			shown, at := d.at("/paths/" + escape(path) + "/post/requestBody/content/" + escape(mediaType) + "/examples")
			for name := range shown {
				example, _ := d.at(at + "/" + name)
				body, err := json.Marshal(example["value"])
				if err != nil {
					t.Fatal(err)
				}
				if resp, answer := d.ask(t, node.http, "POST", path, path, string(body), other, "Content-Type: "+mediaType); resp.StatusCode != http.StatusAccepted {
					t.Errorf("%s, example %s: %s: %s", path, name, resp.Status, answer)
				}
			}
		}
		for status, answers := range map[int][]string{ // body, headers
			400: {`{"id":"wp-1"`, bearer, asJSON},
			401: {"{}", bearer + "x", asJSON},
			403: {galleryJSON("x-1", "Of another", "Travel", begin, 1), bearer, asJSON},
			413: {`{"id":"` + strings.Repeat("x", 2<<20) + `"}`, bearer, asJSON},
			415: {"{}", bearer, "Content-Type: text/plain"},
		} {
			if resp, answer := d.ask(t, node.http, "POST", path, path, answers[0], answers[1:]...); resp.StatusCode != status {
				t.Errorf("%s: %s, want %d: %s", path, resp.Status, status, answer)
			}
		}
	}
	var batch []string
	for i := range 100 {
		one := galleryJSON(fmt.Sprintf("wp-%d", i%25), "Harbour lights", "Travel & Food", begin.Add(time.Duration(i)*time.Second), 1)
		batch = append(batch, fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/x","type":"article.published","data":%s}`, i, one))
	}
	inBatch := "Content-Type: application/cloudevents-batch+json"
	for _, id := range []string{"wp-tagged", "wp-tagged-too"} {
		d.ask(t, node.http, "POST", "/events", "/events", tagged(id, "Tagged", begin), other, asJSON)
	}
	d.ask(t, node.http, "POST", "/events", "/events", "["+strings.Join(batch[:25], ",")+"]", other, inBatch)
	d.ask(t, node.http, "POST", "/events", "/events", "["+batch[0]+`,{"specversion":"1.0"}]`, other, inBatch)
	d.ask(t, node.http, "POST", "/events", "/events/article.unpublished", `{"id":"wp-24","updated":"`+time.Now().UTC().Format(time.RFC3339)+`"}`, other, asJSON)
	for path := range paths {
		if strings.HasPrefix(path, "/events") { // its type goes before the address
			d.ask(t, node.http, "POST", path, path, "["+strings.Join(batch, ",")+"]", other, inBatch)
		}
	}
	d.ask(t, node.http, "OPTIONS", "/events", "/events", "", "WebHook-Request-Origin: cms.example.com", "WebHook-Request-Rate: 10")
}

// tagged is an event about a gallery with a tag and an author.
func tagged(id, title string, updated time.Time) string {
	return `{"tags":["a & b"],"authors":[{"name":"A. Writer"}],` + galleryJSON(id, title, "Travel & Food", updated, 1)[1:]
}

var (
	archivePage = regexp.MustCompile(`/feeds/all/archive/[^"]+\.atom`)
	partnerPage = regexp.MustCompile(`/archive/[^"]+\.atom`)
)

// readers reads all that is public.
func (d *openAPI) readers(t *testing.T, node *process) {
	read := func(path, target string, headers ...string) (*http.Response, string) {
		resp, body := d.ask(t, node.http, "GET", path, target, "", headers...)
		if tag := resp.Header.Get("ETag"); tag != "" {
			d.ask(t, node.http, "GET", path, target, "", "If-None-Match: "+tag)
			d.feeds = append(d.feeds, seenFeed{path, target, tag, nil})
		}
		if head, err := http.Head(node.http + target); resp.StatusCode == http.StatusOK && (err != nil || head.StatusCode != resp.StatusCode) {
			t.Errorf("HEAD %s: %v %v", target, head, err)
		}
		return resp, body
	}
	node.eventually("the last gallery is down", func() bool {
		resp, _ := node.get("/galleries/wp-24.rss")
		return resp.StatusCode == http.StatusGone
	})
	for path, targets := range map[string][]string{
		"/feeds/{file}":     {"/feeds/all.rss", "/feeds/all.json", "/feeds/all", "/feeds/former.atom", "/feeds/none.rss"},
		"/galleries/{file}": {"/galleries/wp-1.rss", "/galleries/wp-1", "/galleries/wp-24.atom", "/galleries/none"},
		"/feeds.opml":       {"/feeds.opml"}, "/": {"/"}, "/galleries": {"/galleries"}, "/sitemap.xml": {"/sitemap.xml"}, "/hub": {"/hub"},
		"/openapi.json": {"/openapi.json"}, "/asyncapi.json": {"/asyncapi.json"}, "/schemas/gallery.json": {"/schemas/gallery.json"},
		"/healthz": {"/healthz"}, "/readyz": {"/readyz"},
	} {
		for _, target := range targets {
			read(path, target)
		}
	}
	_, document := read("/feeds/{file}", "/feeds/all.atom")
	page := archivePage.FindString(document)
	for _, target := range []string{page, strings.Replace(page, "/all/", "/former/", 1), "/feeds/all/archive/none.atom"} {
		read("/feeds/{name}/archive/{page}", target)
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	topic := "&hub.topic=https://news.example.com/feeds/all.rss"
	d.ask(t, node.http, "POST", "/hub", "/hub", "hub.mode=subscribe&hub.callback=http://127.0.0.1:1/"+topic, form)
	d.ask(t, node.http, "POST", "/hub", "/hub", "hub.mode=publish"+strings.Replace(topic, "topic", "url", 1), form)
	d.ask(t, node.http, "POST", "/hub", "/hub", "hub.mode=dance", form)
	for path, target := range map[string]string{"/sections/{file}": "/sections/travel-food", "/tags/{file}": "/tags/a-b", "/authors/{file}": "/authors/a-writer"} {
		moved, _ := read(path, target+".rss")
		read(path, strings.TrimPrefix(moved.Header.Get("Location"), "https://news.example.com"))
		read(path, target+"-none.rss")
	}
}

func (d *openAPI) partners(t *testing.T, node *process, keys []string) {
	_, document := d.ask(t, node.http, "GET", "/partners/{partner}/{file}", "/partners/alpha/feed.atom", "", "Authorization: Bearer "+keys[0])
	for path, target := range map[string]string{
		"/partners/{partner}/{file}": "/feed.json", "/partners/{partner}/changes.json": "/changes.json",
		"/partners/{partner}/archive/{page}": partnerPage.FindString(document), "/partners/{partner}/galleries/{file}": "/galleries/wp-1.json",
	} {
		bearer := "Authorization: Bearer " + keys[0]
		ask := func(target string, headers ...string) *http.Response {
			resp, _ := d.ask(t, node.http, "GET", path, "/partners/"+target, "", headers...)
			return resp
		}
		tag := ask("alpha"+target, bearer).Header.Get("ETag")
		ask("alpha"+target, bearer, "If-None-Match: "+tag)
		ask("alpha" + target)
		ask("nobody" + target)
		ask("beta"+target, "Authorization: Bearer "+keys[1])
		d.feeds = append(d.feeds, seenFeed{path, "/partners/alpha" + target, tag, []string{bearer}})
		ask("alpha"+target+"?since=none", bearer)
		for range 40 {
			ask("alpha"+target, bearer+"x", "X-Forwarded-For: 203.0.113.9")
		}
	}
	const path = "/partners/{partner}/~{key}/{file}"
	for _, target := range []string{"alpha/~" + keys[0], "alpha/~" + keys[0] + "x", "beta/~" + keys[1]} {
		target = "/partners/" + target + "/feed.json"
		resp, _ := d.ask(t, node.http, "GET", path, target, "")
		if tag := resp.Header.Get("ETag"); tag != "" {
			d.ask(t, node.http, "GET", path, target, "", "If-None-Match: "+tag)
			d.feeds = append(d.feeds, seenFeed{path, target, tag, nil})
		}
	}
	for range 40 {
		d.ask(t, node.http, "GET", path, "/partners/alpha/~"+keys[0]+"x/feed.json", "", "X-Forwarded-For: 203.0.113.10")
	}
}

// differences reads what was read before, after a correction of what is in all of it.
func (d *openAPI) differences(t *testing.T, node *process, key string) {
	d.ask(t, node.http, "POST", "/events", "/events", tagged("wp-tagged", "Corrected", time.Now().UTC()), "Authorization: Bearer "+key, "Content-Type: application/json")
	node.eventually("the correction is served", func() bool {
		_, body := node.get("/feeds/all.atom")
		return strings.Contains(body, "Corrected")
	})
	for _, f := range d.feeds {
		d.ask(t, node.http, "GET", f.path, f.target, "", append([]string{"A-IM: feed", "If-None-Match: " + f.tag}, f.headers...)...)
	}
}

// withoutEvents sends events to a node that takes none, and to one that cannot store them.
func (d *openAPI) withoutEvents(t *testing.T, key string) {
	closed := serve(t, oneFeed+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	server := brokertest.Server(t)
	away := serve(t, oneFeed+fmt.Sprintf("intake: {keys: [{name: cms, kind: bearer, secret_file: %q}]}\nnats: {url: %q}", keyFile(t, key), server.URL()))
	closed.ready()
	away.ready()
	server.Stop()
	for _, path := range []string{"/events", "/events/article.published", "/events/article.unpublished"} {
		for _, node := range []*process{closed, away} {
			d.ask(t, node.http, "POST", path, path, galleryJSON("a", "Harbour lights", "Travel", time.Now(), 1), "Content-Type: application/json", "Authorization: Bearer "+key)
		}
	}
	d.ask(t, closed.http, "OPTIONS", "/events", "/events", "")
}
