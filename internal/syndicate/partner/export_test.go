package partner

// Networks is how many networks' wrong keys are counted.
func Networks(a *Access) int { return a.guesses.buckets.Len() }
