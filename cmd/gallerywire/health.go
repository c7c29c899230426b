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
	Live bool        `help:"Only whether the process answers, not whether it can do its work."`
	URL  nodeAddress `name:"url" help:"The node's address; by default the configured http.listen." placeholder:"URL"`
}

// Help is printed below the command's usage.
func (healthCmd) Help() string {
	return `A node is well when its index is whole, its store is not damaged, and it was
connected to NATS within http.serve_without_nats. The exit code is 0 when it is, 1 when it is not or does
not answer within --timeout. Lines after "ready" say what an operator should mend
though readers notice nothing, such as events that cannot be taken in.`
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
	answer, err := ask(ctx, base+path, c.timeout)
	if err != nil {
		return err
	}
	if first, _, _ := strings.Cut(answer, "\n"); first != well {
		return fmt.Errorf("something else answers at %s: state the node's address with --url", base)
	}
	for line := range strings.Lines(answer) {
		if _, err = fmt.Fprintln(c.out, printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// base is the address that was given, else the one of a node of this machine.
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

// nodeURL is how a node of this machine is reached that listens as the key says.
func nodeURL(cfg config.Config, key, listen string) (string, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return "", config.Problems{cfg.Problem(key, fmt.Sprintf("%q does not say which port was bound: state the node's address with --url", listen))}
	}
	return "http://" + app.Reachable(listen), nil
}

// ask returns the lines that the node answers; that it is not well is an error.
func ask(ctx context.Context, url string, timeout time.Duration) (string, error) {
	status, text, err := fetch(ctx, http.DefaultClient, url, "", timeout)
	if err != nil {
		return "", err
	}
	answer := strings.TrimSpace(string(text))
	if status != http.StatusOK {
		return "", errors.New(cmp.Or(printable(strings.ReplaceAll(answer, "\n", "; ")), http.StatusText(status)))
	}
	return answer, nil
}

// maxAnswer bounds what is read of a node's answer.
const maxAnswer = 4 << 20

// fetch asks a node, which has so long for the whole answer; token may be empty.
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
		return 0, nil, fmt.Errorf("no answer from %s within %s: it accepts connections, look at what runs there", url, timeout)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("no answer from %s: start \"gallerywire serve\" there, or state another address with --url: %w", url, innermost(err))
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		err = fmt.Errorf("only a part of the answer came from %s within %s: %w", url, timeout, innermost(err))
	}
	return resp.StatusCode, body, err
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
