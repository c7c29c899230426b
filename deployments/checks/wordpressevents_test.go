package checks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver takes events over HTTP and answers as it is told.
type receiver struct {
	mu     sync.Mutex
	status int
	body   string
	random *rand.Rand // of other answers, if it is set
	hang   bool       // no answer at all
	drop   string     // a connection on which this text comes is closed
	events []cloudEvent
}

type cloudEvent struct {
	SpecVersion string
	ID          string
	Source      string
	Type        string
	Time        string
	Data        struct {
		ID, URL, GUID, Title, Summary, Body, Language, Section, Copyright, Published, Updated string
		Version                                                                               int
		Tags                                                                                  []string
		Authors                                                                               []struct{ Name, URL, Email string }
		Slides                                                                                []struct {
			ID, Title, Caption, Credit string
			Image                      struct {
				URL, Type, Alt, Thumbnail string
				Width, Height, Bytes      int
			}
		}
	}
	request string
}

func startReceiver(t *testing.T) (*receiver, string) {
	r := &receiver{status: http.StatusAccepted}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.URL
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	event := cloudEvent{request: fmt.Sprint(req.Method, " ", req.URL.Path, " ", req.Header.Get("Authorization"), " ", req.Header.Get("Content-Type"))}
	if err := json.Unmarshal(body, &event); err != nil {
		event.ID = err.Error()
	}
	if r.drop != "" && strings.Contains(string(body), r.drop) {
		panic(http.ErrAbortHandler)
	}
	if r.hang {
		r.events = append(r.events, event)
		r.mu.Unlock()
		<-req.Context().Done() // the sender has given up
		r.mu.Lock()
		return
	}
	if r.random != nil && r.random.IntN(3) == 0 {
		w.WriteHeader([]int{500, 503, 413, 404}[r.random.IntN(4)])
		return
	}
	r.events = append(r.events, event)
	if r.random != nil && r.random.IntN(5) == 0 {
		panic(http.ErrAbortHandler) // the event is taken, and the answer is lost
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}

func (r *receiver) answer(status int, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.body = status, body
}

func (r *receiver) hanging(hang bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hang = hang
}

func (r *receiver) dropping(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop = text
}

func (r *receiver) comeAndGo(random *rand.Rand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.random = random
}

// take returns what came since the last call.
func (r *receiver) take() []cloudEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// story tells what came since the last call, a line an event.
func (r *receiver) story() string {
	var story strings.Builder
	for _, e := range r.take() {
		what := strings.TrimPrefix(e.Type, "article.")
		fmt.Fprintln(&story, strings.TrimSpace(fmt.Sprint(what, " ", e.Data.ID, " ", e.Data.Title)))
	}
	return story.String()
}

// TestWordPressSendsEvents holds the plugin to what it promises, at a receiver that answers as it is told.
func TestWordPressSendsEvents(t *testing.T) {
	r, address := startReceiver(t)
	w := newWordpress(t, address)
	steps := []struct {
		name string
		run  func(*testing.T, *wordpress, *receiver)
	}{
		{"a gallery of blocks", galleryOfBlocks},
		{"other forms of galleries", otherForms},
		{"filters of other plugins", filters},
		{"what sends nothing", silence},
		{"the life of a post", life},
		{"what a gallery is made of changes", parts},
		{"the service is away", away},
		{"the service hangs", hangs},
		{"refused", refused},
		{"one post that cannot be sent now", oneLater},
		{"one post whose connection is closed", oneDropped},
		{"rendered in another process", renderedAgain},
		{"changed while it is sent", changedMeanwhile},
		{"withdrawn while it is first built", withdrawnMeanwhile},
		{"changed without a hook", hookless},
		{"the process ends while a gallery is built", endedWhileBuilt},
		{"a proxy refuses", proxyRefuses},
		{"everything", everything},
		{"restored from a backup", restored},
		{"a copy of the site", copyOfSite},
		{"a type taken out of the settings", typeTakenOut},
		{"the page of administrators", toolsPage},
		{"many editors, and a service that comes and goes", settles},
		{"a network of sites", network}, // from here on it is one
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			here := *w
			here.t = t
			r.answer(http.StatusAccepted, "")
			step.run(t, &here, r)
			r.take()
		})
	}
}

const harbour = `
$dusk = picture('dusk', 1600, 900, ['post_title' => 'Boats come in', 'post_excerpt' => 'Caption of the file']);
$dawn = picture('dawn', 800, 600);
update_post_meta($dusk, '_wp_attachment_image_alt', 'Boats & "dusk"');
update_post_meta($dawn, 'credit', 'Agency One');
$travel = (int) (term_exists('Travel & Sea', 'category') ?: wp_insert_term('Travel & Sea', 'category'))['term_id'];
$id = save(['post_title' => 'Harbour &amp; lights', 'post_name' => 'harbour', 'post_excerpt' => "In\nshort",
  'post_content' => "<!-- wp:paragraph -->\n<p>Lead</p>\n<!-- /wp:paragraph -->\n" . gallery_block([$dusk => '', $dawn => 'The <em>dawn</em>']),
  'tags_input' => ['night', 'harbours'], 'post_category' => [$travel]]);
`

func galleryOfBlocks(t *testing.T, w *wordpress, r *receiver) {
	before := time.Now()
	id := w.post(harbour + `return $id;`)
	events := r.take()
	if len(events) != 1 {
		t.Fatalf("got %d events: %+v", len(events), events)
	}
	e := events[0]
	name := fmt.Sprint("wp-", id)
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("the gallery came after %v", took)
	}
	if e.SpecVersion != "1.0" || e.Type != "article.published" || e.Source != w.url+"/" || !strings.HasPrefix(e.ID, name+"/1/") || e.Time != e.Data.Updated {
		t.Errorf("envelope: %+v", e)
	}
	if want := "POST /events Bearer " + wordpressKey + " application/cloudevents+json; charset=utf-8"; e.request != want {
		t.Errorf("request %q, want %q", e.request, want)
	}
	g := e.Data
	got := fmt.Sprint(g.ID, "|", g.URL, "|", g.GUID, "|", g.Title, "|", g.Summary, "|", g.Body, "|", g.Language, "|", g.Section, "|", g.Tags, "|", g.Authors, "|", g.Version)
	want := fmt.Sprint(name, "|", w.url, "/2026/harbour/||Harbour & lights|In short|<p>Lead</p>|en-US|Travel & Sea|[harbours night]|[{editor ", w.url, "/author/editor/ }]|1")
	if want = regexp.MustCompile(`/20\d\d/`).ReplaceAllString(want, g.URL[len(w.url):len(w.url)+6]); got != want {
		t.Errorf("gallery\n%s, want\n%s", got, want)
	}
	if len(g.Slides) != 2 {
		t.Fatalf("slides: %+v", g.Slides)
	}
	dusk, dawn := g.Slides[0], g.Slides[1]
	if dusk.Title != "Boats come in" || dusk.Caption != "Caption of the file" || dusk.Image.Alt != `Boats & "dusk"` || dusk.Credit != "" {
		t.Errorf("first slide: %+v", dusk)
	}
	if dawn.Title != "" || dawn.Caption != "The <em>dawn</em>" || dawn.Credit != "Agency One" {
		t.Errorf("second slide: %+v", dawn)
	}
	image := dusk.Image
	res, file, err := get(image.URL)
	if err != nil || res.StatusCode != http.StatusOK || len(file) != image.Bytes || image.Width != 1600 || image.Height != 900 || image.Type != "image/jpeg" {
		t.Errorf("image %+v: %d bytes, %v", image, len(file), err)
	}
	if res, _, err := get(image.Thumbnail); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("thumbnail %s: %v", image.Thumbnail, err)
	}
}

