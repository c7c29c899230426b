package broker

import (
	"crypto/subtle"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// authenticator decides whose a connection to the embedded server is: that of the
// node or a command of ours, which shows the secret and may do everything, or that of
// a publisher, which gets the account that its token opens.
type authenticator struct {
	secret      string
	publishers  []Publisher
	permissions *server.Permissions

	opened   chan struct{}
	accounts accounts // set before opened is closed; nil: no publisher is admitted
}

// newAuthenticator always denies publishers our own subjects, so that a wide subject
// in the configuration opens nothing.
func newAuthenticator(secret string, o Options) *authenticator {
	ours := append([]string{InboxPrefix + ".>"}, o.OwnSubjects...)
	return &authenticator{
		secret:     secret,
		publishers: o.Embedded.publishers(),
		permissions: &server.Permissions{
			Publish: &server.SubjectPermission{
				Allow: slices.Clone(o.PublishSubjects),
				Deny:  slices.Concat([]string{"$>", fromPrefix + ">"}, ours, o.NoticeSubjects),
			},
			Subscribe: &server.SubjectPermission{
				Allow: append([]string{"_INBOX.>"}, o.NoticeSubjects...),
				Deny:  ours,
			},
		},
		opened: make(chan struct{}),
	}
}

// open admits publishers. They may connect before the server has been set up, and wait
// until then.
func (a *authenticator) open(made accounts) {
	a.accounts = made
	close(a.opened)
}

// Check implements [server.Authentication].
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	shown := c.GetOpts()
	if shown.Username == internalUser {
		// Nothing that comes over the network is the node, whatever it shows: our own
		// connections are made inside the process, commands use the socket.
		from := c.RemoteAddress()
		if from == nil || from.Network() != "pipe" || !same(shown.Password, a.secret) {
			return false
		}
		c.RegisterUser(&server.User{Username: internalUser})
		return true
	}
	name, known := "", false
	for _, p := range a.publishers { // each of them, so that the time it takes tells nothing
		if p.Token == "" || same(shown.Token, p.Token) || same(shown.Password, p.Token) {
			name, known = p.Name, true
		}
	}
	if !known {
		return false
	}
	<-a.opened
	account := a.accounts[name]
	if account == nil {
		return false
	}
	c.RegisterUser(&server.User{Account: account, Permissions: a.permissions})
	return true
}

func same(shown, secret string) bool {
	return subtle.ConstantTimeCompare([]byte(shown), []byte(secret)) == 1
}
