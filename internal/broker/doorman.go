package broker

import (
	"crypto/subtle"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// doorman decides who a connection to the embedded server is: the node itself
// and its commands, who know the secret and may do everything, or a publisher,
// who is let into an account of its own.
type doorman struct {
	secret      string
	token       string
	permissions *server.Permissions

	opened     chan struct{}
	publishers *server.Account // set before opened is closed; nil: nobody is let in
}

func newDoorman(secret string, o Options) *doorman {
	return &doorman{
		secret:      secret,
		token:       o.Embedded.PublisherToken,
		permissions: publisherPermissions(o),
		opened:      make(chan struct{}),
	}
}

// open lets in the publishers, who wait until then; they may connect before the
// server has been set up.
func (d *doorman) open(account *server.Account) {
	d.publishers = account
	close(d.opened)
}

// Check implements [server.Authentication].
func (d *doorman) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	shown := c.GetOpts()
	if shown.Username == internalUser {
		return d.admitNode(c, shown)
	}
	return d.admitPublisher(c, shown)
}

func (d *doorman) admitNode(c server.ClientAuthentication, shown *server.ClientOpts) bool {
	if !same(shown.Password, d.secret) {
		return false
	}
	c.RegisterUser(&server.User{Username: internalUser})
	return true
}

func (d *doorman) admitPublisher(c server.ClientAuthentication, shown *server.ClientOpts) bool {
	if d.token != "" && !same(shown.Token, d.token) && !same(shown.Password, d.token) {
		return false
	}
	<-d.opened
	if d.publishers == nil {
		return false
	}
	c.RegisterUser(&server.User{Account: d.publishers, Permissions: d.permissions})
	return true
}

func same(shown, secret string) bool {
	return subtle.ConstantTimeCompare([]byte(shown), []byte(secret)) == 1
}

// publisherPermissions denies what is ours in any case, so that a wide subject
// in the configuration opens nothing.
func publisherPermissions(o Options) *server.Permissions {
	return &server.Permissions{
		Publish: &server.SubjectPermission{
			Allow: slices.Clone(o.PublishSubjects),
			Deny:  append([]string{"$>", InboxPrefix + ".>"}, o.NoticeSubjects...),
		},
		Subscribe: &server.SubjectPermission{
			Allow: append([]string{"_INBOX.>"}, o.NoticeSubjects...),
			Deny:  []string{InboxPrefix + ".>"},
		},
	}
}