func otherForms(t *testing.T, w *wordpress, r *receiver) {
	for name, form := range map[string]struct{ code, want string }{
		"classic with ids":                {`return save(['post_title' => 'x', 'post_content' => "Lead [gallery ids=\"$b,$a\"] tail"]);`, "b:B a:A"},
		"escaped classic":                 {`return save(['post_title' => 'x', 'post_content' => "[[gallery ids=\"$b,$a\"]] [gallery ids=\"$a\"]"]);`, "a:A"},
		"attached pictures":               {`$id = save(['post_title' => 'x', 'post_status' => 'draft']); wp_update_post(['ID' => $a, 'post_parent' => $id]); wp_update_post(['ID' => $b, 'post_parent' => $id]); return change(['ID' => $id, 'post_status' => 'publish', 'post_content' => '[gallery]']);`, "a:A b:B"},
		"block with ids only":             {`return save(['post_title' => 'x', 'post_content' => "<!-- wp:gallery {\"ids\":[$b,$a]} --><!-- /wp:gallery -->"]);`, "b:B a:A"},
		"block of WordPress 5":            {`return save(['post_title' => 'x', 'post_content' => "<!-- wp:gallery {\"ids\":[$a,$b]} --><figure class=\"wp-block-gallery\"><ul class=\"blocks-gallery-grid\"><li class=\"blocks-gallery-item\"><figure><img src=\"x.jpg\" alt=\"\" data-id=\"$a\"/><figcaption class=\"blocks-gallery-item__caption\">one</figcaption></figure></li><li class=\"blocks-gallery-item\"><figure><img src=\"y.jpg\" alt=\"\" data-id=\"$b\"/></figure></li></ul><figcaption class=\"blocks-gallery-caption\">whole</figcaption></figure><!-- /wp:gallery -->"]);`, "a:one b:B"},
		"two in a group":                  {`return save(['post_title' => 'x', 'post_content' => '<!-- wp:group --><div class="wp-block-group">' . gallery_block([$b => '']) . '</div><!-- /wp:group -->[gallery ids="' . $a . ',' . $b . '"]']);`, "b:B a:A"},
		"a shared block":                  {`$shared = save(['post_type' => 'wp_block', 'post_title' => 's', 'post_content' => gallery_block([$b => 'shared'])]); return save(['post_title' => 'x', 'post_content' => "<!-- wp:block {\"ref\":$shared} /-->"]);`, "b:shared"},
		"featured picture first":          {`$id = save(['post_title' => 'x', 'post_status' => 'draft', 'post_content' => gallery_block([$a => ''])]); set_post_thumbnail($id, $b); return change(['ID' => $id, 'post_status' => 'publish']);`, "b:B a:A"},
		"featured picture in the gallery": {`$id = save(['post_title' => 'x', 'post_status' => 'draft', 'post_content' => gallery_block([$a => '', $b => ''])]); set_post_thumbnail($id, $b); return change(['ID' => $id, 'post_status' => 'publish']);`, "a:A b:B"},
		"a picture elsewhere":             {`return save(['post_title' => 'x', 'post_content' => '<!-- wp:gallery --><figure class="wp-block-gallery"><!-- wp:image --><figure class="wp-block-image"><img src="https://img.example.com/1.jpg?a=1&amp;b=2" alt="Far"/></figure><!-- /wp:image --></figure><!-- /wp:gallery -->']);`, "https://img.example.com/1.jpg?a=1&b=2:"},
		"pictures of a hidden post":       {`$id = save(['post_title' => 'y', 'post_status' => 'private']); wp_update_post(['ID' => $a, 'post_parent' => $id]); return save(['post_title' => 'x', 'post_content' => "[gallery id=\"$id\"][gallery ids=\"$b\"]"]);`, "b:B"},
		"an address without a scheme":     {`return save(['post_title' => 'x', 'post_content' => gallery_block([$b => '']) . '<!-- wp:gallery --><figure class="wp-block-gallery"><!-- wp:image --><figure class="wp-block-image"><img src="//cdn.example.net/a.jpg"/></figure><!-- /wp:image --></figure><!-- /wp:gallery -->']);`, "b:B https://cdn.example.net/a.jpg:"},
		"own addresses without a number":  {`return save(['post_title' => 'x', 'post_content' => '<!-- wp:gallery --><figure class="wp-block-gallery"><!-- wp:image --><figure class="wp-block-image"><img src="' . wp_make_link_relative(wp_get_attachment_url($a)) . '"/></figure><!-- /wp:image --><!-- wp:image --><figure class="wp-block-image"><img src="' . wp_get_attachment_url($b) . '"/></figure><!-- /wp:image --></figure><!-- /wp:gallery -->']);`, "a:A b:B"},
		"a number of another site":        {`return save(['post_title' => 'x', 'post_content' => str_replace("\"id\":$a,", "\"id\":$b,", gallery_block([$a => 'one'])) . str_replace(wp_get_attachment_url($b), 'https://old.example.com/harbour-300x200.jpg', gallery_block([$b => '']))]);`, "a:one https://old.example.com/harbour-300x200.jpg:"},
		"a deleted and a thrown picture":  {`$gone = picture('gone', 40, 40); $html = str_replace('http://', 'https://cdn.example.com/', gallery_block([$gone => '', $a => '', $b => ''])); wp_delete_attachment($gone, true); $GLOBALS['wpdb']->update($GLOBALS['wpdb']->posts, ['post_status' => 'trash'], ['ID' => $a]); clean_post_cache($a); return save(['post_title' => 'x', 'post_content' => $html]);`, "b:B"},
		"ids that are no list":            {`return save(['post_title' => 'x', 'post_content' => "<!-- wp:gallery {\"ids\":$a} --><!-- /wp:gallery -->"]);`, "a:A"},
		"fields of a filter":              {`add_filter('gallerywire_pictures', function ($found) use ($a) { return [['id' => $a]]; }); add_filter('gallerywire_credit', function () { return 'By filter'; }); return save(['post_title' => 'x']);`, "a:A"},
	} {
		w.run(`
$a = picture('a', 40, 40, ['post_excerpt' => 'A']);
$b = picture('b', 40, 40, ['post_excerpt' => 'B']);
` + form.code)
		var got []string
		events := r.take()
		if len(events) == 0 {
			t.Errorf("%s: nothing came", name)
			continue
		}
		for _, slide := range events[len(events)-1].Data.Slides {
			picture := strings.TrimRight(strings.TrimSuffix(filepath.Base(slide.Image.URL), ".jpg"), "-0123456789")
			if strings.HasPrefix(slide.ID, "url-") {
				picture = slide.Image.URL
			}
			got = append(got, picture+":"+slide.Caption)
		}
		if strings.Join(got, " ") != form.want {
			t.Errorf("%s: slides %q, want %q", name, got, form.want)
		}
	}
}

