package feed

import "fmt"

// Fault is why a gallery, or a feed's head, may not be published.
type Fault struct {
	GalleryID string // empty: the fault is in the head of the feed
	Format    Format
	Reason    string
}

// Error names the gallery, the format and the reason.
func (f *Fault) Error() string {
	if f.GalleryID == "" {
		return fmt.Sprintf("%s of the feed itself: %s", f.Format, f.Reason)
	}
	return fmt.Sprintf("%s of gallery %q: %s", f.Format, f.GalleryID, f.Reason)
}

// maxDocument is how long a document may be in bytes unless something else is
// asked for.
const maxDocument = 16 << 20

// Check returns what keeps d from being published, nil when nothing does: a
// head that is malformed or lacks a required element, an item whose identifier
// an item before it has, an item with which d would be longer than limit bytes
// (0: 16 MiB). Without the galleries named, a document of the rest is
// fit. Items were checked when they were rendered, so that this costs the head
// and a look at each item's identifier.
func (d *Document) Check(limit int) []*Fault {
	var faults []*Fault
	add := func(galleryID, reason string) {
		faults = append(faults, &Fault{GalleryID: galleryID, Format: d.Format, Reason: reason})
	}
	if reason := d.headFault(); reason != "" {
		add("", reason)
	}
	if limit == 0 {
		limit = maxDocument
	}
	seen := make(map[string]*Item, len(d.items))
	size := len(d.frame.head) + len(d.frame.tail)
	for _, item := range d.items {
		id := item.ids[d.Format]
		more := len(item.pieces[d.Format].body) + len(d.frame.separator)
		switch first := seen[id]; {
		case first != nil:
			add(item.galleryID, fmt.Sprintf("its id %s is also that of gallery %q", id, first.galleryID))
		case size+more > limit:
			add(item.galleryID, fmt.Sprintf("with it the document would be longer than %d bytes", limit))
		default:
			seen[id], size = item, size+more
		}
	}
	return faults
}
