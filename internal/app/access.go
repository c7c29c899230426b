package app

import (
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// newAccess returns what admits the configured partners.
func (a *App) newAccess() *partner.Access {
	var partners []partner.Partner
	for _, p := range a.opts.Config.Partners {
		one := partner.Partner{Name: p.Name, PathKeys: p.Access.PathKeys, Networks: p.Access.Networks, PollEvery: p.PollEvery}
		for _, k := range p.Access.Keys {
			one.Keys = append(one.Keys, partner.Key{Name: k.Name, File: k.SecretFile, From: k.From, Until: k.Until})
		}
		partners = append(partners, one)
	}
	return partner.New(partner.Options{Partners: partners, Network: web.ClientNetwork, Registerer: a.metrics, Logger: a.logger("partner")})
}

// intakeKeys are the keys of senders of events over HTTP.
func intakeKeys(c config.Config) (keys []receive.Key) {
	for _, k := range c.Intake.Keys {
		keys = append(keys, receive.Key{Name: k.Name, Kind: receive.Kind(k.Kind), File: k.SecretFile, Secret: string(k.Secret), IDPrefix: k.IDPrefix, GUIDPrefixes: k.GUIDPrefixes})
	}
	return keys
}

// newKeys returns what admits senders of events over HTTP; nil where none may send.
func (a *App) newKeys() *receive.Keys {
	c := a.opts.Config.Intake
	if len(c.Keys) == 0 && !c.OpenOnLoopback {
		return nil
	}
	return receive.NewKeys(receive.KeysOptions{
		Keys: intakeKeys(a.opts.Config), OpenOnLoopback: c.OpenOnLoopback, RequestsPerMinute: c.RequestsPerMinute,
		Network: web.ClientNetwork, Now: a.now, Registerer: a.metrics, Logger: a.logger("receive"),
	})
}

// senderStates returns what reports the keys of senders of events over HTTP; nil where none
// may send.
func (a *App) senderStates() func() []status.Sender {
	if a.keys == nil {
		return nil
	}
	return func() (list []status.Sender) {
		for _, k := range a.keys.States() {
			list = append(list, status.Sender{Name: k.Name, Kind: string(k.Kind), IDPrefix: k.IDPrefix, Used: k.Used, Problem: k.Problem})
		}
		return list
	}
}

// Reload reads again what can change while the node runs: the files of keys.
func (a *App) Reload() {
	a.access.Reload()
	if a.keys != nil {
		a.keys.Reload()
	}
}
