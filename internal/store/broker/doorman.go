package broker

import (
	"crypto/subtle"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// doorman decides who a connection to the embedded server is: the node itself
// and its commands, who know the secret and may do everything, or a publisher,
// who is let into the account that its token opens.
type doorman struct {
	secret      string
	publishers  []Publisher
	permissions *server.Permissions

	opened   chan struct{}
	accounts accounts // set before opened is closed; nil: nobody is let in
}

func newDoorman(secret string, o Options) *doorman {
	return &doorman{
		secret:      secret,
		publishers:  o.Embedded.publishers(),
		permissions: publisherPermissions(o),
		opened:      make(chan struct{}),
	}
}

// open lets in the publishers, who wait until then; they may connect before the
// server has been set up.
func (d *doorman) open(a accounts) {
	d.accounts = a
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

// admitNode lets nobody in who comes over the network, whatever he knows: our own
// connections are made inside the process, commands use the socket.
func (d *doorman) admitNode(c server.ClientAuthentication, shown *server.ClientOpts) bool {
	if from := c.RemoteAddress(); from == nil || from.Network() != "pipe" || !same(shown.Password, d.secret) {
		return false
	}
	c.RegisterUser(&server.User{Username: internalUser})
	return true
}

func (d *doorman) admitPublisher(c server.ClientAuthentication, shown *server.ClientOpts) bool {
	name, ok := d.recognise(shown)
	if !ok {
		return false
	}
	<-d.opened
	account := d.accounts[name]
	if account == nil {
		return false
	}
	c.RegisterUser(&server.User{Account: account, Permissions: d.permissions})
	return true
}

// recognise returns the publisher whose token is shown. It looks at each, so that
// the time tells nothing of them.
func (d *doorman) recognise(shown *server.ClientOpts) (name string, ok bool) {
	for _, p := range d.publishers {
		if p.Token == "" || same(shown.Token, p.Token) || same(shown.Password, p.Token) {
			name, ok = p.Name, true
		}
	}
	return name, ok
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
			Deny:  append([]string{"$>", InboxPrefix + ".>", fromPrefix + ">"}, o.NoticeSubjects...),
		},
		Subscribe: &server.SubjectPermission{
			Allow: append([]string{"_INBOX.>"}, o.NoticeSubjects...),
			Deny:  []string{InboxPrefix + ".>"},
		},
	}
}
