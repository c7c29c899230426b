package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/store/broker"
)

// node is the address of a node for operators.
type node struct {
	client     *http.Client
	url, token string
	timeout    time.Duration
}

// findNode returns the node at url, or if that is empty, the node of this machine. It
// uses the socket in the data directory, which proves that the node answers and no
// other process on its port. If no node runs on that directory, or NATS is external, it
// uses http.admin_listen, but with the embedded server only without a token, which
// another process on that port would get.
func findNode(c *console, cfg config.Config, url string) (node, error) {
	n := node{client: http.DefaultClient, url: strings.TrimRight(url, "/"), token: string(cfg.HTTP.AdminToken), timeout: c.timeout}
	if n.url != "" {
		return n, nil
	}
	if cfg.NATS.URL == "" {
		o := c.brokerOptions(cfg)
		conn, err := broker.DialAdmin(o)
		if err == nil {
			n.client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return broker.DialAdmin(o) }}}
			n.url = overSocket
			return n, conn.Close()
		}
		if n.token != "" {
			return n, fmt.Errorf("%w, or give with --url the address that gets the node's token", err)
		}
	}
	var err error
	n.url, err = nodeURL(cfg, "http.admin_listen", cfg.HTTP.AdminListen)
	return n, err
}

// overSocket is the address of a node behind the socket in its data directory.
const overSocket = "http://localhost"

// where names the node in messages.
func (n node) where() string {
	if n.url == overSocket && n.client != http.DefaultClient {
		return "on the data directory"
	}
	return "at " + n.url
}

// maxReason is how long the reason of a node is that refuses a request, at most: other
// servers answer with pages.
const maxReason = 200

// get returns the answer to a GET request.
func (n node) get(ctx context.Context, path string) ([]byte, error) {
	status, body, err := fetch(ctx, n.client, n.url+path, n.token, n.timeout)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusOK:
		return body, nil
	case status == http.StatusBadRequest && len(body) < maxReason:
		return nil, fmt.Errorf("the node %s: %s", n.where(), shown(strings.TrimSpace(string(body))))
	case status == http.StatusUnauthorized && n.token == "":
		return nil, fmt.Errorf("the node %s needs its token: set GALLERYWIRE_HTTP_ADMIN_TOKEN_FILE to the token's file, or --config to the configuration with http.admin_token_file", n.where())
	case status == http.StatusUnauthorized:
		return nil, fmt.Errorf("the node %s has another token: set http.admin_token_file to its file", n.where())
	case status == http.StatusForbidden:
		return nil, fmt.Errorf("the node at %s has no token and answers only by IP address or as localhost: use that with --url", n.url)
	}
	return nil, n.other()
}

// other is the error of an answer that is not from a node's address for operators.
func (n node) other() error {
	return fmt.Errorf("something else answers at %s: give the node's address for operators (http.admin_listen) with --url", n.url)
}
