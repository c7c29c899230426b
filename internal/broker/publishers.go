package broker

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// publishersAccount is the name of the account of those who connect from outside.
const publishersAccount = "PUBLISHERS"

// newPublishers makes the account in which a CMS lives. Permissions are not
// enough to keep it out of the buckets: the server checks the subject of a
// message but not its reply subject, and JetStream's acknowledgement goes to
// that one, so that in our own account an event with a bucket's key as reply
// subject would overwrite the record. In an account of its own every reply
// subject is its own, and only the subjects named here pass between the two.
func newPublishers(ns *server.Server, o Options) (*server.Account, error) {
	publishers, err := ns.RegisterAccount(publishersAccount)
	if err != nil {
		return nil, fmt.Errorf("make the account of publishers: %w", err)
	}
	for _, subject := range o.PublishSubjects {
		if err := letIn(publishers, ns.GlobalAccount(), subject); err != nil {
			return nil, fmt.Errorf("let publishers publish %s: %w", subject, err)
		}
	}
	for _, subject := range o.NoticeSubjects {
		if err := letOut(publishers, ns.GlobalAccount(), subject); err != nil {
			return nil, fmt.Errorf("let publishers hear %s: %w", subject, err)
		}
	}
	return publishers, nil
}

// letIn has what publishers publish on the subject reach ours, and the one
// answer to it return.
func letIn(publishers, ours *server.Account, subject string) error {
	if err := ours.AddServiceExport(subject, []*server.Account{publishers}); err != nil {
		return err
	}
	return publishers.AddServiceImport(ours, subject, subject)
}

// letOut has what we publish on the subject reach the publishers.
func letOut(publishers, ours *server.Account, subject string) error {
	if err := ours.AddStreamExport(subject, []*server.Account{publishers}); err != nil {
		return err
	}
	return publishers.AddStreamImport(ours, subject, "")
}
