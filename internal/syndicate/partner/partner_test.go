package partner_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

func TestAdmit(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("10.0.0.0/8")}
	w := newWorld(t,
		partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a"}, {Name: "b"}}, PathKeys: true},
		partner.Partner{Name: "yahoo", Keys: []partner.Key{{Name: "y"}}, Networks: networks},
		partner.Partner{Name: "none"},
		partner.Partner{Name: "hashed", Keys: []partner.Key{{Name: "h", File: "later"}}},
	)
	w.write("h", credential.HashOf(secret("h")).String()+"\n")
	w.Reload()
	both := basic("msn", "msn", secret("a"))
	both.PathKey = secret("y")
	wrongBearer, wrongBasic := basic("msn", "msn", secret("a")), basic("msn", "msn", "x")
	wrongBearer.Bearer, wrongBasic.Bearer = "x", secret("b")
	for _, tt := range []struct {
		name    string
		request partner.Request
		want    error
	}{
		{"bearer", bearer("msn", secret("a")), nil},
		{"another key", bearer("msn", secret("b")), nil},
		{"basic", basic("msn", "msn", secret("b")), nil},
		{"basic beside a wrong bearer", wrongBearer, nil},
		{"bearer beside a wrong basic", wrongBasic, nil},
		{"in the path", inPath("msn", secret("a")), nil},
		{"of which only the hash is kept", bearer("hashed", secret("h")), nil},
		{"without a key", bearer("msn", ""), partner.ErrUnauthorized},
		{"the hash in place of the key", bearer("hashed", credential.HashOf(secret("h")).String()), partner.ErrUnauthorized},
		{"another case", bearer("msn", strings.ToUpper(secret("a"))), partner.ErrUnauthorized},
		{"with more behind it", bearer("msn", secret("a")+"0"), partner.ErrUnauthorized},
		{"very long", bearer("msn", strings.Repeat("a", 1<<20)), partner.ErrUnauthorized},
		{"an empty password", basic("msn", "msn", ""), partner.ErrUnauthorized},
		{"another user", basic("msn", "yahoo", secret("a")), partner.ErrUnauthorized},
		{"no user", basic("msn", "", secret("a")), partner.ErrUnauthorized},
		{"of another partner", bearer("msn", secret("y")), partner.ErrUnauthorized},
		{"a wrong key in the path", inPath("msn", secret("y")), partner.ErrUnknown},
		{"a wrong key in the path and a right one in the header", both, partner.ErrUnknown},
		{"in the path of a partner without path keys", inPath("yahoo", secret("y")), partner.ErrUnknown},
		{"a partner without keys", bearer("none", secret("a")), partner.ErrUnauthorized},
		{"no such partner", bearer("nobody", secret("a")), partner.ErrUnknown},
		{"no such partner, without a key", bearer("nobody", ""), partner.ErrUnknown},
		{"no such partner, in the path", inPath("nobody", secret("a")), partner.ErrUnknown},
		{"the stand-in for partners that there are not", bearer("(unknown)", secret("a")), partner.ErrUnknown},
		{"no name", inPath("", secret("a")), partner.ErrUnknown},
		{"another's name in capitals", bearer("MSN", secret("a")), partner.ErrUnknown},
		{"from its network", bearer("yahoo", secret("y")), nil},
		{"from its network, mapped", from("::ffff:203.0.113.9", bearer("yahoo", secret("y"))), nil},
		{"from its IPv6 network", from("2001:db8:1::1", bearer("yahoo", secret("y"))), nil},
		{"from its private network", from("10.1.2.3", bearer("yahoo", secret("y"))), nil},
		{"from another network", from("198.51.100.1", bearer("yahoo", secret("y"))), partner.ErrNetwork},
		{"from a network that is not known", from("", bearer("yahoo", secret("y"))), partner.ErrNetwork},
		{"a wrong key from another network", from("198.51.100.1", bearer("yahoo", secret("a"))), partner.ErrUnauthorized},
		{"from a network that is not known, where any will do", from("", bearer("msn", secret("a"))), nil},
	} {
		pass, err := w.Admit(tt.request)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		want := partner.Pass{}
		if tt.want == nil {
			want = partner.Pass{Partner: tt.request.Partner, PathKey: tt.request.PathKey}
		}
		if pass != want {
			t.Errorf("%s: a pass of %+v, want %+v", tt.name, pass, want)
		}
	}
	for series, want := range map[string]int{
		"msn admitted": 7, "msn missing_key": 1, "msn wrong_key": 9, "yahoo network": 2, "yahoo admitted": 4, "(unknown) missing_key": 1, "(unknown) wrong_key": 5,
	} {
		name, result, _ := strings.Cut(series, " ")
		if got := w.count(name, result); got != want {
			t.Errorf("%s is %d, want %d", series, got, want)
		}
	}
}

func TestKeysBeginAndEndToTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, partner.Partner{Name: "msn", PathKeys: true, Keys: []partner.Key{
			{Name: "old", Until: start.Add(2 * time.Hour)},
			{Name: "new", From: start.Add(time.Hour), Until: start.Add(3 * time.Hour)},
		}})
		for _, tt := range []struct {
			after    time.Duration
			old, new partner.State
		}{
			{0, partner.Good, partner.NotYet},
			{time.Hour - 1, partner.Good, partner.NotYet},
			{time.Hour, partner.Good, partner.Good},
			{2*time.Hour - 1, partner.Good, partner.Good},
			{2 * time.Hour, partner.Ended, partner.Good},
			{3 * time.Hour, partner.Ended, partner.Ended},
		} {
			time.Sleep(time.Until(start.Add(tt.after)))
			states := map[string]partner.State{"old": tt.old, "new": tt.new}
			for _, k := range w.Keys("msn") {
				if k.State != states[k.Name] {
					t.Errorf("after %s %s is %s, want %s", tt.after, k.Name, k.State, states[k.Name])
				}
			}
			for name, state := range states {
				_, err := w.Admit(bearer("msn", secret(name)))
				if good := state == partner.Good; (err == nil) != good || w.PathKey("msn", secret(name)) != good {
					t.Errorf("after %s key %s, which is %s: %v, and as path key: %t", tt.after, name, state, err, !good)
				}
			}
		}
		if w.count("msn", "ended_key") == 0 {
			t.Error("requests with ended keys are counted as others")
		}
	})
}

