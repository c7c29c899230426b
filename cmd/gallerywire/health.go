package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
)

type healthCmd struct {
	Live bool   `help:"Only whether the process answers, not whether it can do its work."`
	URL  string `name:"url" help:"The node's address; by default the configured http.listen." placeholder:"URL"`
}

// Help is printed below the command's usage.
func (healthCmd) Help() string {
	return `A node is well when it is connected to NATS and its index is whole. The exit code
is 0 when it is, 1 when it is not or does not answer within five seconds.`
}

// healthTimeout bounds how long the node may take to answer.
const healthTimeout = 5 * time.Second

// Run asks the node.
func (h healthCmd) Run(ctx context.Context, c *console) error {
	base, err := h.base(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	path, well := "/readyz", "ready"
	if h.Live {
		path, well = "/healthz", "ok"
	}
	answer, err := ask(ctx, base+path)
	if err != nil {
		return err
	}
	if answer != well {
		return fmt.Errorf("something else answers at %s: state the node's address with --url", base)
	}
	_, err = fmt.Fprintln(c.out, answer)
	return err
}

// base is the address that was given, else the one of a node of this machine.
func (h healthCmd) base(c *console) (string, error) {
	if h.URL != "" {
		return strings.TrimRight(h.URL, "/"), nil
	}
	cfg, err := c.load()
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(cfg.HTTP.Listen)
	if err != nil || port == "0" {
		return "", config.Problems{cfg.Problem("http.listen", fmt.Sprintf("%q does not say which port was bound: state the node's address with --url", cfg.HTTP.Listen))}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// ask returns what the node answers; that it is not well is an error.
func ask(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("no answer from %s: start \"gallerywire serve\" there, or state another address with --url: %w", url, innermost(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	answer := strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "; ")
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(cmp.Or(printable(answer), resp.Status))
	}
	return answer, nil
}

// innermost drops what the message says already.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
