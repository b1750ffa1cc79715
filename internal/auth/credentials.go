package auth

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Credential is an access key and what its holder may do.
type Credential struct {
	AccessKeyID     string `yaml:"accessKeyId"`
	SecretAccessKey string `yaml:"secretAccessKey"`
	// Name of the user that the key belongs to; the access key's id if "".
	Name string `yaml:"name"`
	// Policy in IAM's JSON or as YAML; everything is allowed without one.
	Policy *Policy `yaml:"policy"`
}

// Load reads a file of credentials: a list under the key credentials.
func Load(file string) ([]Credential, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	var document struct {
		Credentials []Credential `yaml:"credentials"`
	}
	if err := yaml.Load(data, &document, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("credentials %s: %w", file, err)
	}
	if len(document.Credentials) == 0 {
		return nil, fmt.Errorf("credentials %s: there are none; write a list under the key credentials, each with accessKeyId and secretAccessKey", file)
	}
	seen := map[string]bool{}
	for i := range document.Credentials {
		c := &document.Credentials[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("credentials %s: entry %d: %w", file, i+1, err)
		}
		if seen[c.AccessKeyID] {
			return nil, fmt.Errorf("credentials %s: entry %d: the access key %s is there twice", file, i+1, c.AccessKeyID)
		}
		seen[c.AccessKeyID] = true
	}
	return document.Credentials, nil
}

func (c *Credential) check() error {
	switch {
	case c.AccessKeyID == "":
		return errors.New("accessKeyId is missing")
	case strings.ContainsAny(c.AccessKeyID, "/ ,="):
		return fmt.Errorf("accessKeyId %q holds a character that signatures can't carry", c.AccessKeyID)
	case len(c.SecretAccessKey) < 16:
		return errors.New("secretAccessKey has fewer than 16 characters")
	}
	if c.Name == "" {
		c.Name = c.AccessKeyID
	}
	if c.Policy == nil {
		c.Policy = &Policy{Statement: []Statement{{Effect: "Allow", Action: List{"*"}, Resource: List{"*"}}}}
	}
	return c.Policy.check()
}
