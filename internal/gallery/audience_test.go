package gallery

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }

func syndicate(yes bool) *bool { return &yes }

// msn is a partner that sees everything two days late.
var msn = Audience{Name: "msn", Groups: []string{"aggregators"}, Delay: 48 * time.Hour}

func TestGalleryIsShownFromPublicationToItsEnd(t *testing.T) {
	year9999 := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		gallery Gallery
		at      time.Time
		want    Decision
	}{
		{"before publication", Gallery{Published: day(10)}, day(10).Add(-1), Decision{Rule: "published", Where: "/published", Next: day(10)}},
		{"at publication", Gallery{Published: day(10)}, day(10), Decision{Shown: true, Rule: "default"}},
		{"long after publication", Gallery{Published: day(10)}, day(10).AddDate(80, 0, 0), Decision{Shown: true, Rule: "default"}},
		{"published in another zone", Gallery{Published: day(10).In(time.FixedZone("", -3600))}, day(10), Decision{Shown: true, Rule: "default"}},
		{"before expiry", Gallery{Published: day(10), Expires: day(20)}, day(20).Add(-1), Decision{Shown: true, Rule: "default", Next: day(20)}},
		{"at expiry", Gallery{Published: day(10), Expires: day(20)}, day(20), Decision{Rule: "expires", Where: "/expires"}},
		{"expires before it is published", Gallery{Published: day(10), Expires: day(5)}, day(3), Decision{Rule: "expires", Where: "/expires"}},
		{"expires in the year 9999", Gallery{Published: day(10), Expires: year9999}, day(20), Decision{Shown: true, Rule: "default", Next: year9999}},
		{"rights begin later", Gallery{Published: day(10), Rights: Rights{From: day(12)}}, day(11), Decision{Rule: "rights.from", Where: "/rights/from", Next: day(12)}},
		{"rights began before", Gallery{Published: day(10), Rights: Rights{From: day(5)}}, day(6), Decision{Rule: "published", Where: "/published", Next: day(10)}},
		{"rights run", Gallery{Published: day(10), Rights: Rights{Until: day(20)}}, day(20).Add(-1), Decision{Shown: true, Rule: "default", Next: day(20)}},
		{"rights ran out", Gallery{Published: day(10), Rights: Rights{Until: day(20)}}, day(20), Decision{Rule: "rights.until", Where: "/rights/until"}},
		{"rights end before expiry", Gallery{Published: day(10), Expires: day(25), Rights: Rights{Until: day(20)}}, day(22), Decision{Rule: "rights.until", Where: "/rights/until"}},
		{"expiry before rights end", Gallery{Published: day(10), Expires: day(20), Rights: Rights{Until: day(25)}}, day(22), Decision{Rule: "expires", Where: "/expires"}},
		{"rights end before they begin", Gallery{Published: day(10), Rights: Rights{From: day(20), Until: day(15)}}, day(21), Decision{Rule: "rights.until", Where: "/rights/until"}},
		{"may not be syndicated", Gallery{Published: day(10), Rights: Rights{Syndicate: syndicate(false)}}, day(11), Decision{Rule: "rights.syndicate", Where: "/rights/syndicate"}},
		{"may be syndicated", Gallery{Published: day(10), Rights: Rights{Syndicate: syndicate(true)}}, day(11), Decision{Shown: true, Rule: "default"}},
		{"may not be syndicated, whatever until says", Gallery{Published: day(10), Rights: Rights{Syndicate: syndicate(false), Until: day(20)}}, day(11),
			Decision{Rule: "rights.syndicate", Where: "/rights/syndicate"}},
	} {
		if diff := cmp.Diff(tt.want, new(Audience).Gallery(tt.gallery.Terms(), tt.at)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestWhoMaySeeAGallery(t *testing.T) {
	rules := []Rule{
		NewRule([]string{"Getty*", "*/AFP"}, nil, nil, []string{"Aggregators"}, "rights.rules[0]"),
		NewRule(nil, []string{"associated press"}, []string{"public", "msn"}, nil, "rights.rules[1]"),
	}
	with := func(a Audience, change func(a *Audience)) *Audience {
		a.Rules = rules
		if change != nil {
			change(&a)
		}
		return &a
	}
	everybody, partner := with(Audience{}, nil), with(msn, nil)
	strict := with(msn, func(a *Audience) { a.DenyUnstated = true })
	without := with(msn, func(a *Audience) {
		a.Rules = append([]Rule{NewExclusion([]string{"*wire"}, []string{"Agency*"}, "partners[0].exclude")}, rules...)
	})
	for _, tt := range []struct {
		name     string
		audience *Audience
		rights   Rights
		sources  []string
		want     Decision // at a time at which all could see it
	}{
		{"nothing is stated, public", everybody, Rights{}, nil, Decision{Shown: true, Rule: "default"}},
		{"nothing is stated, partner", partner, Rights{}, nil, Decision{Shown: true, Rule: "default"}},
		{"nothing is stated, strict partner", strict, Rights{}, nil, Decision{Rule: "unstated_rights"}},
		{"public denied, public", everybody, Rights{Deny: []string{"x", " Public"}}, nil, Decision{Rule: "rights.deny", Where: "/rights/deny/1"}},
		{"public denied, partner", partner, Rights{Deny: []string{"public"}}, nil, Decision{Shown: true, Rule: "default"}},
		{"partner denied by name", partner, Rights{Deny: []string{"msn"}}, nil, Decision{Rule: "rights.deny", Where: "/rights/deny/0"}},
		{"partner denied by group", partner, Rights{Deny: []string{"AGGREGATORS"}}, nil, Decision{Rule: "rights.deny", Where: "/rights/deny/0"}},
		{"partner denied, public", everybody, Rights{Deny: []string{"msn"}}, nil, Decision{Shown: true, Rule: "default"}},
		{"partner allowed, partner", partner, Rights{Allow: []string{"yahoo", "msn"}}, nil, Decision{Shown: true, Rule: "rights.allow", Where: "/rights/allow/1"}},
		{"partner allowed, strict partner", strict, Rights{Allow: []string{"aggregators"}}, nil, Decision{Shown: true, Rule: "rights.allow", Where: "/rights/allow/0"}},
		{"partner allowed, public", everybody, Rights{Allow: []string{"msn"}}, nil, Decision{Rule: "rights.allow", Where: "/rights/allow"}},
		{"a name that nobody has", everybody, Rights{Allow: []string{"later"}}, nil, Decision{Rule: "rights.allow", Where: "/rights/allow"}},
		{"deny wins over allow", partner, Rights{Allow: []string{"msn"}, Deny: []string{"aggregators"}}, nil, Decision{Rule: "rights.deny", Where: "/rights/deny/0"}},
		{"source allowed, public", everybody, Rights{}, []string{"x", "Associated Press"}, Decision{Shown: true, Rule: "rules.allow", Where: "rights.rules[1]"}},
		{"source allowed, strict partner", strict, Rights{}, []string{"ASSOCIATED  PRESS"}, Decision{Shown: true, Rule: "rules.allow", Where: "rights.rules[1]"}},
		{"source not for another partner", with(Audience{Name: "yahoo"}, nil), Rights{}, []string{"Associated Press"}, Decision{Rule: "rules.allow", Where: "rights.rules[1]"}},
		{"event and rule must both allow", with(Audience{Name: "yahoo"}, nil), Rights{Allow: []string{"yahoo"}}, []string{"Associated Press"}, Decision{Rule: "rules.allow", Where: "rights.rules[1]"}},
		{"source excluded", without, Rights{Allow: []string{"msn"}}, []string{"Agency Two"}, Decision{Rule: "exclude.sources", Where: "partners[0].exclude.sources"}},
		{"another source than the excluded ones", without, Rights{}, []string{"Newswire"}, Decision{Shown: true, Rule: "default"}},
		{"a rule for credits does not concern sources", partner, Rights{}, []string{"Getty Images"}, Decision{Shown: true, Rule: "default"}},
	} {
		got := tt.audience.Gallery(&Terms{Published: day(1), Rights: tt.rights, Sources: tt.sources}, day(20))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
	for _, tt := range []struct {
		credit string
		want   Decision
	}{
		{"Staff", Decision{Shown: true, Rule: "default"}},
		{"GETTY images", Decision{Rule: "rules.deny", Where: "rights.rules[0]"}},
		{"A. Nobody/afp", Decision{Rule: "rules.deny", Where: "rights.rules[0]"}},
		{"A. Nobody/AFP, Getty", Decision{Shown: true, Rule: "default"}},
	} {
		got := partner.Slide(&Terms{Slides: []SlideTerms{{}, {Credit: tt.credit}}}, 1, day(20))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("credit %s (-want +got)\n%s", tt.credit, diff)
		}
	}
	excluded := without.Slide(&Terms{Slides: []SlideTerms{{Credit: "Newswire"}}}, 0, day(20))
	if want := (Decision{Rule: "exclude.credits", Where: "partners[0].exclude.credits"}); excluded != want {
		t.Errorf("excluded slide: %+v", excluded)
	}
	denied := partner.Slide(&Terms{Slides: []SlideTerms{{}, {Rights: Rights{Deny: []string{"msn"}}}}}, 1, day(20))
	if want := (Decision{Rule: "rights.deny", Where: "/slides/1/rights/deny/0"}); denied != want {
		t.Errorf("denied slide: %+v", denied)
	}
}

func TestPatternsStandForAnyText(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"a*", "a", true}, {"a*", "ab", true}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "acb", false}, {"*", "", true}, {"", "a", false}, {"**", "x", true},
	} {
		if got := matchesAny([]string{"never", tt.pattern}, tt.text); got != tt.want {
			t.Errorf("%q of %q: %t", tt.pattern, tt.text, got)
		}
	}
}

