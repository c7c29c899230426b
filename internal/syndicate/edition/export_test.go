package edition

// ShortenChanges lets parts of change lists have about n galleries.
func ShortenChanges(n int) { changesPage = n }
