package diagnose

import (
	"testing"

	"github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

func TestTheRefusedFieldIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"defaultConfig: {proxyMetadata: {A: yes-it-is, B: true}, concurrency: 2}": "defaultConfig.proxyMetadata.B",
		"connectTimeout: ten": "connectTimeout",
		"accessLogFile: /dev/stdout\nextensionProviders: {name: otel}":     "extensionProviders.name",
		"accessLogFile: /dev/stdout\nsomethingNew: {that: is, not: known}": "",
	} {
		values := map[string]any{}
		gomega.NewWithT(t).Expect(yaml.Unmarshal([]byte(text), &values)).To(gomega.Succeed())
		gomega.NewWithT(t).Expect(refusedField(values)).To(gomega.Equal(want), text)
	}
}