func filters(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(`
add_filter('gallerywire_gallery', function ($gallery) { return ['copyright' => '© Example News', 'id' => 'forged'] + $gallery; });
add_filter('gallerywire_credit', function ($credit, $attachment) { return 'By ' . $attachment->post_title; }, 10, 2);
add_filter('gallerywire_authors', function () { return [['name' => 'Two writers']]; });
return save(['post_title' => 'x', 'post_content' => "<p>Lead</p>\n[gallery ids=\"" . picture('a', 40, 40) . "\"]\n\n[caption id=\"b\" width=\"300\"]<img src=\"b.jpg\" /> kept[/caption][video src=\"v.mp4\"]\n\n[[video]]"]);`)
	events := r.take()
	if len(events) != 1 {
		t.Fatalf("got %+v", events)
	}
	if g := events[0].Data; g.ID != fmt.Sprint("wp-", id) || g.Copyright != "© Example News" || !strings.HasPrefix(g.Slides[0].Credit, "By a") || g.Authors[0].Name != "Two writers" {
		t.Errorf("got %+v", g)
	}
	if body := events[0].Data.Body; !strings.Contains(body, "<p>Lead</p>") || !strings.Contains(body, ">kept<") || strings.Contains(body, "<p><div") || strings.Count(body, "[") != 1 || !strings.Contains(body, "[video]") || strings.Contains(body, "v.mp4") {
		t.Errorf("body: %s", body)
	}
	w.run(fmt.Sprintf(`add_filter('gallerywire_gallery', '__return_null'); return change(['ID' => %d]);`, id))
	if story := r.story(); story != fmt.Sprintf("unpublished wp-%d\n", id) {
		t.Errorf("hidden by a filter: %q", story)
	}
	w.run(fmt.Sprintf(`add_filter('gallerywire_pictures', function () { throw new Error('oops'); }); return change(['ID' => %d, 'post_title' => 'saved']);`, id))
	if got := fmt.Sprint(w.run(fmt.Sprintf(`return [get_post(%d)->post_title, Gallerywire\Screen::troubles()];`, id))); !strings.Contains(got, "saved") || !strings.Contains(got, "the gallery cannot be built: oops") {
		t.Errorf("after an error of another plugin: %s", got)
	}
	w.dueNow()
	w.cron()
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait at the end", n)
	}
}

func silence(t *testing.T, w *wordpress, r *receiver) {
	w.run(`
$a = picture('a', 40, 40);
save(['post_title' => 'no gallery', 'post_content' => 'text']);
$id = save(['post_title' => 'featured only', 'post_content' => 'text']);
set_post_thumbnail($id, $a);
$draft = save(['post_title' => 'draft', 'post_status' => 'draft', 'post_content' => gallery_block([$a => ''])]);
_wp_put_post_revision($draft);
wp_create_post_autosave(['post_ID' => $draft, 'post_type' => 'post', 'post_content' => 'x', 'post_title' => 'x', 'post_excerpt' => '']);
save(['post_title' => 'secret', 'post_password' => 'x', 'post_content' => gallery_block([$a => ''])]);
save(['post_title' => 'page', 'post_type' => 'page', 'post_content' => gallery_block([$a => ''])]);
return wp_delete_post($draft, true) ? 1 : 0;`)
	w.run(`define('WP_IMPORTING', true); $a = picture('a', 40, 40); return save(['post_title' => 'imported', 'post_date' => '2020-05-05 10:00:00', 'post_content' => gallery_block([$a => ''])]);`)
	if story := r.story(); story != "" {
		t.Errorf("got\n%s", story)
	}
}