func TestAPartnerSeesAGalleryAfterItsDelayAndUntilItsAge(t *testing.T) {
	partner := msn
	partner.MaxAge = 5 * 24 * time.Hour
	for _, tt := range []struct {
		name    string
		gallery Gallery
		at      time.Time
		want    Decision
		updated time.Time
	}{
		{"delayed", Gallery{Published: day(10)}, day(12).Add(-1), Decision{Rule: "delay", Next: day(12)}, day(12)},
		{"released", Gallery{Published: day(10), Updated: day(11)}, day(12), Decision{Shown: true, Rule: "default", Next: day(15)}, day(12)},
		{"corrected after the release", Gallery{Published: day(10), Updated: day(13)}, day(13), Decision{Shown: true, Rule: "default", Next: day(15)}, day(13)},
		{"too old", Gallery{Published: day(10)}, day(15), Decision{Rule: "max_age"}, day(12)},
		{"expires before the release", Gallery{Published: day(10), Expires: day(12)}, day(11), Decision{Rule: "expires", Where: "/expires"}, day(12)},
	} {
		if diff := cmp.Diff(tt.want, partner.Gallery(tt.gallery.Terms(), tt.at)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
		if got := partner.UpdatedAt(tt.gallery.Terms(), tt.at); !got.Equal(tt.updated) {
			t.Errorf("%s: updated %v", tt.name, got)
		}
	}
}

func TestUpdatedAtIsTheLatestVisibleChange(t *testing.T) {
	timed := []Slide{
		{Rights: Rights{Until: day(12)}}, {Rights: Rights{Until: day(14)}}, {Rights: Rights{Until: day(13), Syndicate: syndicate(false)}},
		{Rights: Rights{From: day(16)}}, {Rights: Rights{From: day(17), Deny: []string{"public"}}}, {Rights: Rights{From: day(19), Until: day(18)}},
	}
	for _, tt := range []struct {
		name     string
		gallery  Gallery
		at, want time.Time
	}{
		{"no slide ends", Gallery{Published: day(10), Updated: day(11)}, day(20), day(11)},
		{"no update", Gallery{Published: day(10)}, day(20), day(10)},
		{"under embargo after the update", Gallery{Published: day(10), Updated: day(5)}, day(20), day(10)},
		{"rights begin after the update", Gallery{Published: day(10), Updated: day(11), Rights: Rights{From: day(12)}}, day(20), day(12)},
		{"before a slide ends", Gallery{Published: day(10), Slides: timed}, day(12).Add(-1), day(10)},
		{"when a slide ends", Gallery{Published: day(10), Slides: timed}, day(12), day(12)},
		{"when a slide ends that was never shown", Gallery{Published: day(10), Slides: timed}, day(13), day(12)},
		{"when all ended", Gallery{Published: day(10), Slides: timed}, day(15), day(14)},
		{"when a slide begins", Gallery{Published: day(10), Slides: timed}, day(16), day(16)},
		{"when slides begin that nobody sees", Gallery{Published: day(10), Slides: timed}, day(20), day(16)},
		{"slides ended before the update", Gallery{Published: day(10), Updated: day(15), Slides: timed}, day(15), day(15)},
	} {
		if got := new(Audience).UpdatedAt(tt.gallery.Terms(), tt.at); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSlideWithdrawn(t *testing.T) {
	for _, tt := range []struct {
		name               string
		published, updated time.Time
		rights             Rights
		at, want           time.Time // zero: it is not
	}{
		{"for good", day(10), day(10), Rights{}, day(20), time.Time{}},
		{"not yet", day(10), day(10), Rights{Until: day(12)}, day(12).Add(-1), time.Time{}},
		{"by the time", day(10), day(10), Rights{Until: day(12)}, day(12), day(12)},
		{"by a revision", day(10), day(15), Rights{Until: day(12)}, day(20), day(15)},
		{"before it was published", day(10), day(10), Rights{Until: day(10)}, day(20), time.Time{}},
		{"before its rights began", day(10), day(10), Rights{From: day(12), Until: day(11)}, day(20), time.Time{}},
		{"after its rights began", day(10), day(10), Rights{From: day(11), Until: day(12)}, day(20), day(12)},
		{"never shown", day(10), day(10), Rights{Until: day(12), Syndicate: syndicate(false)}, day(20), time.Time{}},
		{"denied", day(10), day(10), Rights{Until: day(12), Deny: []string{"public"}}, day(20), time.Time{}},
	} {
		g := Gallery{Published: tt.published, Updated: tt.updated, Slides: []Slide{{Rights: tt.rights}}}
		if got, ok := new(Audience).SlideWithdrawn(g.Terms(), 0, tt.at); !got.Equal(tt.want) || ok != !tt.want.IsZero() {
			t.Errorf("%s: %v, %t, want %v", tt.name, got, ok, tt.want)
		}
	}
}

func TestSlideInstantsAreSortedUniqueAndOfSlidesThatAreShown(t *testing.T) {
	elsewhere := day(5).In(time.FixedZone("", 7200))
	g := Gallery{Slides: []Slide{
		{Rights: Rights{Until: day(9)}}, {Rights: Rights{Until: day(5)}}, {}, {Rights: Rights{Until: day(3), Syndicate: syndicate(false)}},
		{Rights: Rights{From: day(7)}}, {Rights: Rights{Until: elsewhere}}, {Rights: Rights{From: day(4), Allow: []string{"msn"}}},
	}}
	starts, ends := new(Audience).SlideInstants(g.Terms())
	if diff := cmp.Diff([][]time.Time{{day(7)}, {day(5), day(9)}}, [][]time.Time{starts, ends}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if starts, _ := msn.SlideInstants(g.Terms()); !slices.ContainsFunc(starts, day(4).Equal) {
		t.Errorf("%v lack the slide that only the partner sees", starts)
	}
}

// Between two instants that a decision names nothing changes, and at each of them
// something does. What an audience is denied does not change what it sees.
func TestDecisionsChangeWhenTheySay(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	names := []string{"public", "msn", "aggregators", "nobody"}
	someNames := func() (list []string) {
		for range r.IntN(3) * r.IntN(2) {
			list = append(list, names[r.IntN(len(names))])
		}
		return list
	}
	instant := func() time.Time {
		if r.IntN(2) == 0 {
			return time.Time{}
		}
		return day(1 + r.IntN(12))
	}
	rights := func() Rights {
		return Rights{From: instant(), Until: instant(), Allow: someNames(), Deny: someNames()}
	}
	for range 2000 {
		g := Gallery{Published: day(1 + r.IntN(10)), Expires: instant(), Rights: rights(), Sources: []string{"AP"}}
		for range r.IntN(4) {
			g.Slides = append(g.Slides, Slide{Credit: []string{"Getty", "Staff"}[r.IntN(2)], Rights: rights()})
		}
		g.Updated = g.Published
		audience := &Audience{Rules: []Rule{NewRule([]string{"getty"}, nil, someNames(), someNames(), "r"), NewRule(nil, []string{"ap"}, someNames(), someNames(), "s")}}
		if r.IntN(2) == 0 {
			audience.Name, audience.Groups, audience.Delay = "msn", msn.Groups, time.Duration(r.IntN(3))*24*time.Hour
			audience.DenyUnstated = r.IntN(4) == 0
		}
		terms := g.Terms()
		for n := range 40 {
			at := day(0).Add(time.Duration(n) * 8 * time.Hour)
			d := audience.Gallery(terms, at)
			if before := audience.Gallery(terms, at.Add(-8*time.Hour)); n > 0 && before.Shown != d.Shown && !before.Next.Equal(at) {
				t.Fatalf("seed %d: %+v is followed by %+v at %v", seed, before, d, at)
			}
			if from, until, ok := audience.Window(terms); d.Shown != (ok && !at.Before(from) && (until.IsZero() || at.Before(until))) {
				t.Fatalf("seed %d: %+v at %v, and the window is from %v until %v, %t", seed, d, at, from, until, ok)
			}
			v := g.View(audience, at)
			for i := range g.Slides {
				shown := slices.ContainsFunc(v.Slides, func(s SlideView) bool { return s.Index == i })
				if s := audience.Slide(terms, i, at); d.Shown && s.Shown != shown {
					t.Fatalf("seed %d: slide %d at %v is shown: %t, and %+v", seed, i, at, shown, s)
				}
			}
			// Nothing of slides that it never sees is in what it sees.
			poorer := g
			poorer.Slides = nil
			for i, slide := range g.Slides {
				if audience.Slide(terms, i, at).Rule != "rights.deny" {
					poorer.Slides = append(poorer.Slides, slide)
				}
			}
			w := poorer.View(audience, at)
			if !w.Updated.Equal(v.Updated) || len(w.Slides) != len(v.Slides) {
				t.Fatalf("seed %d: with slides that are denied %v and %d slides, without %v and %d", seed, v.Updated, len(v.Slides), w.Updated, len(w.Slides))
			}
			for i := range v.Slides {
				if v.Slides[i].Number != w.Slides[i].Number {
					t.Fatalf("seed %d: slide %d of those that are shown has the number %d, without the denied ones %d", seed, i, v.Slides[i].Number, w.Slides[i].Number)
				}
			}
		}
	}
}
