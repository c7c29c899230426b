"""Prints what feedparser reads of the feeds in the files: {file: values}."""
import json
import sys

import feedparser


def instant(t):
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % t[:6] if t else ""


seen = {}
for path in sys.argv[1:]:
    with open(path, "rb") as f:
        feed = feedparser.parse(f.read(), sanitize_html=False, resolve_relative_uris=False)
    values = {"fault": str(feed.bozo_exception) if feed.bozo else "", "items": len(feed.entries)}
    for e in feed.entries[:1]:
        values |= {
            "title": e.title,
            "link": e.link,
            "id": e.id,
            "published": instant(e.get("published_parsed")),
            "updated": instant(e.get("updated_parsed")),
            "tags": [t.term for t in e.get("tags", [])],
            "html": "".join(c.value for c in e.get("content", [])),
        }
        if path.endswith(".atom"):
            values |= {
                "summary": e.get("summary", ""),
                "language": e.title_detail.language or "",
                "licenses": [l.href for l in e.links if l.rel == "license"],
                "slides": [l.href for l in e.links if l.rel == "enclosure"],
                "authors": [a.get("name", "") for a in e.get("authors", [])],
                "emails": [a.get("email", "") for a in e.get("authors", [])],
                "author urls": [a.get("href", "") for a in e.get("authors", [])],
            }
        else:
            values["slides"] = [m.get("url") for m in e.get("media_content", [])]
    seen[path] = values
json.dump(seen, sys.stdout)