func life(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(harbour + `return $id;`)
	version, updated := 0, ""
	for _, step := range []struct{ name, code, want string }{
		{"published", ``, "published"},
		{"saved without a change", `change(['ID' => $id]);`, ""},
		{"corrected", `change(['ID' => $id, 'post_title' => 'Corrected']);`, "published"},
		{"another slug", `change(['ID' => $id, 'post_name' => 'other-slug']);`, "published"},
		{"a draft again", `change(['ID' => $id, 'post_status' => 'draft']);`, "unpublished"},
		{"pending", `change(['ID' => $id, 'post_status' => 'pending']);`, ""},
		{"published again", `change(['ID' => $id, 'post_status' => 'publish']);`, "published"},
		{"private", `change(['ID' => $id, 'post_status' => 'private']);`, "unpublished"},
		{"with a password", `change(['ID' => $id, 'post_status' => 'publish', 'post_password' => 'x']);`, ""},
		{"without a password", `change(['ID' => $id, 'post_password' => '']);`, "published"},
		{"down and up in a second", `change(['ID' => $id, 'post_status' => 'draft']); Gallerywire\Sender::drain(5, 5); change(['ID' => $id, 'post_status' => 'publish']);`, "unpublished published"},
		{"its gallery removed", `change(['ID' => $id, 'post_content' => 'text']);`, "unpublished"},
		{"another gallery", `change(['ID' => $id, 'post_content' => gallery_block([picture('new', 40, 40) => ''])]);`, "published"},
		{"a deletion that is prevented", `add_action('before_delete_post', function () { throw new Exception(); }, 99); try { wp_delete_post($id, true); } catch (Exception $e) {}`, ""},
		{"the clock was wrong", `$sent = get_post_meta($id, '_gallerywire', true); $sent['updated'] = time() + DAY_IN_SECONDS - 2 * MINUTE_IN_SECONDS; update_post_meta($id, '_gallerywire', $sent); change(['ID' => $id, 'post_title' => 'Ahead']);`, "published"},
		{"trash", `wp_trash_post($id);`, "unpublished"},
		{"untrash", `wp_untrash_post($id);`, ""},
		{"published after the trash", `change(['ID' => $id, 'post_status' => 'publish']);`, "published"},
		{"scheduled", `change(['ID' => $id, 'post_date' => wp_date('Y-m-d H:i:s', time() + YEAR_IN_SECONDS), 'post_date_gmt' => gmdate('Y-m-d H:i:s', time() + YEAR_IN_SECONDS), 'edit_date' => true]);`, "published"},
		{"on time", `wp_publish_post($id);`, ""},
		{"deleted", `wp_delete_post($id, true);`, "unpublished"},
	} {
		if step.code != "" {
			w.run(fmt.Sprint(`$id = `, id, `; `, step.code, ` return 0;`))
		}
		var got []string
		for _, e := range r.take() {
			got = append(got, strings.TrimPrefix(e.Type, "article."))
			if e.Data.ID != fmt.Sprint("wp-", id) || e.Data.Version <= version || e.Data.Updated < updated {
				t.Errorf("%s: %s of version %d and %s came after %d and %s", step.name, e.Data.ID, e.Data.Version, e.Data.Updated, version, updated)
			}
			version, updated = e.Data.Version, e.Data.Updated
			if step.name == "scheduled" && (e.Data.Published <= updated || strings.Contains(e.Data.URL, "?p=")) {
				t.Errorf("scheduled: %+v", e.Data)
			}
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}

func parts(t *testing.T, w *wordpress, r *receiver) {
	w.run(harbour + `update_option('made', [$id, $dusk, $dawn, $travel]); return $id;`)
	r.take()
	for _, step := range []struct{ name, code, want string }{
		{"a caption", `wp_update_post(['ID' => $dusk, 'post_excerpt' => 'Another']);`, "Another"},
		{"an alternative text", `update_post_meta($dusk, '_wp_attachment_image_alt', 'Other boats');`, "Other boats"},
		{"a file", `update_attached_file($dusk, '2026/11/replaced.jpg');`, "replaced.jpg"},
		{"a category", `wp_update_term($travel, 'category', ['name' => 'Journeys']);`, "Journeys"},
		{"an author", `wp_update_user(['ID' => 1, 'display_name' => 'A. Writer']);`, "A. Writer"},
		{"an author who left", `$heir = wp_insert_user(['user_login' => uniqid('heir'), 'user_pass' => 'x', 'display_name' => 'The Heir']); $left = wp_insert_user(['user_login' => uniqid('left'), 'user_pass' => 'x', 'display_name' => 'Who Left']); change(['ID' => $id, 'post_author' => $left]); Gallerywire\Sender::drain(5, 5); require_once ABSPATH . 'wp-admin/includes/user.php'; wp_delete_user($left, $heir);`, "The Heir"},
		{"an author whose name is an address", `wp_update_user(['ID' => get_post($id)->post_author, 'display_name' => 'heir@example.com']);`, "Authors:[]"},
		{"a tag removed", `wp_remove_object_terms($id, 'harbours', 'post_tag');`, "[night]"},
		{"a tag less", `wp_set_post_tags($id, ['dusk']);`, "[dusk]"},
		{"a featured picture", `set_post_thumbnail($id, picture('cover', 50, 50));`, "cover"},
		{"a picture attached in the library", `$shot = picture('shot', 40, 40); change(['ID' => $id, 'post_content' => '[gallery]']); Gallerywire\Sender::drain(5, 5); attach_in_library($id, [$shot]);`, "shot"},
		{"a picture deleted", `change(['ID' => $id, 'post_content' => gallery_block([$dusk => '', $dawn => ''])]); Gallerywire\Sender::drain(5, 5); wp_delete_attachment($dawn, true);`, "cover"},
		{"a category deleted", `wp_delete_term($travel, 'category');`, "[dusk]"},
		{"another language", `wp_mkdir_p(WP_LANG_DIR); (new MO())->export_to_file(WP_LANG_DIR . '/de_DE.mo'); update_option('WPLANG', 'de_DE'); unset($GLOBALS['locale']);`, "Language:de-DE"},
		{"other permalinks", `global $wp_rewrite; $wp_rewrite->set_permalink_structure('/story/%postname%/');`, "/story/"},
	} {
		w.run(`list($id, $dusk, $dawn, $travel) = get_option('made'); ` + step.code + ` return $id;`)
		events := r.take()
		if len(events) == 0 || !strings.Contains(fmt.Sprintf("%+v", events[len(events)-1].Data), step.want) {
			t.Errorf("%s: got %+v, want %q", step.name, events, step.want)
		}
	}
	w.run(`update_option('WPLANG', ''); unset($GLOBALS['locale']); global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%year%/%postname%/'); wp_update_user(['ID' => 1, 'display_name' => 'editor']); return 0;`)
}

func away(t *testing.T, w *wordpress, r *receiver) {
	gone := w.post(harbour + `return $id;`)
	r.take()
	w.sendTo("http://" + free(t))
	id := w.post(harbour + `return $id;`)
	w.run(fmt.Sprintf(`change(['ID' => %d, 'post_title' => 'Corrected meanwhile']); wp_delete_post(%d, true); return 0;`, id, gone))
	if n := w.queue(); n != 2 {
		t.Errorf("%d posts wait, want 2", n)
	}
	w.sendTo(w.receiver)
	r.answer(http.StatusServiceUnavailable, `{"detail": "the stream is away"}`)
	w.cron()
	first := r.take()
	if len(first) != 1 {
		t.Fatalf("%d attempts while all is away, want 1", len(first))
	}
	if state := fmt.Sprint(w.run(`return Gallerywire\Screen::state();`)); !strings.Contains(state, "the stream is away") || strings.Contains(state, wordpressKey) {
		t.Errorf("state: %s", state)
	}
	r.answer(http.StatusAccepted, "")
	w.cron()
	again := r.take()
	slices.SortFunc(again, func(a, b cloudEvent) int { return cmp.Compare(a.Type, b.Type) })
	if len(again) != 2 || again[0].ID != first[0].ID || again[0].Data.Title != "Corrected meanwhile" || again[1].Type != "article.unpublished" {
		t.Errorf("after %+v came %+v", first, again)
	}
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait at the end", n)
	}
}

// hangs holds the plugin to an editor's patience: one save waits a little, and the next ones not at all.
func hangs(t *testing.T, w *wordpress, r *receiver) {
	r.hanging(true)
	for i, want := range []int{1, 0} {
		began := time.Now()
		w.run(harbour + `return $id;`)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("save %d takes %v", i, took)
		}
		if attempts := len(r.take()); attempts != want {
			t.Errorf("save %d makes %d attempts, want %d", i, attempts, want)
		}
	}
	r.hanging(false)
	w.cron()
	if events := r.take(); len(events) != 2 {
		t.Errorf("afterwards came %+v", events)
	}
}

