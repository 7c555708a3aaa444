// Reads one JSON document from standard input and prints what Grafana's own types do not know or miss in it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
)

type document struct {
	Rules    []json.RawMessage `json:"rules"`
	Contacts []json.RawMessage `json:"contacts"`
	Policies []json.RawMessage `json:"policies"`
}

type checked interface {
	UnmarshalJSONStrict(raw []byte) error
	Validate() error
}

func main() {
	given := document{}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	for _, raw := range given.Rules {
		check("rule", &alerting.Rule{}, raw)
	}
	for _, raw := range given.Contacts {
		check("contact point", &alerting.ContactPoint{}, raw)
	}
	for _, raw := range given.Policies {
		check("policy", &alerting.NotificationPolicy{}, raw)
	}
}

func check(name string, resource checked, raw json.RawMessage) {
	report(name, resource.UnmarshalJSONStrict(raw))
	report(name, resource.Validate())
}

func report(name string, err error) {
	var found cog.BuildErrors
	// Without a fault it is a nil of this type, which is not nil as an error.
	if err == nil || (errors.As(err, &found) && len(found) == 0) {
		return
	}
	fmt.Println(name, err)
}
