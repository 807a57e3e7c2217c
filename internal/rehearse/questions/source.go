package questions

import (
	"path"
	"slices"
	"strings"

	"istio-conformance/internal/rehearse/stage"
)

// source is who a rule of a policy names.
type source struct {
	Principals, NotPrincipals, ServiceAccounts, NotServiceAccounts, Namespaces, NotNamespaces         []string
	RequestPrincipals, NotRequestPrincipals, IPBlocks, NotIPBlocks, RemoteIPBlocks, NotRemoteIPBlocks []string
}

// operation is what a rule of a policy names.
type operation struct {
	Methods, NotMethods, Paths, NotPaths, Hosts, NotHosts, Ports, NotPorts []string
}

// names says whether a workload is whom the source names, by all that it asks for.
func (s *source) names(w *stage.StandIn) bool {
	account := w.Namespace + "/" + w.ServiceAccount
	for _, of := range []struct {
		names, others []string
		is            func(pattern string) bool
	}{
		{s.Principals, s.NotPrincipals, func(p string) bool {
			// The trust domain is the mesh's, whichever that is.
			if i := strings.Index(p, "/ns/"); i > 0 {
				p = "*" + p[i:]
			}
			return like(p, "cluster.local/ns/"+w.Namespace+"/sa/"+w.ServiceAccount)
		}},
		{s.Namespaces, s.NotNamespaces, func(p string) bool { return like(p, w.Namespace) }},
		{s.ServiceAccounts, s.NotServiceAccounts, func(p string) bool { return like(p, w.ServiceAccount) || like(p, account) }},
	} {
		if len(of.names) > 0 && !slices.ContainsFunc(of.names, of.is) || slices.ContainsFunc(of.others, of.is) {
			return false
		}
	}
	return true
}

// byIdentity says whether the source names workloads at all.
func (s *source) byIdentity() bool {
	return len(s.Principals)+len(s.NotPrincipals)+len(s.ServiceAccounts)+len(s.NotServiceAccounts)+len(s.Namespaces)+len(s.NotNamespaces) > 0
}

// byOther says whether it names tokens or addresses.
func (s *source) byOther() bool {
	return len(s.RequestPrincipals)+len(s.NotRequestPrincipals)+len(s.IPBlocks)+len(s.NotIPBlocks)+len(s.RemoteIPBlocks)+len(s.NotRemoteIPBlocks) > 0
}

func like(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}

// conditions are what a request must have for an operation, and of what it excludes what
// it must not have.
func (op *operation) conditions() []condition {
	var all []condition
	if len(op.Paths) > 0 {
		all = append(all, glob(op.Paths[0]).path("to"))
	}
	if len(op.Methods) > 0 {
		all = append(all, matcher{Exact: &op.Methods[0]}.method("to"))
	}
	if len(op.NotPaths) > 0 {
		all = append(all, excluded(glob(op.NotPaths[0]).path("to")))
	}
	if len(op.NotMethods) > 0 {
		all = append(all, excluded(matcher{Exact: &op.NotMethods[0]}.method("to")))
	}
	return all
}

// excluded is a condition turned round.
func excluded(c condition) condition {
	c.name, c.hit, c.miss = "no "+c.name, func(*shape) {}, c.hit
	return c
}
