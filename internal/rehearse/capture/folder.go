package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio-conformance/internal/process/exitcode"
)

// Bounds of a folder: beyond them it is not a folder of configuration.
const (
	fileLimit  = 8 << 20
	filesLimit = 20_000
)

// FromFolder reads a mesh from a folder of YAML files, without a cluster. Whatever is
// wrong with it is an error with status exitcode.Usage that names the file and the line.
func FromFolder(dir string) (*Mesh, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, exitcode.Usagef("--from %s: there is no such folder; name a folder of YAML files", dir)
	}
	f := &folder{files: os.DirFS(dir), mesh: &Mesh{Index: Index{From: "folder"}}, shapes: shapes{}}
	if err := f.walk(); err != nil {
		return nil, exitcode.Usagef("--from %s: %w", dir, err)
	}
	m := f.mesh
	for _, w := range f.shapes {
		m.Workloads = append(m.Workloads, w)
	}
	if err := m.check(); err != nil {
		return nil, exitcode.Usagef("--from %s: %w", dir, err)
	}
	m.finish()
	return m, nil
}

// folder reads one folder.
type folder struct {
	files  fs.FS
	mesh   *Mesh
	shapes shapes
	seen   int
	// objects are those that were taken in, by identity.
	objects map[string]*Object
}

func (f *folder) walk() error {
	return fs.WalkDir(f.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := path.Base(name); name != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			return nil
		}
		if f.seen++; f.seen > filesLimit {
			return fmt.Errorf("more than %d files: name the folder with the configuration of the mesh", filesLimit)
		}
		if info, err := entry.Info(); err != nil || info.Size() > fileLimit {
			return errors.Join(err, fmt.Errorf("%s: larger than %d MiB: no file of configuration", name, fileLimit>>20))
		}
		return f.file(name)
	})
}

func (f *folder) file(name string) error {
	documents, err := readDocuments(f.files, name)
	if err != nil {
		return err
	}
	for _, d := range documents {
		if text(d.body, "kind") == "" || text(d.body, "apiVersion") == "" {
			f.values(d)
			continue
		}
		if err := f.object(d.body, d.Place); err != nil {
			return err
		}
	}
	return nil
}

// object takes in an object of the Kubernetes API, or what a GitOps tool makes releases of.
func (f *folder) object(body map[string]any, at Place) error {
	o := &Object{Body: body}
	if strings.HasSuffix(o.Kind(), "List") && o.Body["items"] != nil {
		items, _ := body["items"].([]any)
		for _, item := range items {
			if below, ok := item.(map[string]any); ok {
				if err := f.object(below, at); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if r := declared(o); r != nil {
		r.Place = at
		f.release(r)
		return nil
	}
	if o.Name() == "" {
		return nil // Kustomization, values of another tool
	}
	f.place(o, at)
	if err := f.workload(o, at); err != nil {
		return fmt.Errorf("%s:%d: %s: %w", at.File, at.Line, o, err)
	}
	f.mesh.add(body, at)
	f.once()
	return nil
}

// once keeps of objects that are the same one the last, as applying the folder does.
func (f *folder) once() {
	objects := f.mesh.Objects
	if len(objects) == 0 {
		return
	}
	last := objects[len(objects)-1]
	if f.objects == nil {
		f.objects = map[string]*Object{}
	}
	if earlier := f.objects[last.identity()]; earlier != nil && earlier != last {
		f.note(fmt.Sprintf("%s is there twice: %s counts, %s does not", last, last.at(), earlier.at()))
		f.mesh.Objects = slices.DeleteFunc(objects, func(o *Object) bool { return o == earlier })
	}
	f.objects[last.identity()] = last
}

// place gives an object the namespace that kustomize, or nobody, says.
func (f *folder) place(o *Object, at Place) {
	meta, _ := o.Body["metadata"].(map[string]any)
	if meta == nil || o.Namespace() != "" || slices.Contains(clusterScoped, o.Kind()) {
		return
	}
	namespace := f.kustomized(path.Dir(at.File))
	if namespace == "" {
		namespace = "default"
		f.note("objects without a namespace are taken to be in namespace default")
	}
	meta["namespace"] = namespace
}

// kustomized is the namespace that a kustomization in the same directory sets.
func (f *folder) kustomized(dir string) string {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml"} {
		// Most directories have none, and one that is broken is named when its turn comes.
		if documents, err := readDocuments(f.files, path.Join(dir, name)); err == nil && len(documents) > 0 {
			return text(documents[0].body, "namespace")
		}
	}
	return ""
}

func (f *folder) note(text string) {
	if !slices.Contains(f.mesh.Index.Notes, text) {
		f.mesh.Index.Notes = append(f.mesh.Index.Notes, text)
	}
}

// workload takes in the pods that an object makes.
func (f *folder) workload(o *Object, at Place) error {
	var template *corev1.PodTemplateSpec
	replicas := 1
	switch o.Kind() {
	case "Deployment", "StatefulSet":
		var d appsv1.Deployment // a StatefulSet has the same fields here
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Body, &d); err != nil {
			return err
		}
		template = &d.Spec.Template
		if d.Spec.Replicas != nil {
			replicas = int(*d.Spec.Replicas)
		}
		if o.Kind() == "Deployment" && d.Spec.Template.Labels["app"] == "istiod" {
			f.mesh.Index.ControlPlanes = append(f.mesh.Index.ControlPlanes, controlPlane(&d))
		}
	case "DaemonSet":
		var d appsv1.DaemonSet
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Body, &d); err != nil {
			return err
		}
		template = &d.Spec.Template
	case "Pod":
		var p corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Body, &p); err != nil {
			return err
		}
		template = &corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
	default:
		return nil
	}
	w := workloadOf(template.Labels, template.Annotations, o.Namespace(), o.Kind()+" "+o.Name(), &template.Spec)
	w.Place = at
	maps.DeleteFunc(f.shapes, func(_ string, earlier *Workload) bool {
		return earlier.Owner == w.Owner && earlier.Namespace == w.Namespace
	})
	f.shapes.add(w, replicas, replicas)
	return nil
}
