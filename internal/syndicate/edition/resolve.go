package edition

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// Resolve returns the public feed whose document in that format is at the absolute
// address. The address must begin as ours do, to the letter, and have neither
// query nor fragment; only the name in it may be percent-encoded in another way
// than [Set.Address] does it.
//
// The error is [ErrUnknown] for an address that is no feed's, such as that of a page
// of an archive, and for a dynamic feed without galleries; [ErrGone] for a gallery
// that was there; [ErrUnavailable] while the index is not whole; and a [*Moved], with
// the format, for a feed's former name. Its text says why, and names the addresses
// that may be meant.
func (s *Set) Resolve(address string) (Ref, feed.Format, error) {
	refuse := func(reason string) (Ref, feed.Format, error) {
		return Ref{}, 0, fmt.Errorf("%w: the address %s", ErrUnknown, reason)
	}
	path, ours := strings.CutPrefix(address, s.opts.Site.BaseURL+"/")
	switch {
	case !ours:
		return refuse("does not begin with " + s.opts.Site.BaseURL + "/")
	case strings.ContainsAny(path, "?#"):
		return refuse("has a query or a fragment, and those of feeds have none")
	}
	kind, file, _ := strings.Cut(path, "/")
	if strings.Contains(file, "/") {
		return refuse("is not that of a feed itself")
	}
	file, err := url.PathUnescape(file)
	if err != nil {
		return refuse("is not percent-encoded as addresses are")
	}
	dot := strings.LastIndexByte(file, '.')
	f, err := feed.ParseFormat(file[dot+1:])
	if err != nil || dot < 0 {
		return refuse("does not end in " + feed.FormatNames("."))
	}
	ref := Ref{Kind: Kind(kind), Name: file[:dot]}
	switch ref.Kind {
	case Feed:
		_, err = s.configured(ref)
	case Gallery:
		_, err = s.Shown(ref.Name)
	default:
		_, err = s.lookup(ref)
	}
	if meant, ok := errors.AsType[*Meant](err); ok {
		err = fmt.Errorf("%w: perhaps you mean %s", err, strings.Join(meant.URLs(f), " or "))
	}
	if err != nil {
		return Ref{}, f, err
	}
	return ref, f, nil
}
