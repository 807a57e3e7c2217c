package existing

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestOnlyWishesAreCompared(t *testing.T) {
	g := gomega.NewWithT(t)
	object := func(version, led, data, status string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "a", "resourceVersion": version, "annotations": map[string]any{leader: led}},
			"data":     map[string]any{"key": data}, "status": status,
		}}
	}
	first, err := wish(object("1", "now", "x", "old"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(wish(object("2", "later", "x", "new"))).To(gomega.Equal(first), "a status, a leader and a number of a version are no wish")
	g.Expect(wish(object("1", "now", "y", "old"))).NotTo(gomega.Equal(first))
}

func TestChangesNameWhatIsNewGoneOrDifferent(t *testing.T) {
	gomega.NewWithT(t).Expect(changes(
		map[string]string{"same": "1", "edited": "1", "deleted": "1"},
		map[string]string{"same": "1", "edited": "2", "created": "1"},
	)).To(gomega.Equal([]string{"created is new", "deleted is gone", "edited is different"}))
}
