// Package diagnose names the cause of what is broken in a cluster, from evidence
// and a catalogue of symptoms that users of Istio meet. It never guesses: what fits
// no symptom is unknown, and the answer says what was looked at.
package diagnose

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

// catalogueFile is the catalogue below fixtures/.
const catalogueFile = "symptoms.yaml"

// Severity says whether a symptom is a fault or only worth knowing.
type Severity string

// The severities: with a Notice a cluster may well do what it should.
const (
	Fault  Severity = "fault"
	Notice Severity = "notice"
)

// Scope says what a symptom can break.
type Scope string

// The scopes: a symptom of the Mesh can be the cause of any failure, one of an
// Object only of a failure that has to do with the object.
const (
	Mesh   Scope = "mesh"
	Object Scope = "object"
)

// Symptom is one entry of the catalogue.
type Symptom struct {
	// Name is kebab-case and unique. Title says what it is in a few words.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Severity is Fault when empty, Scope is Object when empty.
	Severity Severity `json:"severity,omitempty"`
	Scope    Scope    `json:"scope,omitempty"`
	// Join names the fields in which the records of all clauses must agree.
	Join []string `json:"join,omitempty"`
	// Match are the clauses that must each find a record; None must find none.
	Match []Clause `json:"match"`
	None  []Clause `json:"none,omitempty"`
	// Explains names the symptoms that follow from this one where both are seen.
	Explains []string `json:"explains,omitempty"`
	// Effect says that the symptom is never a root: it follows from any other fault
	// that is found, and stands alone only where there is none.
	Effect bool `json:"effect,omitempty"`
	// Cause, Fix and Link are what the user reads. {field} and {source.field} stand
	// for what the records say.
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
	Link  string `json:"link"`
}

// Clause asks for a record of one source: source -> field -> pattern. A pattern is
// a regular expression for the whole field, or for a part of it where the field is
// text; with "!" before it the field must not match. A named group, such as
// (?P<owner>[a-z-]+), is a field of its own for the texts and for Join.
type Clause map[string]map[string]string

// compiled is a clause that can be asked.
type compiled struct {
	source   string
	patterns map[string]pattern
}

type pattern struct {
	re  *regexp.Regexp
	not bool
}

func (p pattern) matches(value string) bool { return p.re.MatchString(value) != p.not }

// Catalogue is a set of symptoms that can be looked for.
type Catalogue struct {
	symptoms []Symptom
	match    map[string][]compiled
	none     map[string][]compiled
}

// Load returns the catalogue of fixtures/symptoms.yaml.
func Load() (*Catalogue, error) {
	data, err := fixtures.Files.ReadFile(catalogueFile)
	if err != nil {
		return nil, fmt.Errorf("catalogue of symptoms: %w", err)
	}
	return parse(data)
}

// Symptoms returns the entries in their order.
func (c *Catalogue) Symptoms() []Symptom { return slices.Clone(c.symptoms) }

// parse reads a catalogue and refuses one that could not say what it should.
func parse(data []byte) (*Catalogue, error) {
	var file struct {
		Symptoms []Symptom `json:"symptoms"`
	}
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", catalogueFile, err)
	}
	c := &Catalogue{match: map[string][]compiled{}, none: map[string][]compiled{}}
	known := map[string]bool{}
	for _, s := range file.Symptoms {
		if s.Name == "" || known[s.Name] {
			return nil, fmt.Errorf("%s: symptom %q: a name must be there, and only once", catalogueFile, s.Name)
		}
		known[s.Name] = true
	}
	for i := range file.Symptoms {
		s := &file.Symptoms[i]
		if err := errors.Join(s.complete(known), c.compile(s)); err != nil {
			return nil, fmt.Errorf("%s: symptom %s: %w", catalogueFile, s.Name, err)
		}
		c.symptoms = append(c.symptoms, *s)
	}
	return c, c.acyclic()
}

