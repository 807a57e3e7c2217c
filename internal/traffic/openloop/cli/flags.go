package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/codec"
	"istio-conformance/internal/traffic/openloop/gate"
)

// loadFlags are the flags of the load command.
type loadFlags struct {
	rate, to, maxRate                 float64
	duration, warmup, timeout, maxP99 time.Duration
	connections, streams, workers     int
	protocol, host, method, data      string
	headers                           []string
	steps                             []float64
	newConnections, find, allowRemote bool
	noRealtime                        bool
	insecure                          bool
	ca, certificate, key              string
	baseline, kind, rules, output     string
	rounds                            int
	profile, name                     string
	baselineName, candidateName       string
	reference                         string
	watch                             []string
	json                              bool
	stripe                            string
	start                             int64
}

func (f *loadFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.Float64Var(&f.rate, "rate", 100, "requests per second, over all connections")
	flags.Float64Var(&f.to, "to", 0, "change the rate evenly to this one")
	flags.DurationVar(&f.duration, "duration", 10*time.Second, "how long to measure, for each rate, or path and round")
	flags.DurationVar(&f.warmup, "warmup", 2*time.Second, "how long to send before measuring")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long an answer may take")
	flags.IntVar(&f.connections, "connections", 8, "connections that the requests are spread over")
	flags.IntVar(&f.streams, "streams", 100, "requests in flight on each connection, with h2 and grpc")
	flags.IntVar(&f.workers, "workers", 1, "threads that send")
	flags.BoolVar(&f.noRealtime, "no-realtime", false, "leave the sending threads at ordinary priority, also where more is granted")
	flags.BoolVar(&f.newConnections, "new-connections", false, "a new connection for every request")
	flags.StringVar(&f.protocol, "protocol", string(openloop.HTTP1), strings.Join(openloop.Protocols, ", ")+"; without TLS on http URLs, with it on https")
	flags.StringVar(&f.host, "host", "", "the Host header, and the name in TLS")
	flags.StringVar(&f.method, "method", "", "the request's method (default GET, or POST with --data)")
	flags.StringVar(&f.data, "data", "", "the request's body; for grpc the encoded message")
	flags.StringArrayVar(&f.headers, "header", nil, `a header field, "name: value"; may be given several times`)
	flags.BoolVar(&f.insecure, "insecure", false, "accept any certificate")
	flags.StringVar(&f.ca, "ca", "", "file with the certificates to trust (PEM)")
	flags.StringVar(&f.certificate, "cert", "", "file with the client's certificate (PEM)")
	flags.StringVar(&f.key, "key", "", "file with the client's key (PEM)")
	flags.BoolVar(&f.allowRemote, "allow-remote", false, "send load to an address that is neither loopback nor private")
	flags.Float64SliceVar(&f.steps, "steps", nil, "measure at each of these rates, separated by commas")
	flags.BoolVar(&f.find, "find", false, "look for the highest rate that holds, beginning with --rate")
	flags.Float64Var(&f.maxRate, "max-rate", 100_000, "with --find, the highest rate to try")
	flags.DurationVar(&f.maxP99, "max-p99", 0, "with --find, the longest 99 % quantile that counts as holding")
	flags.StringVar(&f.baseline, "baseline", "", "URL to compare with, in turns; the host and protocol are the same")
	flags.StringVar(&f.kind, "kind", string(gate.Ratio), "with --baseline: ratio (slower than it by more than a margin) or added (more than a ceiling on top of it)")
	flags.StringVar(&f.rules, "rules", "", "with --baseline: file with margins instead of the built-in fixtures/load.yaml")
	flags.StringVar(&f.reference, "reference", "", "with --baseline: URL of a gateway that is measured in the same rounds, and that the URL is compared with by ratio")
	flags.IntVar(&f.rounds, "rounds", 0, "with --baseline: judge after that many rounds, and once more after twice as many (default from the rules)")
	flags.StringVar(&f.profile, "profile", "", "with --baseline: rate, connections, blocks, rounds and time of a profile of the rules, such as short, instead of those flags")
	flags.StringVar(&f.name, "name", "candidate-vs-baseline", "with --baseline: the comparison's name")
	flags.StringVar(&f.candidateName, "candidate-name", "candidate", "with --baseline: what the URL is called")
	flags.StringVar(&f.baselineName, "baseline-name", "baseline", "with --baseline: what the baseline is called")
	flags.StringArrayVar(&f.watch, "watch", nil, "name=id of a container on this machine whose CPU and memory are reported; throttling it makes the measurement invalid")
	flags.BoolVar(&f.json, "json", false, "write the result to standard output as JSON, and what is for people to standard error")
	flags.StringVar(&f.stripe, "stripe", "", "i/n: send only every n-th request, from the i-th on, counted from 0, and print the result for merging")
	flags.Int64Var(&f.start, "start", 0, "when the schedule begins, in Unix nanoseconds; for several generators at once")
	flags.StringVar(&f.output, "output", "", "directory for report.html, result.json and *.hgrm")
}

