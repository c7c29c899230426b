package digest_test

import (
	"net/http"
	"net/mail"
	"strings"
	"testing"
)

func TestTestReachesEveryRecipient(t *testing.T) {
	t.Parallel()
	s, server, chat := withoutStore(t), newMailServer(t), newChat(t)
	n := s.node(to(server.address("from=news@example.com&to=one@example.org,two@example.org"), chat.address()))
	all, err := n.Test(t.Context(), "travel")
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	mailbox := "smtp " + server.listener.Addr().String()
	for i, want := range []string{mailbox, mailbox, "generic 127.0.0.1"} {
		if got := all[i]; got.Target != want || got.Err != nil {
			t.Errorf("%s: %v, want %s", got.Target, got.Err, want)
		}
	}
	mails := server.all()
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
		t.Errorf("the chat got %q", got)
	}
	s.wantDigests()
}

func TestTestReturnsWhatIsWrong(t *testing.T) {
	t.Parallel()
	s, server, chat := withoutStore(t), newMailServer(t, func(m *mailServer) { m.answers["AUTH"] = "535 no" }), newChat(t)
	chat.status = http.StatusForbidden
	address := strings.Replace(server.address("from=news@example.com&to=one@example.org"), "://", "://user:s3cr3t@", 1)
	n := s.node(to(address, chat.address()))
	all, err := n.Test(t.Context(), "travel")
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	wantReason(t, all[0].Err, "smtp "+server.listener.Addr().String()+": its server rejects the login with 535: check user and password", false)
	wantReason(t, all[1].Err, "generic 127.0.0.1: it answered 403 Forbidden", false)
	if _, err := n.Test(t.Context(), "evening"); err == nil || err.Error() != `there is no digest "evening"` {
		t.Error(err)
	}
}
