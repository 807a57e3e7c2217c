package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// object is a JSON object whose values stay exactly as they were written.
type object = map[string]json.RawMessage

// restrict removes the missing capabilities from the file's process.
// A file without any such capability is not written.
func (f specFile) restrict(missing []string) error {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("read the container's description: %w", err)
	}
	rewrite := restrictConfig
	if f.process {
		rewrite = restrictProcess
	}
	restricted, changed, err := rewrite(content, missing)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	if !changed {
		return nil
	}
	if err := replaceFile(f.path, restricted); err != nil {
		return fmt.Errorf("rewrite %s: %w", f.path, err)
	}
	return nil
}

// restrictConfig handles a container's config.json, whose process is a field.
func restrictConfig(config []byte, missing []string) ([]byte, bool, error) {
	return restrictField(config, "process", func(process []byte) ([]byte, bool, error) {
		return restrictProcess(process, missing)
	})
}

// restrictProcess handles a process. Source of the fields: OCI runtime
// specification, config.md, "Linux Process".
func restrictProcess(process []byte, missing []string) ([]byte, bool, error) {
	return restrictField(process, "capabilities", func(sets []byte) ([]byte, bool, error) {
		var bySet map[string][]string
		if err := json.Unmarshal(sets, &bySet); err != nil {
			return nil, false, fmt.Errorf("field capabilities: %w", err)
		}
		changed := false
		for name, set := range bySet {
			kept := slices.DeleteFunc(slices.Clone(set), func(c string) bool { return slices.Contains(missing, c) })
			changed = changed || len(kept) != len(set)
			bySet[name] = kept
		}
		out, err := json.Marshal(bySet)
		return out, changed, err
	})
}

// restrictField applies rewrite to one field of a JSON object. A field that is
// missing or null is left as it is.
func restrictField(content []byte, name string, rewrite func([]byte) ([]byte, bool, error)) ([]byte, bool, error) {
	var fields object
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, false, err
	}
	value, ok := fields[name]
	if !ok || string(value) == "null" {
		return content, false, nil
	}
	value, changed, err := rewrite(value)
	if err != nil || !changed {
		return content, false, err
	}
	fields[name] = value
	out, err := json.Marshal(fields)
	return out, true, err
}

// replaceFile writes content in place of the file at path, which keeps its mode:
// runc sees the old file or the new one, never a part.
func replaceFile(path string, content []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(content)
	if err := errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
