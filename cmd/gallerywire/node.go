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

// node is a node as its operators reach it.
type node struct {
	client     *http.Client
	url, token string
	timeout    time.Duration
}

// findNode returns the node at url; where that is empty, the one of this machine:
// over the socket in its data directory, which proves that the node answers and not
// somebody else who has its port. Only where no node runs on that directory, or NATS
// is elsewhere, it is the one at http.admin_listen: with the embedded server not if
// there is a token, which would be shown to whoever has the port.
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
			return n, fmt.Errorf("%w, or state with --url to which address the node's token is sent", err)
		}
	}
	var err error
	n.url, err = nodeURL(cfg, "http.admin_listen", cfg.HTTP.AdminListen)
	return n, err
}

// overSocket is the address of a node that is asked over the socket in its directory.
const overSocket = "http://localhost"

// where says for people which node it is.
func (n node) where() string {
	if n.url == overSocket && n.client != http.DefaultClient {
		return "on the data directory"
	}
	return "at " + n.url
}

// get returns the answer to a request.
func (n node) get(ctx context.Context, path string) ([]byte, error) {
	status, body, err := fetch(ctx, n.client, n.url+path, n.token, n.timeout)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusOK:
		return body, nil
	case status == http.StatusUnauthorized && n.token == "":
		return nil, fmt.Errorf("the node %s asks for its token: name the token's file with GALLERYWIRE_HTTP_ADMIN_TOKEN_FILE, or with --config the configuration that has it as http.admin_token_file", n.where())
	case status == http.StatusUnauthorized:
		return nil, fmt.Errorf("the node %s takes another token: name its own file in http.admin_token_file", n.where())
	case status == http.StatusForbidden:
		return nil, fmt.Errorf("the node at %s has no token and wants to be asked by IP address or as localhost: state that with --url", n.url)
	}
	return nil, n.other()
}

// other says that something answers that is no node, or not where operators
// reach it.
func (n node) other() error {
	return fmt.Errorf("something else answers at %s: state the node's address for operators (http.admin_listen) with --url", n.url)
}