// modes are the flags that say what to measure; with none of them it is one rate.
func (f *loadFlags) modes() int {
	n := 0
	for _, set := range []bool{len(f.steps) > 0, f.find, f.baseline != "", f.to != 0, f.stripe != ""} {
		if set {
			n++
		}
	}
	return n
}

// config checks the flags; nothing is sent yet.
func (f *loadFlags) config(url string) (*openloop.Config, error) {
	if f.modes() > 1 {
		return nil, errors.New("--steps, --find, --baseline, --to and --stripe exclude each other: give one of them")
	}
	settings, err := f.tls()
	if err != nil {
		return nil, err
	}
	config := &openloop.Config{
		Path: openloop.Path{
			URL: url, Host: f.host, Protocol: openloop.Protocol(f.protocol), Method: f.method, Body: []byte(f.data), TLS: settings,
		},
		Schedule:    openloop.Schedule{Rate: f.rate, To: f.to, Warmup: f.warmup, Duration: f.duration},
		Connections: f.connections, NewConnections: f.newConnections, Streams: f.streams, Workers: f.workers,
		Timeout: f.timeout, AllowRemote: f.allowRemote, NoRealtime: f.noRealtime,
	}
	for _, header := range f.headers {
		name, value, found := strings.Cut(header, ":")
		if !found || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("--header %q is not of the form \"name: value\"", header)
		}
		config.Path.Header = append(config.Path.Header, codec.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if counter, ok := openloop.Throttled(); ok {
		config.Counters = append(config.Counters, counter)
	}
	if err := f.share(config); err != nil {
		return nil, err
	}
	if config.Watch, err = f.watched(); err != nil {
		return nil, err
	}
	for _, rate := range f.steps {
		step := *config
		step.Schedule.Rate = rate
		if err := step.Check(); err != nil {
			return nil, err
		}
	}
	return config, config.Check()
}

func (f *loadFlags) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: f.insecure} //nolint:gosec // the user asks for it
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca: %s holds no certificate in PEM form", f.ca)
		}
	}
	if f.certificate != "" || f.key != "" {
		pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// plan returns the comparison with the baseline.
func (f *loadFlags) plan(config *openloop.Config) (gate.Plan, error) {
	rules, err := gate.DefaultRules()
	if f.rules != "" {
		var data []byte
		if data, err = os.ReadFile(f.rules); err == nil {
			rules, err = gate.ParseRules(data)
		}
	}
	if err != nil {
		return gate.Plan{}, fmt.Errorf("--rules: %w", err)
	}
	block := *config
	plan := gate.Plan{Name: f.name, Kind: gate.Kind(f.kind), Rules: rules}
	if f.profile != "" {
		p, found := rules.Profiles[f.profile]
		if !found {
			return plan, fmt.Errorf("--profile %s: the rules have only %s", f.profile, strings.Join(slices.Sorted(maps.Keys(rules.Profiles)), ", "))
		}
		plan.Rules, block.Schedule, block.Connections = rules.With(p), p.Schedule(), p.Connections
		plan.LeastRate, plan.Within = p.LeastRate, p.Within()
	}
	if f.rounds != 0 {
		plan.Rules.Looks = []int{f.rounds, 2 * f.rounds}
	}
	if err := plan.Rules.Check(); err != nil {
		return plan, err
	}
	plan.Block, plan.Candidate = block, config.Path
	plan.Candidate.Name = f.candidateName
	if plan.Baseline, err = f.other(block, "baseline", f.baselineName, f.baseline); err != nil {
		return plan, err
	}
	if f.reference != "" {
		reference, err := f.other(block, referenceName, referenceName, f.reference)
		if err != nil {
			return plan, err
		}
		plan.Also = []gate.Question{{Name: f.candidateName + "-vs-" + referenceName, Kind: gate.Ratio, Baseline: reference}}
	}
	return plan, plan.Kind.Check()
}

// referenceName is what the path of --reference is called.
const referenceName = "reference"

// other returns the path that a flag gives, with what else is the same as the URL's.
func (f *loadFlags) other(block openloop.Config, flag, name, url string) (openloop.Path, error) {
	block.Path.Name, block.Path.URL = name, url
	if err := block.Check(); err != nil {
		return block.Path, fmt.Errorf("--%s: %w", flag, err)
	}
	return block.Path, nil
}