const problems = `{"title": "Bad Request", "status": 400, "problems": [{"place": "/data/title", "reason": "is blank"}, {"place": "/data/tags", "reason": "<b>too many</b>"}]}`

func refused(t *testing.T, w *wordpress, r *receiver) {
	r.answer(http.StatusBadRequest, problems)
	id := w.post(harbour + `return $id;`)
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait, and it was refused for good", n)
	}
	browser := w.browser()
	const want = "title: is blank; tags: &lt;b&gt;too many&lt;/b&gt;"
	for _, path := range []string{"/wp-admin/tools.php?page=gallerywire", fmt.Sprintf("/wp-admin/post.php?post=%d&action=edit&classic-editor", id)} {
		if page := w.page(browser, path, nil); !strings.Contains(page, want) && !strings.Contains(page, `title: is blank; tags: \u003Cb\u003Etoo many`) {
			t.Errorf("%s does not say why", path)
		}
	}
	if page := w.page(browser, "/wp-admin/edit.php", nil); !strings.Contains(page, "Refused by gallerywire") {
		t.Error("the list of posts does not name it")
	}
	r.answer(http.StatusAccepted, "")
	r.take()
	w.run(fmt.Sprintf(`return change(['ID' => %d, 'post_title' => 'Mended']);`, id))
	if story := r.story(); story != fmt.Sprintf("published wp-%d Mended\n", id) {
		t.Errorf("got %q", story)
	}
	if troubles := w.run(`return Gallerywire\Screen::troubles();`); fmt.Sprint(troubles) != "[]" {
		t.Errorf("still %v", troubles)
	}
}

func oneLater(t *testing.T, w *wordpress, r *receiver) {
	r.answer(http.StatusRequestEntityTooLarge, `{"detail": "larger than 1 MiB"}`)
	large := w.post(harbour + `return $id;`)
	r.answer(http.StatusAccepted, "")
	w.run(harbour + `return $id;`)
	if events := r.take(); len(events) != 2 {
		t.Errorf("got %+v: the second must not wait for the first", events)
	}
	if n := w.queue(); n != 1 {
		t.Errorf("%d posts wait, want 1", n)
	}
	if troubles := fmt.Sprint(w.run(`return Gallerywire\Screen::troubles();`)); !strings.Contains(troubles, "larger than 1 MiB") {
		t.Errorf("troubles: %s", troubles)
	}
	browser := w.browser()
	if page := w.page(browser, fmt.Sprintf("/wp-admin/post.php?post=%d&action=edit", large), nil); !strings.Contains(page, "This gallery is not in the feeds as you see it. Waits for another attempt: gallerywire answers 413: larger than 1 MiB") {
		t.Error("the editor does not say why it waits")
	}
	if page := w.page(browser, "/wp-admin/edit.php", nil); !strings.Contains(page, "Waits for gallerywire") {
		t.Error("the list of posts does not name it")
	}
	r.answer(http.StatusOK, "")
	w.dueNow()
	w.cron()
	if n := w.queue(); n != 1 {
		t.Error("an answer without 202 is no acknowledgement")
	}
	r.answer(http.StatusAccepted, "")
	w.cron()
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait at the end", n)
	}
}

// oneDropped is a post of which a firewall closes the connection: it stops the others once, and never after that.
func oneDropped(t *testing.T, w *wordpress, r *receiver) {
	r.dropping("POISON")
	defer r.dropping("")
	bad := w.post(harbour + `return change(['ID' => $id, 'post_title' => 'POISON']);`)
	r.take()
	w.run(`return update_option('bad', ` + fmt.Sprint(bad) + `);`)
	next := w.post(harbour + `return $id;`)
	if got, want := r.story(), fmt.Sprintf("published wp-%d Harbour & lights\n", next); got != want {
		t.Errorf("after a post that cannot be sent came\n%s, want\n%s", got, want)
	}
	for _, item := range []string{`[]`, `['suspicious' => true]`} {
		w.run(fmt.Sprintf(`
global $wpdb;
$wpdb->update($wpdb->posts, ['post_title' => 'One of many'], ['ID' => %[1]d]);
clean_post_cache(%[1]d);
foreach ([[%[2]d, '0', -60], [%[1]d, '1', -30]] as list($id, $priority, $since)) {
  Gallerywire\Queue::put($id, $priority, %[3]s + ['forced' => true]);
  $wpdb->query($wpdb->prepare("UPDATE $wpdb->options SET option_value = CONCAT(LEFT(option_value, 2), %%s, SUBSTRING(option_value, 13)) WHERE option_name = %%s", time() + $since, "gallerywire_queue_$id"));
}
return 0;`, next, bad, item))
		w.cron()
		w.cron()
		if got, want := r.story(), fmt.Sprintf("published wp-%d One of many\n", next); got != want {
			t.Errorf("after a single post that cannot be sent came of many, with %s,\n%s, want\n%s", item, got, want)
		}
	}
	r.dropping("")
	w.dueNow()
	w.cron()
	if got, want := r.story(), fmt.Sprintf("published wp-%d POISON\n", bad); got != want || w.queue() != 0 {
		t.Errorf("later came\n%s, want\n%s; %d posts wait", got, want, w.queue())
	}
}

