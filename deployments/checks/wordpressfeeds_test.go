package checks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const partnerKey = "key-of-the-partner-12345678901234567890"

// newsroom is a WordPress and a node that takes its events, as both READMEs say.
type newsroom struct {
	*wordpress
	t      *testing.T
	dir    string
	listen string
	node   *node
}

func newNewsroom(t *testing.T) *newsroom {
	t.Helper()
	n := &newsroom{t: t, dir: t.TempDir(), listen: free(t)}
	write(t, filepath.Join(n.dir, "wp.secret"), []byte(wordpressKey+"\n"))
	write(t, filepath.Join(n.dir, "msn.secret"), []byte(partnerKey+"\n"))
	write(t, filepath.Join(n.dir, "gallerywire.yaml"), []byte(`
http: {listen: "`+n.listen+`", admin_listen: "127.0.0.1:0"}
nats: {embedded: {listen: "127.0.0.1:0"}}
intake: {keys: [{name: wordpress, kind: bearer, secret_file: wp.secret, id_prefix: "wp-", guid_prefixes: [http]}]}
partners: [{name: msn, access: {keys: [{name: a, secret_file: msn.secret}]}}]
log: {format: json}
`))
	n.start()
	n.wordpress = newWordpress(t, "http://"+n.listen)
	return n
}

func (n *newsroom) start() {
	n.t.Helper()
	cmd := exec.Command(gallerywire(n.t), "serve", "-c", "gallerywire.yaml")
	cmd.Dir = n.dir
	n.node = start(n.t, cmd)
	n.node.ready()
}

// feeds are what the public and the partner read.
func (n *newsroom) feeds() (map[string]string, error) {
	all := map[string]string{}
	for _, path := range []string{"/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/partners/msn/feed.rss"} {
		res, body, err := get("http://"+n.listen+path, "Authorization", "Bearer "+partnerKey)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", path, res.Status)
		}
		if err != nil {
			return nil, err
		}
		all[path] = body
	}
	return all, nil
}

// have returns once each feed has the text, or, without it, has it no longer.
func (n *newsroom) have(text string, there bool) {
	n.t.Helper()
	eventually(n.t, func() error {
		feeds, err := n.feeds()
		for path, body := range feeds {
			if strings.Contains(body, text) != there {
				err = fmt.Errorf("%s: %q is there: %v", path, text, !there)
			}
		}
		return err
	})
}

// publish saves a gallery of one picture with further fields, and returns its number.
func (n *newsroom) publish(title, fields string) int {
	n.t.Helper()
	return n.post(fmt.Sprintf(`return save(['post_title' => %q, 'post_content' => gallery_block([get_option('a_picture') => 'Caption']), %s]);`, title, fields))
}

// change changes fields of a post.
func (n *newsroom) change(post int, fields string) {
	n.t.Helper()
	n.run(fmt.Sprintf(`return change(['ID' => %d, %s]);`, post, fields))
}

func TestWordPressGalleriesAreInFeeds(t *testing.T) {
	n := newNewsroom(t)
	n.run(`return update_option('a_picture', picture('boats', 1200, 800));`)
	for _, step := range []struct {
		name string
		run  func(*testing.T, *newsroom)
	}{
		{"within two seconds", soon},
		{"by the REST API", byREST},
		{"corrected and taken down", corrected},
		{"scheduled", scheduled},
		{"known by the feed of WordPress", knownByGUID},
		{"refused with the reason", reallyRefused},
		{"nothing is lost while the node is down", nodeDown},
	} {
		t.Run(step.name, func(t *testing.T) {
			here, site := *n, *n.wordpress
			here.t, site.t, here.wordpress = t, t, &site
			step.run(t, &here)
			n.node = here.node
		})
	}
}

// soon gives a loaded machine three attempts.
func soon(t *testing.T, n *newsroom) {
	var took [3]time.Duration
	for i := range took {
		title := fmt.Sprintf("Harbour %d", i)
		began := time.Now()
		n.publish(title, "")
		n.have(title, true)
		if took[i] = time.Since(began); took[i] < 2*time.Second {
			t.Log(took[i])
			return
		}
	}
	t.Errorf("from the editor to all feeds it took %v", took)
}

