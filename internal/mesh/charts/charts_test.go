package charts

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

type table = map[string]any

func TestValues(t *testing.T) {
	cases := []struct {
		name   string
		layers []table
		want   table
	}{
		{"nothing", nil, table{}},
		{"nil layers", []table{nil, nil}, table{}},
		{"later wins", []table{{"a": 1, "b": 1}, {"b": 2}}, table{"a": 1, "b": 2}},
		{"tables merge", []table{{"a": table{"x": 1, "y": 1}}, {"a": table{"y": 2, "z": 2}}}, table{"a": table{"x": 1, "y": 2, "z": 2}}},
		{"deeply", []table{{"a": table{"b": table{"c": 1}}}, {"a": table{"b": table{"d": 2}}}, {"a": table{"b": table{"c": 3}}}}, table{"a": table{"b": table{"c": 3, "d": 2}}}},
		{"lists are replaced", []table{{"a": []any{1, 2}}, {"a": []any{3}}}, table{"a": []any{3}}},
		{"a table replaces a value", []table{{"a": 1}, {"a": table{"x": 1}}}, table{"a": table{"x": 1}}},
		{"a value replaces a table", []table{{"a": table{"x": 1}}, {"a": nil}}, table{"a": nil}},
	}
	for _, c := range cases {
		if got := Values(c.layers...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestValuesLeavesTheLayers(t *testing.T) {
	first := table{"a": table{"b": table{"x": 1}}}
	merged := Values(first, table{"a": table{"b": table{"x": 2, "y": 2}}})
	merged["a"].(table)["b"].(table)["z"] = 3
	alone := Values(first)
	alone["a"].(table)["b"].(table)["z"] = 3
	if want := (table{"a": table{"b": table{"x": 1}}}); !reflect.DeepEqual(first, want) {
		t.Errorf("the first layer became %v", first)
	}
}

func TestReadValues(t *testing.T) {
	files := fstest.MapFS{
		"good.yaml":  {Data: []byte("a: {b: 1}\n")},
		"empty.yaml": {Data: []byte("# nothing\n")},
		"twice.yaml": {Data: []byte("a: 1\na: 2\n")},
		"list.yaml":  {Data: []byte("- a\n")},
	}
	cases := []struct {
		name, says string
		want       table
	}{
		{"good.yaml", "", table{"a": table{"b": 1.0}}},
		{"empty.yaml", "", table{}},
		{"twice.yaml", "twice.yaml", nil},
		{"list.yaml", "list.yaml", nil},
		{"none.yaml", "none.yaml", nil},
	}
	for _, c := range cases {
		got, err := ReadValues(files, c.name)
		if c.says == "" && (err != nil || len(got) != len(c.want) || len(got) > 0 && !reflect.DeepEqual(got, c.want)) {
			t.Errorf("%s: got %v, %v; want %v", c.name, got, err, c.want)
		}
		if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, %v; want an error that names it", c.name, got, err)
		}
	}
}

func TestFixtureValues(t *testing.T) {
	for _, name := range []string{"base", "istiod", "gateway"} {
		values, err := ReadValues(fixtures.Files, "values/"+name+".yaml")
		if err != nil {
			t.Error(err)
		}
		if len(values) == 0 {
			t.Errorf("values/%s.yaml is empty", name)
		}
	}
}

// The gateway's node ports must be those that kind-config.yaml maps to the host.
func TestNodePortsAreMapped(t *testing.T) {
	var gateway struct {
		Service struct {
			Type  string
			Ports []struct{ NodePort int }
		}
	}
	unmarshal(t, func() ([]byte, error) { return fixtures.Files.ReadFile("values/gateway.yaml") }, &gateway)
	if gateway.Service.Type != "NodePort" {
		t.Errorf("the gateway's Service is a %s", gateway.Service.Type)
	}
	var want []int
	for _, p := range gateway.Service.Ports {
		want = append(want, p.NodePort)
	}
	slices.Sort(want)
	var config struct {
		Nodes []struct {
			Role              string
			ExtraPortMappings []struct{ ContainerPort int }
		}
	}
	unmarshal(t, func() ([]byte, error) { return os.ReadFile(filepath.Join("..", "..", "..", "kind-config.yaml")) }, &config)
	for _, node := range config.Nodes {
		var got []int
		for _, m := range node.ExtraPortMappings {
			got = append(got, m.ContainerPort)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("node %s maps %v, the gateway's node ports are %v", node.Role, got, want)
		}
	}
}

func unmarshal(t *testing.T, read func() ([]byte, error), into any) {
	t.Helper()
	data, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