// renderedAgain is a post that WordPress renders with other bytes each time, and that did not change.
func renderedAgain(t *testing.T, w *wordpress, r *receiver) {
	const blocks = `
$_SERVER['REQUEST_URI'] = '/' . uniqid();
$flex = '<!-- wp:group {"layout":{"type":"flex"}} --><div class="wp-block-group"><!-- wp:paragraph --><p>Kept, with a &gt; b</p><!-- /wp:paragraph --></div><!-- /wp:group -->';
$month = '<!-- wp:post-date {"format":"F"} /-->';
$other = '<!-- wp:search /--><!-- wp:loginout /--><!-- wp:archives {"displayAsDropdown":true} /--><!-- wp:image --><figure class="wp-block-image"><img alt="not class=&quot;a&quot; b" src="https://img.example.com/a.jpg"/></figure><!-- /wp:image -->';
add_filter('render_block_core/image', function ($html) { return str_replace('<img', '<img data-wp-context="{&quot;id&quot;:&quot;' . uniqid() . '&quot;}" ' . ['decoding=async', "fetchpriority='high'"][random_int(0, 1)] . ' ID="' . uniqid() . '"', $html); });
`
	id := w.post(harbour + blocks + `return change(['ID' => $id, 'post_content' => $flex . $month . $other . gallery_block([$dusk => ''])]);`)
	events := r.take()
	body := events[len(events)-1].Data.Body
	for _, want := range []string{"<p>Kept, with a &gt; b</p>", `<img alt="not class=&quot;a&quot; b" src="https://img.example.com/a.jpg" />`} {
		if !strings.Contains(body, want) {
			t.Errorf("the body has no %s:\n%s", want, body)
		}
	}
	for name, code := range map[string]string{
		"after other posts": `do_blocks(str_repeat($flex . $other, 3));`,
		"for an editor who reads another language": `
wp_set_current_user(1);
update_user_meta(1, 'locale', 'xx_XX');
add_filter('pre_determine_locale', function () { return is_user_logged_in() ? 'xx_XX' : null; });
foreach ($GLOBALS['wp_locale']->month as &$month) { $month = 'A month'; }`,
	} {
		w.run(fmt.Sprintf(blocks+code+`Gallerywire\Queue::add([%d]); Gallerywire\Sender::drain(5, 5); return 0;`, id))
		if again := r.take(); len(again) > 0 {
			t.Errorf("%s: the same post came again, now with\n%s, before with\n%s", name, again[0].Data.Body, body)
		}
	}
}

func endedWhileBuilt(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(harbour + `
add_filter('gallerywire_gallery', function ($gallery, $post) use ($id) { if ($post->ID === $id) { exit; } return $gallery; }, 10, 2);
return $id;`)
	w.run(`return delete_option('gallerywire_lock');`) // else it expires
	other := w.post(harbour + `return $id;`)
	if got, want := r.story(), fmt.Sprintf("published wp-%d Harbour & lights\n", other); got != want {
		t.Errorf("after a gallery that ends the process came\n%s, want\n%s", got, want)
	}
	if troubles := fmt.Sprint(w.run(`return Gallerywire\Screen::troubles();`)); !strings.Contains(troubles, "the process ended") {
		t.Errorf("troubles: %s", troubles)
	}
	w.dueNow()
	w.cron()
	if got, want := r.story(), fmt.Sprintf("published wp-%d Harbour & lights\n", id); got != want || w.queue() != 0 {
		t.Errorf("later came\n%s, want\n%s", got, want)
	}
	self := w.post(`
$self = save(['post_type' => 'wp_block', 'post_title' => 's', 'post_content' => '']);
change(['ID' => $self, 'post_content' => gallery_block([picture('a', 40, 40) => '']) . str_repeat("<!-- wp:block {\"ref\":$self} /-->", 100)]);
return save(['post_title' => 'Itself', 'post_content' => "<!-- wp:block {\"ref\":$self} /-->"]);`)
	if got, want := r.story(), fmt.Sprintf("published wp-%d Itself\n", self); got != want {
		t.Errorf("a pattern in itself: got\n%s, want\n%s", got, want)
	}
}

func proxyRefuses(t *testing.T, w *wordpress, r *receiver) {
	r.answer(http.StatusMethodNotAllowed, "")
	w.run(harbour + `return $id;`)
	for _, answer := range []struct {
		status int
		body   string
	}{{405, ""}, {400, "<html>too large</html>"}, {406, `{"detail": "not by gallerywire"}`}, {403, problems}, {409, ""}, {421, ""}} {
		r.answer(answer.status, answer.body)
		w.dueNow()
		w.cron()
		if n := w.queue(); n != 1 {
			t.Fatalf("after %d %d posts wait, want 1", answer.status, n)
		}
	}
	r.answer(http.StatusAccepted, "")
	w.dueNow()
	w.cron()
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait at the end", n)
	}
}

// restored is WordPress with the database of a backup, while gallerywire has newer states.
func restored(t *testing.T, w *wordpress, r *receiver) {
	kept := w.post(harbour + `return $id;`)
	hidden := w.post(harbour + `change(['ID' => $id, 'post_status' => 'draft']); return $id;`)
	draft := w.post(`return save(['post_title' => 'draft', 'post_status' => 'draft', 'post_content' => gallery_block([picture('a', 40, 40) => ''])]);`)
	last := map[string]cloudEvent{}
	for _, e := range r.take() {
		last[e.Data.ID] = e
	}
	for _, options := range []string{`[]`, `['restored' => true]`} {
		w.run(`return command('send_all', ` + options + `);`)
		got := map[string]cloudEvent{}
		for _, e := range r.take() {
			got[e.Data.ID] = e
		}
		for _, id := range []int{kept, hidden, draft} {
			name := fmt.Sprint("wp-", id)
			before, now := last[name], got[name]
			wantType, newer := before.Type, now.Data.Version > before.Data.Version && now.Data.Updated >= before.Data.Updated
			if options == `[]` {
				newer = now.ID == before.ID
			} else if id != kept {
				wantType = "article.unpublished"
			}
			if now.Type != wantType || !newer {
				t.Errorf("send all with %s: after %+v came %+v", options, before, now)
			}
		}
	}
}

// copyOfSite is another site with the same posts and settings, until an administrator says that it is no copy.
func copyOfSite(t *testing.T, w *wordpress, r *receiver) {
	w.run(`return update_option('gallerywire_home', bin2hex('https://original.example.com'));`)
	w.run(harbour + `return $id;`)
	w.cron()
	browser := w.browser()
	page := w.page(browser, "/wp-admin/tools.php?page=gallerywire", nil)
	health := fmt.Sprint(w.run(`return Gallerywire\Screen::health();`))
	status := fmt.Sprint(w.run(`return command('status');`), w.run(`return command('send_all');`))
	for where, text := range map[string]string{"tools": page, "health": health, "commands": status} {
		if !strings.Contains(text, "Nothing is sent: this site was https://original.example.com") {
			t.Errorf("%s: %s", where, text)
		}
	}
	if story := r.story(); story != "" {
		t.Errorf("the copy sent\n%s", story)
	}
	nonce := regexp.MustCompile(`name="_wpnonce" value="([0-9a-f]+)"`).FindStringSubmatch(page)
	if nonce == nil {
		t.Fatal("no button")
	}
	w.page(browser, "/wp-admin/tools.php?page=gallerywire", url.Values{"gallerywire_home": {"1"}, "_wpnonce": {nonce[1]}})
	w.cron()
	if events := r.take(); len(events) == 0 || w.queue() != 0 {
		t.Errorf("after the confirmation came %d events, and %d posts wait", len(events), w.queue())
	}
}

