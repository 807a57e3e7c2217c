package questions

// virtualService is what questions are made from of one.
type virtualService struct {
	Hosts    []string    `json:"hosts"`
	Gateways []string    `json:"gateways"`
	HTTP     []httpRoute `json:"http"`
	TCP      []any       `json:"tcp"`
	TLS      []any       `json:"tls"`
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
		Delay, Abort *struct {
			Percentage *struct {
				Value float64 `json:"value"`
			} `json:"percentage"`
		}
	} `json:"fault"`
	Mirror  any   `json:"mirror"`
	Mirrors []any `json:"mirrors"`
	Cors    *struct {
		AllowOrigins []matcher `json:"allowOrigins"`
		AllowMethods []string  `json:"allowMethods"`
	} `json:"corsPolicy"`
}

type destination struct {
	Destination struct {
		Host   string `json:"host"`
		Subset string `json:"subset"`
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
		// Turned round: the header must not be there.
		c := h.WithoutHeaders[name].header(name, "withoutHeaders")
		c.name, c.hit, c.miss = "no "+c.name, func(*shape) {}, c.hit
		all = append(all, c)
	}
	for _, name := range sorted(h.QueryParams) {
		all = append(all, h.QueryParams[name].query(name, "queryParams"))
	}
	return all
}
