package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/gobuild"
)

// The modules whose version says what a folder below images/ builds.
const (
	kubernetesModule = "k8s.io/kubernetes"
	istioModule      = "istio.io/istio"
)

// kubernetesProgram is all of Kubernetes' programs in one file, and kubernetesNames
// are what it is called by.
const kubernetesProgram = "../kubernetes.go"

var kubernetesNames = []string{
	"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubeadm", "kubectl", "kubelet",
}

// istioPrograms are the programs that the images contain. The module has more
// tools, which would be compiled for nothing.
var istioPrograms = []string{istioModule + "/pilot/cmd/pilot-agent", istioModule + "/pilot/cmd/pilot-discovery"}

// istioNodePrograms are those of the image install-cni, and Istio's command. They
// are a part of their own: a change of one list leaves the other's result as it is.
var istioNodePrograms = []string{
	istioModule + "/cni/cmd/install-cni", istioModule + "/cni/cmd/istio-cni", istioModule + "/istioctl/cmd/istioctl",
}

// Available returns the full versions that the folders images/istio/* and
// images/kubernetes/* of the checkout root build. Istio's module carries no
// release version, only that of a commit on a release branch, and counts as
// the first release of the branch: 1.31 builds 1.31.0.
func Available(root string) (istio, kubernetes []string, err error) {
	minors, err := folders(filepath.Join(root, "images", "istio"))
	if err != nil {
		return nil, nil, err
	}
	for _, name := range minors {
		istio = append(istio, name+".0")
	}
	if minors, err = folders(filepath.Join(root, "images", "kubernetes")); err != nil {
		return nil, nil, err
	}
	for _, name := range minors {
		module := gobuild.Module{Dir: filepath.Join(root, "images", "kubernetes", name)}
		version, err := module.Requirement(kubernetesModule)
		if err != nil {
			return nil, nil, err
		}
		kubernetes = append(kubernetes, version)
	}
	return istio, kubernetes, nil
}

func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the versions that can be built: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// findModules finds the modules of the cell and what to stamp into them.
func (p *plan) findModules() error {
	istio, kubernetes, err := Available(p.root)
	if err != nil {
		return err
	}
	if !slices.Contains(istio, p.cell.Istio) {
		return exitcode.Usagef("Istio %s cannot be built from modules: images/istio has %s; choose one of them or use IMAGES=release", p.cell.Istio, strings.Join(istio, ", "))
	}
	if !slices.Contains(kubernetes, p.cell.Kubernetes) {
		return exitcode.Usagef("Kubernetes %s cannot be built from modules: images/kubernetes has %s; choose one of them or use IMAGES=release", p.cell.Kubernetes, strings.Join(kubernetes, ", "))
	}
	p.kubernetesModule = gobuild.Module{
		Dir:      filepath.Join(p.root, "images", "kubernetes", minor(p.cell.Kubernetes)),
		Packages: []string{kubernetesProgram},
		Names:    kubernetesNames,
		Stamps:   kubernetesStamps(p.cell.Kubernetes),
	}
	p.istioModule = gobuild.Module{
		Dir:      filepath.Join(p.root, "images", "istio", minor(p.cell.Istio)),
		Packages: istioPrograms,
	}
	commit, err := p.istioModule.Requirement(istioModule)
	if err != nil {
		return err
	}
	p.istioModule.Stamps = istioStamps(p.cell.Istio, commit)
	p.istioNodeModule = p.istioModule
	p.istioNodeModule.Packages = istioNodePrograms
	return nil
}

// kubernetesStamps are the variables that Kubernetes' own build sets (see
// hack/lib/version.sh there). The date stays at its default: two builds of the
// same pins are the same.
func kubernetesStamps(version string) []string {
	numbers := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	var stamps []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		stamps = append(stamps,
			pkg+".gitVersion="+version,
			pkg+".gitMajor="+numbers[0],
			pkg+".gitMinor="+numbers[1],
			pkg+".gitTreeState=archive",
			pkg+".gitCommit=unknown",
		)
	}
	return stamps
}

// pseudoVersion matches a module version that names a commit.
var pseudoVersion = regexp.MustCompile(`-[0-9]{14}-([0-9a-f]{12})$`)

// istioStamps are the variables that Istio's own build sets (see
// common/scripts/report_build_info.sh there). Proxies report buildVersion.
func istioStamps(version, module string) []string {
	const pkg = "istio.io/istio/pkg/version."
	revision := module
	if found := pseudoVersion.FindStringSubmatch(module); found != nil {
		revision = found[1]
	}
	return []string{
		pkg + "buildVersion=" + version,
		pkg + "buildTag=" + version,
		pkg + "buildHub=" + backend.Hub,
		pkg + "buildGitRevision=" + revision,
		pkg + "buildStatus=Modules",
	}
}
