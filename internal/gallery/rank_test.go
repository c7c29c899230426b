package gallery

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// ranks returns every combination of a few values of each part.
func ranks() []Rank {
	early := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	var out []Rank
	for _, updated := range []time.Time{early, early.Add(time.Nanosecond), early.Add(time.Hour)} {
		for _, version := range []int64{0, 1, 1 << 62} {
			for _, takeDown := range []bool{false, true} {
				for _, content := range []string{"one", "two", "three"} {
					out = append(out, Rank{updated, version, takeDown, HashOf([]byte(content))})
				}
			}
		}
	}
	return out
}

func TestCompareIsATotalOrder(t *testing.T) {
	all := ranks()
	for _, a := range all {
		for _, b := range all {
			ab := a.Compare(b)
			if ab != -b.Compare(a) {
				t.Fatalf("%v against %v is %d, the other way %d", a, b, ab, b.Compare(a))
			}
			if (ab == 0) != (a == b) {
				t.Fatalf("%v against %v is %d", a, b, ab)
			}
			for _, c := range all {
				if ab < 0 && b.Compare(c) < 0 && a.Compare(c) >= 0 {
					t.Fatalf("%v < %v < %v, and yet the first is not below the last", a, b, c)
				}
			}
		}
	}
}

func TestHighestRankDoesNotDependOnTheOrderOfArrival(t *testing.T) {
	all := ranks()
	want := slices.MaxFunc(all, Rank.Compare)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var stored Rank
		for _, r := range all {
			if r.Compare(stored) > 0 {
				stored = r
			}
		}
		if stored != want {
			t.Fatalf("the highest rank is %v, but %v was left", want, stored)
		}
	}
}

func TestComparePrefersTheEarlierPart(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	low, high := Hash{1}, Hash{2}
	rome := time.FixedZone("", 3600)
	tests := []struct {
		name string
		a, b Rank
		want int
	}{
		{"a later instant beats a higher version", Rank{Updated: noon.Add(1)}, Rank{Updated: noon, Version: 9}, 1},
		{"a higher version beats a take-down", Rank{Updated: noon, Version: 2}, Rank{Updated: noon, Version: 1, TakeDown: true}, 1},
		{"a take-down beats a higher hash", Rank{Updated: noon, TakeDown: true, Hash: low}, Rank{Updated: noon, Hash: high}, 1},
		{"the hash decides last", Rank{Updated: noon, Hash: low}, Rank{Updated: noon, Hash: high}, -1},
		{"the zone of an instant is nothing", Rank{Updated: noon.In(rome)}, Rank{Updated: noon}, 0},
		{"the zero rank is below every publication", Rank{}, Rank{Updated: noon}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.a.Compare(tt.b); got != tt.want {
				t.Errorf("Compare = %d, want %d", got, tt.want)
			}
			if got := tt.b.Compare(tt.a); got != -tt.want {
				t.Errorf("the other way, Compare = %d, want %d", got, -tt.want)
			}
		})
	}
}

func TestHashIsTheFirstHalfOfSHA256(t *testing.T) {
	if got, want := HashOf([]byte("abc")).String(), "ba7816bf8f01cfea414140de5dae2223"; got != want {
		t.Errorf("HashOf(abc) = %s, want %s", got, want)
	}
}
