// Package deploy holds what runs the checks in a cluster: the chart, and the rights
// that it needs, which are the same as those of a run from outside.
package deploy

import (
	_ "embed" // the rights
	"fmt"
	"strings"
)

//go:embed chart/files/read.yaml
var read string

//go:embed chart/files/write.yaml
var write string

// RBAC returns the objects that give a ServiceAccount the least rights that the
// checks need; with write also those for a namespace of the run's own.
func RBAC(namespace, account string, more bool) string {
	rules := read
	if more {
		rules += write
	}
	name := namespace + "-" + account
	return fmt.Sprintf(`apiVersion: v1
kind: ServiceAccount
metadata: {name: %s, namespace: %s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %s}
rules:
%s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %s}
subjects:
- {kind: ServiceAccount, name: %s, namespace: %s}
`, account, namespace, name, strings.TrimSpace(rules), name, name, account, namespace)
}