func byREST(t *testing.T, n *newsroom) {
	password := n.run(`return WP_Application_Passwords::create_new_application_password(1, ['name' => 'test'])[0];`).(string)
	content := n.run(`return gallery_block([get_option('a_picture') => 'By <strong>REST</strong>']);`)
	body, err := json.Marshal(map[string]any{"title": "From the block editor", "content": content, "status": "publish"})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, n.url+"/index.php?rest_route=/wp/v2/posts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("editor", password)
	req.Header.Set("Content-Type", "application/json")
	if res, text, err := answer(client.Do(req)); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%v %s", err, text)
	}
	n.have("From the block editor", true)
}

func corrected(t *testing.T, n *newsroom) {
	post := n.publish("Misspelt", "")
	n.have("Misspelt", true)
	n.change(post, `'post_title' => 'Spelt', 'post_name' => 'spelt'`)
	n.have("Misspelt", false)
	n.have("Spelt", true)
	n.have("/spelt/", true)
	n.run(fmt.Sprintf(`wp_trash_post(%d); return 0;`, post))
	n.have("Spelt", false)
	if res, _, err := get(fmt.Sprintf("http://%s/galleries/wp-%d", n.listen, post)); err != nil || res.StatusCode != http.StatusGone {
		t.Errorf("its page: %v %v", res, err)
	}
	n.run(fmt.Sprintf(`wp_untrash_post(%d); return 0;`, post))
	n.change(post, `'post_status' => 'publish', 'post_title' => 'Restored'`)
	n.have("Restored", true)
	n.run(fmt.Sprintf(`change(['ID' => %[1]d, 'post_status' => 'draft']); Gallerywire\Sender::drain(5, 5); change(['ID' => %[1]d, 'post_status' => 'publish', 'post_title' => 'In one second']); return 0;`, post))
	n.have("In one second", true)
	n.run(fmt.Sprintf(`wp_delete_post(%d, true); return 0;`, post))
	n.have("In one second", false)
}

// scheduled counts years, since the clock of the node may be some hundred days ahead.
func scheduled(t *testing.T, n *newsroom) {
	post := n.publish("Embargoed", `'post_date_gmt' => gmdate('Y-m-d H:i:s', time() + 5 * YEAR_IN_SECONDS), 'post_date' => wp_date('Y-m-d H:i:s', time() + 5 * YEAR_IN_SECONDS)`)
	n.publish("After the embargoed", "")
	n.have("After the embargoed", true)
	n.have("Embargoed", false)
	n.change(post, `'edit_date' => true, 'post_status' => 'publish', 'post_date' => current_time('mysql'), 'post_date_gmt' => current_time('mysql', true)`)
	n.have("Embargoed", true)
}

func knownByGUID(t *testing.T, n *newsroom) {
	post := n.publish("Of the archive", `'post_date' => '2020-05-05 10:00:00'`)
	guid := n.run(fmt.Sprintf(`return get_post(%d)->guid;`, post)).(string)
	n.have("Of the archive", true)
	n.have(guid, true)
}

func reallyRefused(t *testing.T, n *newsroom) {
	post := n.publish("", "")
	if n.queue() != 0 {
		t.Error("what was refused for good is still queued")
	}
	page := n.page(n.browser(), fmt.Sprintf("/wp-admin/post.php?post=%d&action=edit", post), nil)
	if !regexp.MustCompile(`gallerywire refused it: title: \w+`).MatchString(page) {
		t.Error("the editor does not say why")
	}
	n.change(post, `'post_title' => 'With a title'`)
	n.have("With a title", true)
}

func nodeDown(t *testing.T, n *newsroom) {
	stays, goes := n.publish("Stays", ""), n.publish("Goes", "")
	n.have("Stays", true)
	n.have("Goes", true)
	n.node.stop(syscall.SIGTERM)
	n.publish("Published meanwhile", "")
	n.change(stays, `'post_title' => 'Changed meanwhile'`)
	n.run(fmt.Sprintf(`wp_delete_post(%d, true); return 0;`, goes))
	if waiting := n.queue(); waiting != 3 {
		t.Errorf("%d posts wait, want 3", waiting)
	}
	n.start()
	n.cron()
	n.have("Published meanwhile", true)
	n.have("Changed meanwhile", true)
	n.have("Goes", false)
	if waiting := n.queue(); waiting != 0 {
		t.Errorf("%d posts wait at the end", waiting)
	}
}
