package websub

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Modes of a request.
const (
	subscribe   = "subscribe"
	unsubscribe = "unsubscribe"
	publish     = "publish"
)

const (
	maxSecret = 199 // bytes; the Recommendation has it under 200
	maxTopic  = 2048
	maxTopics = 100                        // in one request to publish
	maxAsked  = 100 * 365 * 24 * time.Hour // a longer lease must be a mistake
)

// request is what a body asks for.
type request struct {
	mode     string
	topics   []string // one, but for publish
	callback string
	secret   string
	lease    time.Duration // 0: not given
}

// refusal is an error that the client is answered with.
type refusal struct {
	status int
	reason string
	retry  time.Duration // when to try again; 0: not given
}

// Error is the reason.
func (r *refusal) Error() string { return r.reason }

func bad(format string, args ...any) error {
	return &refusal{status: http.StatusBadRequest, reason: fmt.Sprintf(format, args...)}
}

// parse reads a body of application/x-www-form-urlencoded and ignores unknown
// parameters. Its errors are refusals. Whether the callback may be called, and whether
// the topics are ours, is not checked.
func parse(body string) (request, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return request{}, bad("the body is not well-formed application/x-www-form-urlencoded")
	}
	mode, err := one(form, "hub.mode")
	switch {
	case err != nil:
		return request{}, err
	case mode == subscribe || mode == unsubscribe:
		return parseSubscription(mode, form)
	case mode != publish:
		return request{}, bad("hub.mode must be subscribe, unsubscribe or publish")
	}
	topics := slices.Concat(form["hub.url"], form["hub.topic"])
	switch {
	case len(topics) == 0:
		return request{}, bad("hub.url is missing: name at least one topic")
	case len(topics) > maxTopics:
		return request{}, bad("hub.url may be given at most %d times", maxTopics)
	case slices.ContainsFunc(topics, func(t string) bool { return !topicLike(t) }):
		return request{}, bad("hub.url must be an address of at most %d bytes", maxTopic)
	}
	return request{mode: publish, topics: topics}, nil
}

func parseSubscription(mode string, form url.Values) (req request, err error) {
	req.mode = mode
	if req.callback, err = one(form, "hub.callback"); err != nil {
		return req, err
	}
	topic, err := one(form, "hub.topic")
	if err != nil {
		return req, err
	}
	if req.topics = []string{topic}; !topicLike(topic) {
		return req, bad("hub.topic must be an address of at most %d bytes", maxTopic)
	}
	if mode == unsubscribe {
		return req, nil // a lease or a secret is ignored
	}
	if req.secret, err = atMostOne(form, "hub.secret"); err != nil {
		return req, err
	}
	if len(req.secret) > maxSecret {
		return req, bad("hub.secret must be less than %d bytes", maxSecret+1)
	}
	seconds, err := atMostOne(form, "hub.lease_seconds")
	if err != nil || seconds == "" {
		return req, err
	}
	n, err := strconv.ParseUint(seconds, 10, 63)
	if err != nil {
		return req, bad("hub.lease_seconds must be a positive decimal integer")
	}
	if n > uint64(maxAsked/time.Second) {
		return req, bad("hub.lease_seconds must be at most %d", maxAsked/time.Second)
	}
	req.lease = time.Duration(n) * time.Second
	return req, nil
}

func topicLike(topic string) bool {
	return len(topic) <= maxTopic && utf8.ValidString(topic) && !strings.ContainsFunc(topic, unicode.IsControl)
}

// one returns the value of a parameter that must be there once.
func one(form url.Values, name string) (string, error) {
	value, err := atMostOne(form, name)
	if err == nil && value == "" {
		return "", bad("%s is missing", name)
	}
	return value, err
}

func atMostOne(form url.Values, name string) (string, error) {
	if len(form[name]) > 1 {
		return "", bad("%s is there more than once", name)
	}
	return form.Get(name), nil
}
