package questions

// virtualService is what questions are made from of one.
type virtualService struct {
	Hosts    []string    `json:"hosts"`
	Gateways []string    `json:"gateways"`
	HTTP     []httpRoute `json:"http"`
	TCP      []l4Route   `json:"tcp"`
	TLS      []l4Route   `json:"tls"`
}

// l4Route is a route of bytes, or of TLS that is passed through.
type l4Route struct {
	Match []l4Match     `json:"match"`
	Route []destination `json:"route"`
}

type l4Match struct {
	// Of an httpMatch only the port, the source and the gateways can be there.
	httpMatch
	SNIHosts           []string `json:"sniHosts"`
	DestinationSubnets []string `json:"destinationSubnets"`
}

type httpRoute struct {
	Match    []httpMatch   `json:"match"`
	Route    []destination `json:"route"`
	Delegate *struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"delegate"`
	Timeout string `json:"timeout"`
	Retries *struct {
		PerTryTimeout string `json:"perTryTimeout"`
	} `json:"retries"`
	Fault *struct {
		Delay, Abort *fault
	} `json:"fault"`
	Mirror           any      `json:"mirror"`
	Mirrors          []mirror `json:"mirrors"`
	MirrorPercentage *percent `json:"mirrorPercentage"`
	Cors             *struct {
		AllowOrigins []matcher `json:"allowOrigins"`
		AllowMethods []string  `json:"allowMethods"`
	} `json:"corsPolicy"`
}

type fault struct {
	Percentage *percent `json:"percentage"`
	// Percent is how it was written before.
	Percent int `json:"percent"`
}

type percent struct {
	Value float64 `json:"value"`
}

// some says that not all are meant.
func (p *percent) some() bool { return p != nil && p.Value < 100 }

type mirror struct {
	Percentage *percent `json:"percentage"`
}

type destination struct {
	Destination struct {
		Host   string `json:"host"`
		Subset string `json:"subset"`
		Port   struct {
			Number int32 `json:"number"`
		} `json:"port"`
	} `json:"destination"`
	Weight int `json:"weight"`
}

type httpMatch struct {
	URI             *matcher           `json:"uri"`
	Scheme          *matcher           `json:"scheme"`
	Method          *matcher           `json:"method"`
	Authority       *matcher           `json:"authority"`
	Headers         map[string]matcher `json:"headers"`
	WithoutHeaders  map[string]matcher `json:"withoutHeaders"`
	QueryParams     map[string]matcher `json:"queryParams"`
	Port            int32              `json:"port"`
	SourceLabels    map[string]string  `json:"sourceLabels"`
	SourceNamespace string             `json:"sourceNamespace"`
	Gateways        []string           `json:"gateways"`
}

// conditions are what a match of a route wants.
func (h *httpMatch) conditions() []condition {
	var all []condition
	if h.URI != nil {
		all = append(all, h.URI.path("uri"))
	}
	if h.Method != nil {
		all = append(all, h.Method.method("method"))
	}
	if h.Authority != nil {
		all = append(all, h.Authority.header(":authority", "authority"))
	}
	for _, name := range sorted(h.Headers) {
		all = append(all, h.Headers[name].header(name, "headers"))
	}
	for _, name := range sorted(h.WithoutHeaders) {
		all = append(all, excluded(h.WithoutHeaders[name].header(name, "withoutHeaders")))
	}
	for _, name := range sorted(h.QueryParams) {
		all = append(all, h.QueryParams[name].query(name, "queryParams"))
	}
	return all
}
