package partner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// ReadHash returns the hash of the key in the file, which has one line with the key or with
// its hash. Its errors name the file and a remedy, and do not quote the content.
func ReadHash(file string) (credential.Hash, error) {
	text, err := credential.ReadText(file)
	if err != nil {
		return credential.Hash{}, err
	}
	hash, err := credential.ParseKey(text)
	if strings.ContainsAny(text, "\r\n") {
		err = errors.New("has more than one line")
	}
	if err != nil {
		return credential.Hash{}, fmt.Errorf(`%q %w: write a key or the hash of one into it, as "gallerywire partners key" prints them`, file, err)
	}
	return hash, nil
}
