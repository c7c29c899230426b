package digest_test

import (
	"net/http"
	"net/mail"
	"strings"
	"testing"
)

func TestATestOfADigest(t *testing.T) {
	w, post, chat := newWorld(t), newPostOffice(t), newRoom(t)
	n := w.node(to(post.address("from=news@example.com&to=one@example.org,two@example.org"), chat.address()))
	all, err := n.Test(t.Context(), "travel")
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	server := post.listener.Addr().String()
	for i, want := range []string{"smtp " + server, "smtp " + server, "generic 127.0.0.1"} {
		if got := all[i]; got.Target != want || got.Err != nil {
			t.Errorf("%s: %v, want %s", got.Target, got.Err, want)
		}
	}
	mails := post.all()
	if len(mails) != 2 || mails[0].To != "one@example.org" || mails[1].To != "two@example.org" {
		t.Fatalf("mails %+v", mails)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(mails[0].Data)))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("Subject"); !strings.HasSuffix(got, "travel: This is a test") {
		t.Errorf("subject %q", got)
	}
	chat.mu.Lock()
	defer chat.mu.Unlock()
	if got := chat.posts; len(got) != 1 || !strings.Contains(got[0], "This is a test") || !strings.Contains(got[0], "Nothing is new.") {
		t.Errorf("the chat was told %q", got)
	}
	if debts := w.debts.all(); len(debts) != 0 {
		t.Errorf("it is owed: %v", debts)
	}
}

func TestATestOfADigestSaysWhatIsWrong(t *testing.T) {
	w, post, chat := newWorld(t), newPostOffice(t, func(p *postOffice) { p.answers["AUTH"] = "535 no" }), newRoom(t)
	chat.status = http.StatusForbidden
	address := strings.Replace(post.address("from=news@example.com&to=one@example.org"), "://", "://user:s3cr3t@", 1)
	n := w.node(to(address, chat.address()))
	all, err := n.Test(t.Context(), "travel")
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	wantReason(t, all[0].Err, "smtp "+post.listener.Addr().String()+": its server rejects the login with 535: check user and password", false)
	wantReason(t, all[1].Err, "generic 127.0.0.1: it answered 403 Forbidden", false)
	if _, err := n.Test(t.Context(), "evening"); err == nil || err.Error() != `there is no digest "evening"` {
		t.Error(err)
	}
}
