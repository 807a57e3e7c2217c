package report

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// requireFields checks that a document has every field of Report that is not
// optional, by its exact name and not null. Decoding alone would take a missing
// field for an empty one.
func requireFields(p *problems, document any) {
	requireType(p, "", document, reflect.TypeFor[Report]())
}

func requireType(p *problems, at string, value any, t reflect.Type) {
	if value == nil {
		p.addf("%s is null", describeField(at))
		return
	}
	switch {
	case t.Kind() == reflect.Pointer:
		requireType(p, at, value, t.Elem())
	case t.Kind() == reflect.Slice:
		list, _ := value.([]any) // Decoding into Report reports another type.
		for i, element := range list {
			requireType(p, fmt.Sprintf("%s[%d]", at, i), element, t.Elem())
		}
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		object, ok := value.(map[string]any)
		if !ok {
			return // Decoding into Report reports it.
		}
		for field := range t.Fields() {
			requireField(p, at, object, field)
		}
	}
}

func requireField(p *problems, at string, object map[string]any, field reflect.StructField) {
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	path := strings.TrimPrefix(at+"."+name, ".")
	value, present := object[name]
	switch {
	case present:
		requireType(p, path, value, field.Type)
	case !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero"):
		p.addf("%s is missing", path)
	}
}

func describeField(at string) string {
	if at == "" {
		return "the document"
	}
	return at
}
