// Reads one JSON document from standard input and prints what Grafana's own types do not know or miss in it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

type document struct {
	Rules      []json.RawMessage `json:"rules"`
	Contacts   []json.RawMessage `json:"contacts"`
	Policies   []json.RawMessage `json:"policies"`
	Dashboards []json.RawMessage `json:"dashboards"`
}

type checked interface {
	UnmarshalJSONStrict(raw []byte) error
	Validate() error
}

func main() {
	registerTypes()
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
	for _, raw := range given.Dashboards {
		check("dashboard", &dashboard.Dashboard{}, raw)
	}
}

// The options of a panel, and queries, whose types are not registered may be anything.
func registerTypes() {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(heatmap.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(text.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
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
