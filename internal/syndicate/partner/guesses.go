package partner

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// maxGuesses is how many wrong keys may come from a network in a minute.
	maxGuesses = 30
	// maxNetworks is how many networks' buckets are kept. A network whose bucket was dropped
	// gets a full one: the length of the keys is what keeps them from being guessed.
	maxNetworks = 4096
)

// guesses bounds the rate of wrong keys, by a token bucket for each network.
type guesses struct {
	buckets *lru.Cache[string, *rate.Limiter]
}

func newGuesses() guesses {
	buckets, err := lru.New[string, *rate.Limiter](maxNetworks)
	if err != nil {
		panic(err) // only for a size below one
	}
	return guesses{buckets}
}

// take counts a wrong key. It returns how long the network has to wait if there were too
// many.
func (g guesses) take(network string, now time.Time) time.Duration {
	bucket, ok := g.buckets.Get(network)
	if !ok {
		bucket = rate.NewLimiter(rate.Every(time.Minute/maxGuesses), maxGuesses)
		if other, kept, _ := g.buckets.PeekOrAdd(network, bucket); kept {
			bucket = other
		}
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	missing := 1 - bucket.TokensAt(now)
	return max(time.Duration(missing*float64(time.Minute/maxGuesses)), time.Second)
}
