package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
)

type healthCmd struct {
	Live bool   `help:"Only whether the process answers, not whether it can do its work."`
	URL  string `name:"url" help:"The node's address; by default the configured http.listen." placeholder:"URL"`
}

// Help is printed below the command's usage.
func (healthCmd) Help() string { return `Exit code 0: it is. 1: it is not, or does not answer.` }

// Run asks the node.
func (h healthCmd) Run(ctx context.Context, c *console) error {
	base := strings.TrimRight(h.URL, "/")
	if base == "" {
		cfg, err := app.LoadConfig(c.path, c.environ)
		if err != nil {
			return err
		}
		base = "http://" + localAddress(cfg.HTTP.Listen)
	}
	path := "/readyz"
	if h.Live {
		path = "/healthz"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	text, err := get(ctx, base+path)
	if err != nil {
		return err
	}
	fmt.Fprint(c.out, text)
	return nil
}

// localAddress is where a listener of this machine is reached.
func localAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(strings.TrimSpace(string(text)))
	}
	return string(text), nil
}
