package broker

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Publisher is a CMS that the embedded server tells from others by its token.
type Publisher struct {
	Name  string // of letters, digits, _ and -
	Token string
}

// fromPrefix begins the subjects on which the events of named publishers arrive.
const fromPrefix = "_GW_FROM."

// PublisherOf returns the publisher of a message that arrived in our account on subject,
// and the subject that was published on; no name is the publisher without one, or the
// node itself. It can be relied on: the embedded server makes the subject of the
// account that the client's token opens, and no client can publish on such a
// subject itself. Kind and order of an event are those of the plain subject.
func PublisherOf(subject string) (publisher, plain string) {
	rest, named := strings.CutPrefix(subject, fromPrefix)
	publisher, plain, whole := strings.Cut(rest, ".")
	if !named || !whole {
		return "", subject
	}
	return publisher, plain
}

// SubjectOf is the subject in our account of what the publisher publishes on the
// plain one; "*" is every publisher that has a name.
func SubjectOf(publisher, plain string) string {
	if publisher == "" {
		return plain
	}
	return fromPrefix + publisher + "." + plain
}

// accounts are those of publishers, by their names.
type accounts map[string]*server.Account

// newAccounts makes an account for each publisher. Permissions are not enough to
// keep a CMS out of the buckets: the server checks the subject of a message but
// not its reply subject, and JetStream's acknowledgement goes to that one, so that
// in our own account an event with a bucket's key as reply subject would overwrite
// the record. In an account of its own every reply subject is its own, inboxes
// too, and only the subjects named here pass between the two.
func newAccounts(ns *server.Server, o Options) (accounts, error) {
	made, ours := accounts{}, ns.GlobalAccount()
	var all []*server.Account
	for _, p := range o.Embedded.publishers() {
		account, err := ns.RegisterAccount(strings.TrimSuffix("PUBLISHERS_"+p.Name, "_"))
		if err != nil {
			return nil, fmt.Errorf("make the account of publisher %s: %w", cmp.Or(p.Name, "(without a name)"), err)
		}
		made[p.Name], all = account, append(all, account)
		for _, subject := range o.PublishSubjects { // as a service, so that the one answer to it returns
			there := SubjectOf(p.Name, subject)
			err := ours.AddServiceExport(there, []*server.Account{account})
			if err == nil {
				err = account.AddServiceImport(ours, subject, there)
			}
			if err != nil {
				return nil, fmt.Errorf("let publishers publish %s: %w", subject, err)
			}
		}
	}
	for _, subject := range o.NoticeSubjects {
		err := ours.AddStreamExport(subject, all)
		for i := 0; err == nil && i < len(all); i++ {
			err = all[i].AddStreamImport(ours, subject, "")
		}
		if err != nil {
			return nil, fmt.Errorf("let publishers subscribe to %s: %w", subject, err)
		}
	}
	return made, nil
}