// acyclic refuses symptoms that explain each other: none would be the cause.
func (c *Catalogue) acyclic() error {
	explains := map[string][]string{}
	for _, s := range c.symptoms {
		explains[s.Name] = s.Explains
	}
	var visit func(name string, path []string) error
	visit = func(name string, path []string) error {
		if slices.Contains(path, name) {
			return fmt.Errorf("%s: these explain each other: %s", catalogueFile, strings.Join(append(path, name), ", "))
		}
		for _, next := range explains[name] {
			if err := visit(next, append(slices.Clone(path), name)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, s := range c.symptoms {
		if err := visit(s.Name, nil); err != nil {
			return err
		}
	}
	return nil
}

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// complete fills in defaults and refuses what is left out.
func (s *Symptom) complete(known map[string]bool) error {
	if s.Severity == "" {
		s.Severity = Fault
	}
	if s.Scope == "" {
		s.Scope = Object
	}
	switch {
	case !kebab.MatchString(s.Name):
		return errors.New("the name is not kebab-case")
	case s.Severity != Fault && s.Severity != Notice:
		return fmt.Errorf("severity %q: want fault or notice", s.Severity)
	case s.Scope != Mesh && s.Scope != Object:
		return fmt.Errorf("scope %q: want mesh or object", s.Scope)
	case len(s.Match) == 0:
		return errors.New("match has no clause: it would always be there")
	case !strings.HasPrefix(s.Link, "https://"):
		return fmt.Errorf("link %q: want an https URL", s.Link)
	}
	for _, text := range []string{s.Title, s.Cause, s.Fix} {
		if strings.TrimSpace(text) == "" || strings.Contains(text, "\n") {
			return errors.New("title, cause and fix must be one line each")
		}
	}
	for _, name := range s.Explains {
		if !known[name] || name == s.Name {
			return fmt.Errorf("explains %q, which is no other symptom", name)
		}
	}
	return s.placeholders()
}

var placeholder = regexp.MustCompile(`\{([a-zA-Z]+)(?:\.([a-zA-Z]+))?\}`)

// placeholders refuses a text that asks for what no clause can give.
func (s *Symptom) placeholders() error {
	given := map[string]bool{}
	for _, clause := range s.Match {
		for source, patterns := range clause {
			for _, field := range append(slices.Collect(groups(patterns)), sources[source]...) {
				given[field], given[source+"."+field] = true, true
			}
		}
	}
	for _, text := range []string{s.Title, s.Cause, s.Fix} {
		for _, found := range placeholder.FindAllString(text, -1) {
			if !given[strings.Trim(found, "{}")] {
				return fmt.Errorf("%s stands for nothing that the clauses give", found)
			}
		}
	}
	for _, field := range s.Join {
		if !given[field] {
			return fmt.Errorf("join %q is no field of the clauses", field)
		}
	}
	return nil
}

// groupName matches the name of a group in a regular expression.
var groupName = regexp.MustCompile(`\(\?P<([a-zA-Z]+)>`)

// groups returns the names of the groups in a clause's patterns.
func groups(patterns map[string]string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, expression := range patterns {
			for _, found := range groupName.FindAllStringSubmatch(expression, -1) {
				if !yield(found[1]) {
					return
				}
			}
		}
	}
}

// textFields are searched; all others must match as a whole.
var textFields = map[string]bool{"line": true, "message": true, "lastMessage": true, "description": true, "details": true, "failure": true}

func (c *Catalogue) compile(s *Symptom) error {
	for _, part := range []struct {
		clauses []Clause
		into    map[string][]compiled
	}{{s.Match, c.match}, {s.None, c.none}} {
		for _, clause := range part.clauses {
			one, err := clause.compile()
			if err != nil {
				return err
			}
			part.into[s.Name] = append(part.into[s.Name], one)
		}
	}
	return nil
}

func (clause Clause) compile() (compiled, error) {
	if len(clause) != 1 {
		return compiled{}, fmt.Errorf("a clause has one source, this one has %d", len(clause))
	}
	source := slices.Collect(maps.Keys(clause))[0]
	fields, known := sources[source]
	if !known {
		return compiled{}, fmt.Errorf("source %q is unknown; want one of %s", source, strings.Join(slices.Sorted(maps.Keys(sources)), ", "))
	}
	one := compiled{source: source, patterns: map[string]pattern{}}
	for field, expression := range clause[source] {
		if !slices.Contains(fields, field) {
			return compiled{}, fmt.Errorf("%s has no field %q, only %s", source, field, strings.Join(fields, ", "))
		}
		expression, not := strings.CutPrefix(expression, "!")
		for _, group := range groupName.FindAllStringSubmatch(expression, -1) {
			if slices.Contains(fields, group[1]) || not {
				return compiled{}, fmt.Errorf("%s.%s: the group %s hides a field, or is in a pattern that must not match", source, field, group[1])
			}
		}
		if !textFields[field] {
			expression = "^(?:" + expression + ")$"
		}
		re, err := regexp.Compile(expression)
		if err != nil {
			return compiled{}, fmt.Errorf("%s.%s: %w", source, field, err)
		}
		one.patterns[field] = pattern{re, not}
	}
	return one, nil
}
