package redirection

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// ruleset is what nft prints as JSON: objects with one key each, which says what they are.
// Source: libnftables-json(5).
type ruleset struct {
	Objects []map[string]map[string]any `json:"nftables"`
}

func parse(text string) (*ruleset, error) {
	r := &ruleset{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("what nft says: %w: %.200s", err, text)
	}
	return r, nil
}

// rulesIn are the rules in a pod's network namespace, those of iptables on top of nf_tables
// among them.
func rulesIn(ctx context.Context, t *check.T, s *stack.Stack, pod *corev1.Pod) *ruleset {
	t.Helper()
	text, err := s.Cluster.PodNetns(ctx, pod.Namespace, pod.Name, "nft --json list ruleset 2>/dev/null")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	rules, err := parse(text)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "pod %s", pod.Name)
	return rules
}

// names are those of the objects of a kind that begin with prefix.
func (r *ruleset) names(kind, prefix string) []string {
	var all []string
	for _, object := range r.Objects {
		if name, _ := object[kind]["name"].(string); object[kind] != nil && strings.HasPrefix(name, prefix) {
			all = append(all, name)
		}
	}
	return all
}

func (r *ruleset) tables(prefix string) []string { return r.names("table", prefix) }
func (r *ruleset) chains(prefix string) []string { return r.names("chain", prefix) }

// redirected counts the packets that took a rule which redirects to a port: of each
// connection the first one.
func (r *ruleset) redirected(port int) int {
	sum := 0
	for _, object := range r.Objects {
		statements, _ := object["rule"]["expr"].([]any)
		packets, to := 0, 0
		for _, statement := range statements {
			table, _ := statement.(map[string]any)
			counter, _ := table["counter"].(map[string]any)
			redirect, _ := table["redirect"].(map[string]any)
			if n, is := counter["packets"].(float64); is {
				packets = int(n)
			}
			if n, is := redirect["port"].(float64); is {
				to = int(n)
			}
		}
		if to == port {
			sum += packets
		}
	}
	return sum
}

// others are chains that kube-proxy and network plugins write anew with each Service and pod.
var others = regexp.MustCompile(`"(KUBE|CNI)[-_]`)

// lines are the objects as texts in their order by name, without the numbers that the
// kernel gives them and without what others write.
func (r *ruleset) lines() ([]string, error) {
	var all []string
	for _, object := range r.Objects {
		if object["metainfo"] != nil {
			continue
		}
		for _, of := range object {
			delete(of, "handle")
			delete(of, "index")
		}
		text, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		if !others.Match(text) {
			all = append(all, string(text))
		}
	}
	slices.Sort(all)
	return all, nil
}
