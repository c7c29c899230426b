package websub

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

const (
	maxBody   = 16 << 10
	formType  = "application/x-www-form-urlencoded"
	busyRetry = 30 * time.Second
)

const explanation = `This is the WebSub hub of this site's feeds, and of no others.

To be notified when a feed changes, POST to this address, as ` + formType + `:
  hub.mode=subscribe   hub.topic=<a feed's address>   hub.callback=<your address>
and, if you like, hub.lease_seconds and hub.secret. See https://www.w3.org/TR/websub/`

// ServeHTTP implements [http.Handler]. Every answer is plain text. The text of an error that
// is no refusal is this node's own and only logged.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		plain(w, http.StatusOK, explanation)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		plain(w, http.StatusMethodNotAllowed, "only GET and POST are understood here")
		return
	}
	var req request
	client, network := h.opts.ClientOf(r)
	err := h.limits.ofClient(network, h.opts.Now())
	if err == nil {
		req, err = readRequest(w, r)
	}
	switch {
	case err != nil:
	case req.mode == publish:
		err = h.publish(req, client)
	default:
		err = h.accept(r.Context(), req, client)
	}
	no, isRefusal := errors.AsType[*refusal](err)
	switch {
	case err == nil && req.mode == publish:
		headers(w)
		w.WriteHeader(http.StatusNoContent) // some publishers take nothing else for success
		return
	case err == nil:
		plain(w, http.StatusAccepted, "accepted: the callback is asked next")
		return
	case !isRefusal:
		h.opts.Logger.Warn("cannot take a request to the hub, answering 503", "err", err)
		no = &refusal{status: http.StatusServiceUnavailable, reason: "not possible at the moment, try again", retry: busyRetry}
	}
	if no.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((no.retry+time.Second-1)/time.Second)))
	}
	plain(w, no.status, no.reason)
}

// readRequest reads the form of a request, of at most maxBody bytes. Its errors are
// refusals.
func readRequest(w http.ResponseWriter, r *http.Request) (request, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != formType || r.Header.Get("Content-Encoding") != "" {
		return request{}, &refusal{status: http.StatusUnsupportedMediaType, reason: "the body must be " + formType + ", not compressed"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return request{}, &refusal{status: http.StatusRequestEntityTooLarge, reason: "the body must be at most " + strconv.Itoa(maxBody) + " bytes"}
	}
	if err != nil {
		return request{}, bad("the body could not be read")
	}
	return parse(string(body))
}

// accept checks a request and stores the verification that it leads to.
func (h *Hub) accept(ctx context.Context, req request, client netip.Addr) error {
	if _, err := h.opts.Client.Check(req.callback); err != nil {
		return bad("hub.callback %v", err)
	}
	address := req.topics[0]
	topic, err := h.resolve(address, client)
	if err != nil && req.mode == unsubscribe {
		h.mu.RLock()
		if gone := h.index.addresses[address]; gone != nil {
			topic, err = gone.Topic, nil
		}
		h.mu.RUnlock()
	}
	if err != nil {
		return err
	}
	q := question{
		Mode: req.mode, Topic: topic, Address: address, Callback: req.callback, Secret: []byte(req.secret),
	}
	h.mu.RLock()
	exists, overQuota := h.exists(q), h.overQuota(q)
	h.mu.RUnlock()
	if req.mode == subscribe {
		lease := min(max(cmp.Or(req.lease, h.opts.Lease.Default), h.opts.Lease.Min), h.opts.Lease.Max)
		q.Lease = int64(lease / time.Second)
		if overQuota != nil {
			return &refusal{status: http.StatusForbidden, reason: overQuota.Error()}
		}
	}
	// Of each subscription one request waits: renewals need no limit.
	if !exists && h.pending.count() >= maxWaiting {
		return &refusal{status: http.StatusServiceUnavailable, reason: "too many callbacks wait to be asked, try again later", retry: busyRetry}
	}
	if err := h.limits.ofAll(exists, h.opts.Now()); err != nil {
		return err
	}
	return h.pending.put(ctx, q, rand.Text())
}

func (h *Hub) resolve(address string, client netip.Addr) (Topic, error) {
	topic, err := h.opts.Topics.Resolve(address, client)
	if err != nil && !errors.Is(err, ErrUnavailable) {
		err = &refusal{status: http.StatusNotFound, reason: "the topic is none of ours: " + err.Error()}
	}
	return topic, err
}

// publish takes a publisher's ping.
func (h *Hub) publish(req request, client netip.Addr) error {
	var feeds []string
	for _, address := range req.topics {
		topic, err := h.resolve(address, client)
		if err != nil {
			return err
		}
		feeds = append(feeds, topic.Feed)
	}
	if err := h.limits.ofAll(false, h.opts.Now()); err != nil {
		return err
	}
	slices.Sort(feeds)
	for _, feed := range slices.Compact(feeds) {
		h.opts.Pinged(feed)
	}
	return nil
}

func plain(w http.ResponseWriter, status int, text string) {
	headers(w)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a client that left needs no answer
}

func headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