func typeTakenOut(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(harbour + `return $id;`)
	for _, types := range []string{"page", "post"} {
		r.take()
		w.run(fmt.Sprintf(`define('GALLERYWIRE_POST_TYPES', %q); do_action('gallerywire_check'); return 0;`, types))
		want := map[string]string{"page": fmt.Sprintf("unpublished wp-%d\n", id), "post": fmt.Sprintf("published wp-%d Harbour & lights\n", id)}[types]
		if story := r.story(); !strings.Contains(story, want) {
			t.Errorf("types %s: got\n%s, want\n%s", types, story, want)
		}
	}
}

func changedMeanwhile(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(harbour + `
$changed = false;
add_filter('pre_http_request', function ($no) use ($id, &$changed) {
  if (!$changed) {
    $changed = true;
    Gallerywire\Queue::add([$id]);
    $other = new Gallerywire\Lock();
    if ($other->acquire()) { trigger_error('gallerywire: two locks'); }
    $GLOBALS['wpdb']->update($GLOBALS['wpdb']->posts, ['post_title' => 'By another process'], ['ID' => $id]);
  }
  return $no;
});
return $id;`)
	if got, want := r.story(), fmt.Sprintf("published wp-%[1]d Harbour & lights\npublished wp-%[1]d By another process\n", id); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	id = w.post(harbour + `
add_filter('pre_http_request', function ($no) use ($id) { wp_delete_post($id, true); return $no; });
return $id;`)
	if got, want := r.story(), fmt.Sprintf("published wp-%[1]d Harbour & lights\nunpublished wp-%[1]d\n", id); got != want {
		t.Errorf("deleted while it is sent: got\n%s, want\n%s", got, want)
	}
	id = w.post(harbour + `
add_filter('gallerywire_gallery', function ($gallery) {
  delete_option('gallerywire_lock'); // it has expired
  (new Gallerywire\Lock())->acquire();
  return $gallery;
});
return $id;`)
	if got := r.story(); got != "" {
		t.Errorf("built while another process took over: got\n%s", got)
	}
	w.run(`return delete_option('gallerywire_lock');`)
	w.dueNow()
	w.cron()
	if got, want := r.story(), fmt.Sprintf("published wp-%d Harbour & lights\n", id); got != want {
		t.Errorf("by the other process: got\n%s, want\n%s", got, want)
	}
}

// withdrawnMeanwhile is a page that another process withdraws while its first gallery is built.
func withdrawnMeanwhile(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(`
define('GALLERYWIRE_POST_TYPES', 'post,page');
add_filter('gallerywire_gallery', function ($gallery, $post) {
  static $done = false;
  if (!$done) {
    $done = true;
    change(['ID' => $post->ID, 'post_status' => 'draft']);
  }
  return $gallery;
}, 10, 2);
return save(['post_title' => 'Withdrawn', 'post_type' => 'page', 'post_content' => gallery_block([picture('a', 40, 40) => ''])]);`)
	if got, want := r.story(), fmt.Sprintf("published wp-%[1]d Withdrawn\nunpublished wp-%[1]d\n", id); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

// hookless is what a process leaves that ends in the middle of saving.
func hookless(t *testing.T, w *wordpress, r *receiver) {
	id := w.post(harbour + `return $id;`)
	r.take()
	w.run(fmt.Sprintf(`global $wpdb; $wpdb->update($wpdb->posts, ['post_title' => 'Without a hook', 'post_modified_gmt' => current_time('mysql', true)], ['ID' => %d]); return 0;`, id))
	w.run(`do_action('gallerywire_check'); return 0;`)
	if got, want := r.story(), fmt.Sprintf("published wp-%d Without a hook\n", id); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	w.run(fmt.Sprintf(`
global $wpdb;
$post = $wpdb->get_row("SELECT * FROM $wpdb->posts WHERE ID = %d", ARRAY_A);
unset($post['ID']);
return $wpdb->insert($wpdb->posts, ['post_title' => 'Published without a hook', 'post_name' => 'hookless'] + $post);`, id))
	w.run(`do_action('gallerywire_check'); return 0;`)
	if got := r.story(); !strings.Contains(got, "Published without a hook") {
		t.Errorf("got\n%s", got)
	}
}

func everything(t *testing.T, w *wordpress, r *receiver) {
	w.run(harbour + `return $id;`)
	last := r.take()[0]
	list := fmt.Sprint(w.run(`return command('send_all', ['dry-run' => true]);`))
	if !strings.Contains(list, last.Data.ID+"\t"+last.Data.URL) || len(r.take()) > 0 {
		t.Errorf("a dry run says %s", list)
	}
	said := fmt.Sprint(w.run(`return command('send_all');`))
	var again, imported bool
	for _, e := range r.take() {
		again = again || e.ID == last.ID
		imported = imported || e.Data.Title == "imported"
	}
	if !again || !imported || !strings.Contains(said, "Success") {
		t.Errorf("what was sent came again: %v, what was imported came: %v; %s", again, imported, said)
	}
	if said := fmt.Sprint(w.run(`return command('send_all', ['since' => '2 days']);`)); !strings.Contains(said, "0 galleries found") {
		t.Errorf("since the day after tomorrow: %s", said)
	}
	w.sendTo("http://" + free(t))
	if said := fmt.Sprint(w.run(`return command('send_all');`)); !strings.Contains(said, "Error: ") {
		t.Errorf("while all is away: %s", said)
	}
	if said := fmt.Sprint(w.run(`return command('status');`)); !strings.Contains(said, "Last error: ") || strings.Contains(said, wordpressKey) {
		t.Errorf("status: %s", said)
	}
	w.sendTo(w.receiver)
	w.cron()
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait at the end", n)
	}
}

func toolsPage(t *testing.T, w *wordpress, r *receiver) {
	browser := w.browser()
	page := w.page(browser, "/wp-admin/tools.php?page=gallerywire", nil)
	nonce := regexp.MustCompile(`"nonce":"([0-9a-f]+)"`).FindStringSubmatch(page)
	if nonce == nil || strings.Contains(page, wordpressKey) {
		t.Fatalf("no nonce, or the key, in\n%s", page)
	}
	state := struct {
		After, Queued, Waiting int
		Done                   bool
		Error                  string
	}{}
	found := 0
	for range 20 {
		form := url.Values{"action": {"gallerywire_send_all"}, "_ajax_nonce": {nonce[1]}, "after": {fmt.Sprint(state.After)}}
		if err := json.Unmarshal([]byte(w.page(browser, "/wp-admin/admin-ajax.php", form)), &state); err != nil {
			t.Fatal(err)
		}
		if found += state.Queued; state.Done {
			break
		}
	}
	if sent := len(r.take()); !state.Done || state.Error != "" || state.Waiting != 0 || found == 0 || sent == 0 || sent > found {
		t.Errorf("%+v: %d found, %d sent", state, found, sent)
	}
	res, body, err := answer(http.PostForm(w.url+"/wp-admin/admin-ajax.php", url.Values{"action": {"gallerywire_send_all"}, "_ajax_nonce": {nonce[1]}}))
	if err != nil || res.StatusCode == http.StatusOK {
		t.Errorf("a stranger gets %s, %v", body, err)
	}
	health := w.run(`return Gallerywire\Screen::health();`).(map[string]any)
	if health["status"] != "good" {
		t.Errorf("site health: %v", health)
	}
}

