package credential

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

// Bucket is a token bucket that holds the tokens of a minute, and begins full. It is safe
// for concurrent use.
type Bucket struct{ limiter *rate.Limiter }

// NewBucket returns a bucket that gets so many tokens a minute, at least one.
func NewBucket(perMinute int) *Bucket {
	return &Bucket{rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)}
}

// Take takes n tokens; if that is more than the bucket can hold, as many as it can. If
// there are fewer, it takes none and returns how long to wait, at least a second.
func (b *Bucket) Take(n int, now time.Time) time.Duration {
	n = min(n, b.limiter.Burst())
	if b.limiter.AllowN(now, n) {
		return 0
	}
	missing := float64(n) - b.limiter.TokensAt(now)
	return max(time.Duration(missing/float64(b.limiter.Limit())*float64(time.Second)), time.Second)
}

// Guesses bounds the rate of wrong keys, by a bucket for each network. It is safe for
// concurrent use.
type Guesses struct{ buckets *lru.Cache[string, *Bucket] }

// NewGuesses returns one that has counted nothing.
func NewGuesses() Guesses {
	buckets, err := lru.New[string, *Bucket](maxNetworks)
	if err != nil {
		panic(err) // only for a size below one
	}
	return Guesses{buckets}
}

// Take counts a wrong key. It returns how long the network has to wait if there were too
// many.
func (g Guesses) Take(network string, now time.Time) time.Duration {
	bucket, ok := g.buckets.Get(network)
	if !ok {
		bucket = NewBucket(maxGuesses)
		if other, kept, _ := g.buckets.PeekOrAdd(network, bucket); kept {
			bucket = other
		}
	}
	return bucket.Take(1, now)
}
