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

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
)

type healthCmd struct {
	Live bool        `help:"Check only that the process answers."`
	URL  nodeAddress `name:"url" help:"The node's address; by default the configured http.listen." placeholder:"URL"`
}

// Help is printed below the command's usage.
func (healthCmd) Help() string {
	return `A node is ready if its index is complete, its store is not damaged, and it was
connected to NATS within http.serve_without_nats. The exit code is 0 if it is ready,
and 1 if it is not or does not answer within --timeout. The lines after "ready" are
problems that readers do not notice yet, such as events that cannot be processed.`
}

// Run asks the node.
func (h healthCmd) Run(ctx context.Context, c *console) error {
	base, err := h.base(c)
	if err != nil {
		return err
	}
	path, well := "/readyz", "ready"
	if h.Live {
		path, well = "/healthz", "ok"
	}
	status, text, err := fetch(ctx, http.DefaultClient, base+path, "", c.timeout)
	if err != nil {
		return err
	}
	answer := strings.TrimSpace(string(text))
	if status != http.StatusOK {
		return errors.New(cmp.Or(printable(strings.ReplaceAll(answer, "\n", "; ")), http.StatusText(status)))
	}
	if first, _, _ := strings.Cut(answer, "\n"); first != well {
		return fmt.Errorf("something else answers at %s: give the node's address with --url", base)
	}
	for line := range strings.Lines(answer) {
		if _, err = fmt.Fprintln(c.out, printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// base returns the address of --url, or else of the node of this machine.
func (h healthCmd) base(c *console) (string, error) {
	if h.URL != "" {
		return strings.TrimRight(string(h.URL), "/"), nil
	}
	cfg, err := c.load()
	if err != nil {
		return "", err
	}
	return nodeURL(cfg, "http.listen", cfg.HTTP.Listen)
}

// nodeURL returns the address of the node of this machine, which listens at that key.
func nodeURL(cfg config.Config, key, listen string) (string, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return "", config.Problems{cfg.Problem(key, fmt.Sprintf("%q does not say which port the node uses: give the node's address with --url", listen))}
	}
	return "http://" + app.Reachable(listen), nil
}

// maxAnswer bounds the bytes read of a node's answer.
const maxAnswer = 4 << 20

// fetch sends a GET request. The timeout is for the whole answer; token may be empty.
func fetch(ctx context.Context, client *http.Client, url, token string, timeout time.Duration) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if unanswered(err) {
		return 0, nil, fmt.Errorf("no answer from %s within %s: it accepts connections, so check what runs there", url, timeout)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("no answer from %s: start \"gallerywire serve\" there, or give another address with --url: %w", url, innermost(err))
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		err = fmt.Errorf("only a part of the answer came from %s within %s: %w", url, timeout, innermost(err))
	}
	return resp.StatusCode, body, err
}

// innermost returns the last wrapped error, because the message names the rest.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