func TestPathKey(t *testing.T) {
	w := newWorld(t, partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a"}}, PathKeys: true}, partner.Partner{Name: "yahoo", Keys: []partner.Key{{Name: "y"}}})
	for _, tt := range []struct {
		name, key string
		want      bool
	}{
		{"msn", secret("a"), true}, {"msn", secret("y"), false}, {"msn", "", false},
		{"yahoo", secret("y"), false}, {"nobody", secret("a"), false},
	} {
		if got := w.PathKey(tt.name, tt.key); got != tt.want {
			t.Errorf("%q of %s: %t, want %t", tt.key, tt.name, got, tt.want)
		}
	}
}

// TestFilesAreReadAgain follows a key through what may happen to its file.
func TestFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, partner.Partner{Name: "msn", PathKeys: true, Keys: []partner.Key{{Name: "a"}, {Name: "b", File: "missing at the start"}}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		if _, err := w.Admit(bearer("msn", secret("b"))); !errors.Is(err, partner.ErrUnauthorized) {
			t.Errorf("a key without a file: %v", err)
		}
		for _, step := range []struct {
			name   string
			change func()
			good   []string // keys
			bad    []string
			logged []string // in each line, in order
		}{
			{"nothing", func() {}, []string{secret("a")}, []string{secret("b")}, nil},
			{"the missing file is written", func() { w.write("b", secret("b")) }, []string{secret("a"), secret("b")}, nil, []string{"can be read again, and is valid"}},
			{"replaced by one of equal length", func() { w.write("a", secret("c")) }, []string{secret("c")}, []string{secret("a")}, []string{"was replaced"}},
			{"by the hash of the same key", func() { w.write("a", credential.HashOf(secret("c")).String()) }, []string{secret("c")}, nil, nil},
			{"too short", func() { w.write("a", "0123456789") }, []string{secret("b")}, []string{"0123456789", secret("c")}, []string{"has a key of under 128 bits"}},
			{"still too short", func() { w.write("a", "012345678") }, nil, []string{"012345678"}, nil},
			{"empty", func() { w.write("a", "\n") }, nil, []string{"", "\n"}, []string{"is empty"}},
			{"removed", func() { w.remove("a") }, []string{secret("b")}, []string{secret("c")}, []string{"cannot be read (no such file or directory)"}},
			{"written again", func() { w.write("a", secret("c")) }, []string{secret("c"), secret("b")}, nil, []string{"can be read again"}},
		} {
			step.change()
			time.Sleep(5 * time.Second) // twice would be enough, and the third logs nothing
			synctest.Wait()
			for _, key := range step.good {
				if _, err := w.Admit(inPath("msn", key)); err != nil || !w.PathKey("msn", key) {
					t.Errorf("%s: %q is refused: %v", step.name, key, err)
				}
			}
			for _, key := range step.bad {
				if _, err := w.Admit(bearer("msn", key)); !errors.Is(err, partner.ErrUnauthorized) || w.PathKey("msn", key) {
					t.Errorf("%s: %q is admitted: %v", step.name, key, err)
				}
			}
			lines := w.log.take()
			if len(lines) != len(step.logged) {
				t.Errorf("%s: logged %q, want %q", step.name, lines, step.logged)
				continue
			}
			for i, want := range step.logged {
				if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], "partner=msn key=") {
					t.Errorf("%s: logged %q, want %q", step.name, lines[i], want)
				}
				if strings.Contains(lines[i], "the-secret") || strings.Contains(lines[i], "0123456789") {
					t.Errorf("%s: a key is logged: %s", step.name, lines[i])
				}
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestReloadCountsWhenItReturns(t *testing.T) {
	w := newWorld(t, partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a"}}})
	w.remove("a")
	if _, err := w.Admit(bearer("msn", secret("a"))); err != nil {
		t.Errorf("before: %v", err)
	}
	w.Reload()
	if _, err := w.Admit(bearer("msn", secret("a"))); !errors.Is(err, partner.ErrUnauthorized) {
		t.Errorf("after: %v", err)
	}
}

func TestKeysOfAPartner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		w := newWorld(t, partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a", Until: start.Add(time.Hour)}, {Name: "b", From: start.Add(time.Hour)}, {Name: "c", File: "missing"}}},
			partner.Partner{Name: "many", Keys: []partner.Key{{Name: "1"}, {Name: "2"}, {Name: "3"}, {Name: "4"}}})
		time.Sleep(time.Minute)
		if _, err := w.Admit(bearer("msn", secret("a"))); err != nil {
			t.Error(err)
		}
		want := []partner.KeyState{
			{Name: "a", State: partner.Good, Until: start.Add(time.Hour), Used: start.Add(time.Minute)},
			{Name: "b", State: partner.NotYet, From: start.Add(time.Hour)},
			{Name: "c", State: partner.Unreadable, Problem: fmt.Sprintf("%q cannot be read (no such file or directory): write the key into it, or remove its entry", w.dir+"/c")},
		}
		if diff := cmp.Diff(want, w.Keys("msn")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := w.Keys("nobody"); len(got) != 0 {
			t.Errorf("the keys of nobody are %v", got)
		}
	})
}

func TestWrongKeysAreLimitedByNetworkAndRightOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a"}}, PathKeys: true})
		requests := []partner.Request{bearer("msn", "wrong"), inPath("msn", "wrong"), inPath("nobody", "wrong"), basic("nobody", "nobody", "wrong")}
		limited := 0
		for i := range 10_000 { // in a minute
			_, err := w.Admit(requests[i%len(requests)])
			if tooMany, ok := errors.AsType[*partner.TooMany](err); ok {
				limited++
				if tooMany.RetryAfter < time.Second || tooMany.RetryAfter > 3*time.Second {
					t.Fatalf("retry after %s", tooMany.RetryAfter)
				}
			}
			if _, err := w.Admit(bearer("msn", secret("a"))); err != nil {
				t.Fatalf("a right key after %d wrong ones: %v", i, err)
			}
			time.Sleep(time.Minute / 10_000)
		}
		if most := 10_000 - 60; limited < most || limited == 10_000 {
			t.Errorf("%d wrong keys of 10,000 were limited, want about %d", limited, most)
		}
		if _, err := w.Admit(from("198.51.100.1", bearer("msn", "wrong"))); !errors.Is(err, partner.ErrUnauthorized) {
			t.Errorf("a wrong key from another network: %v", err)
		}
		if _, err := w.Admit(bearer("msn", "")); !errors.Is(err, partner.ErrUnauthorized) {
			t.Errorf("a request without a key, which guesses nothing: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := w.Admit(bearer("msn", "wrong")); !errors.Is(err, partner.ErrUnauthorized) {
			t.Errorf("a wrong key later: %v", err)
		}
	})
}

// TestFilesChangeWhileRequestsAreJudged is for the race detector.
func TestFilesChangeWhileRequestsAreJudged(t *testing.T) {
	w := newWorld(t, partner.Partner{Name: "msn", Keys: []partner.Key{{Name: "a"}, {Name: "b"}}, PathKeys: true})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for i := range 200 {
				w.write("a", secret(fmt.Sprint(i)))
				w.Reload()
			}
		})
	}
	for i := range 4 {
		all.Go(func() {
			for range 500 {
				if _, err := w.Admit(basic("msn", "msn", secret("b"))); err != nil {
					t.Errorf("the key that does not change: %v", err)
					return
				}
				_, _ = w.Admit(from(fmt.Sprintf("203.0.113.%d", i), inPath("msn", secret("0")))) // right or wrong
				w.PathKey("msn", secret("b"))
				w.Keys("msn")
			}
		})
	}
	all.Wait()
}