// settles holds whatever editors do at the same time to: in the end the highest revision of each gallery is its post.
func settles(t *testing.T, w *wordpress, r *receiver) {
	w.run(`
$posts = [];
for ($i = 0; $i < 4; $i++) {
  $picture = picture("p$i", 40, 40, ['post_excerpt' => 'caption 0']);
  $posts[] = [save(['post_title' => 'title 0', 'post_content' => gallery_block([$picture => ''])]), $picture];
}
return update_option('posts', $posts);`)
	r.comeAndGo(rand.New(rand.NewPCG(1, 2)))
	var editors sync.WaitGroup
	for editor := range 4 {
		editors.Go(func() {
			choice := rand.New(rand.NewPCG(3, uint64(editor)))
			for step := range 15 {
				do := []string{
					`change(['ID' => $id, 'post_title' => "title $n"]);`,
					`wp_update_post(['ID' => $picture, 'post_excerpt' => "caption $n"]);`,
					`change(['ID' => $id, 'post_status' => 'draft']);`,
					`change(['ID' => $id, 'post_status' => 'publish']);`,
					`change(['ID' => $id, 'post_status' => 'publish', 'post_title' => "title $n"]);`,
					`wp_trash_post($id);`,
					`do_action('gallerywire_send');`,
					`delete_option('gallerywire_pause'); do_action('gallerywire_send');`,
				}[choice.IntN(8)]
				w.run(fmt.Sprintf(`$n = %d; list($id, $picture) = get_option('posts')[%d]; %s return 0;`, 100*editor+step, choice.IntN(4), do))
			}
		})
	}
	editors.Wait()
	r.comeAndGo(nil)
	w.dueNow()
	w.cron()
	if n := w.queue(); n != 0 {
		t.Errorf("%d posts wait at the end", n)
	}
	got := map[string]string{}
	rank := map[string]string{}
	for _, e := range r.take() {
		g := e.Data
		if of := fmt.Sprintf("%s %06d %s", g.Updated, g.Version, e.Type); of >= rank[g.ID] {
			rank[g.ID], got[g.ID] = of, ""
			if e.Type == "article.published" {
				got[g.ID] = g.Title + ", " + g.Slides[0].Caption
			}
		}
	}
	want := w.run(`
$want = [];
foreach (get_option('posts') as list($id, $picture)) {
  $post = get_post($id);
  $want["wp-$id"] = 'publish' === $post->post_status ? $post->post_title . ', ' . get_post($picture)->post_excerpt : '';
}
return $want;`)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// network is a second site, with more galleries than one request takes down, whose author is renamed and which is archived
// while the service is away.
func network(t *testing.T, w *wordpress, r *receiver) {
	w.run(`
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/network.php';
global $wpdb;
foreach ($wpdb->tables('ms_global') as $table => $name) { $wpdb->$table = $name; }
install_network();
$made = populate_network(1, $_SERVER['HTTP_HOST'], 'editor@example.com', 'Network', '/', false);
return is_wp_error($made) && 'no_wildcard_dns' !== $made->get_error_code() ? $made->get_error_message() : 0;`)
	write(t, w.path("network"), nil)
	const galleries = 22
	w.run(fmt.Sprintf(`
$site = wp_insert_site(['domain' => $_SERVER['HTTP_HOST'], 'path' => '/two/', 'network_id' => 1, 'title' => 'Two', 'user_id' => 1]);
if (is_wp_error($site)) { throw new Exception($site->get_error_message()); }
switch_to_blog($site);
for ($i = 0; $i < %d; $i++) {
  save(['post_title' => "Gallery $i", 'post_content' => '<!-- wp:gallery --><figure class="wp-block-gallery"><!-- wp:image --><figure class="wp-block-image"><img src="https://img.example.com/1.jpg"/></figure><!-- /wp:image --></figure><!-- /wp:gallery -->']);
}
Gallerywire\Sender::drain(30, 5);
restore_current_blog();
return $site;`, galleries))
	sent := func(step, what string) {
		t.Helper()
		if got := strings.Count(r.story(), what+" wp-2-"); got != galleries {
			t.Errorf("%s: %d of %d galleries are %s", step, got, galleries, what)
		}
	}
	sent("saved", "published")
	w.run(`wp_update_user(['ID' => 1, 'display_name' => 'N. Author']); switch_to_blog(2); Gallerywire\Sender::drain(30, 5); restore_current_blog(); return 0;`)
	sent("another name of the author", "published")
	r.answer(http.StatusServiceUnavailable, "")
	w.run(`update_blog_status(2, 'archived', '1'); return 0;`)
	r.answer(http.StatusAccepted, "")
	r.take()
	const due = `
delete_blog_option(2, 'gallerywire_pause');
foreach (_get_cron_array() as $events) {
  foreach ($events['gallerywire_send'] ?? [] as $event) { do_action_ref_array('gallerywire_send', $event['args']); }
}
return 0;`
	w.run(due)
	sent("archived", "unpublished")
	w.run(`update_blog_status(2, 'archived', '0'); switch_to_blog(2); Gallerywire\Sender::drain(30, 5); restore_current_blog(); return 0;`)
	sent("no longer archived", "published")
	r.answer(http.StatusServiceUnavailable, "")
	w.run(`update_blog_status(2, 'spam', '1'); return 0;`)
	r.answer(http.StatusAccepted, "")
	r.take()
	w.run(`wp_clear_scheduled_hook('gallerywire_send', [2]); do_action('gallerywire_check'); return 0;`)
	w.run(due)
	sent("spam, and the hook was lost", "unpublished")
}

// dueNow lets every queued post be due, whatever it waits for.
func (w *wordpress) dueNow() {
	w.t.Helper()
	w.run(`global $wpdb; $wpdb->query("UPDATE $wpdb->options SET option_value = CONCAT(LEFT(option_value, 1), ' 0000000001', SUBSTRING(option_value, 13)) WHERE option_name LIKE 'gallerywire_queue%'"); return 0;`)
}
