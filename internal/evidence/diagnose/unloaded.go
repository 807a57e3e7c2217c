package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// observeUnloaded makes a record of each certificate of a Secret that a proxy was sent and
// has not loaded: Envoy keeps what it was sent, and says only of the whole type that it
// refused something.
func (w *world) observeUnloaded(folder string, owner []string) {
	for _, secret := range w.unloaded(folder) {
		name := strings.TrimPrefix(secret, "kubernetes://")
		w.add("unloaded", path.Join(folder, "config_dump.json"), fmt.Sprintf("%s: the certificate of secret %s was sent and is not loaded", owner[1], secret),
			append([]string{"secret", secret, "credential", name[strings.LastIndex(name, "/")+1:]}, owner...)...)
	}
}

// unloaded returns the secrets of a proxy of which no certificate is loaded.
func (w *world) unloaded(folder string) []string {
	loaded, err := fs.ReadFile(w.files, path.Join(folder, "certs.json"))
	if err != nil {
		return nil
	}
	content, err := fs.ReadFile(w.files, path.Join(folder, "config_dump.json"))
	if err != nil {
		return nil
	}
	var dump struct {
		Configs []map[string]any `json:"configs"`
	}
	if err := json.Unmarshal(content, &dump); err != nil {
		return nil // observeDump notes it
	}
	left := unreferred(dump.Configs)
	var found []string
	for _, section := range dump.Configs {
		for _, entry := range list(section, "dynamic_active_secrets") {
			name := str(entry, "name")
			serials := serialsOf(entry)
			if !strings.HasPrefix(name, "kubernetes://") || left(name) || len(serials) == 0 {
				continue
			}
			used := false
			for _, serial := range serials {
				used = used || strings.Contains(strings.ToLower(string(loaded)), `"`+serial+`"`)
			}
			if !used {
				found = append(found, name)
			}
		}
	}
	return found
}

// serialsOf are the serial numbers of the certificates in a secret of a config dump, as
// Envoy writes them.
func serialsOf(entry map[string]any) []string {
	var serials []string
	for _, place := range [][]string{{"secret", "tls_certificate", "certificate_chain", "inline_bytes"}, {"secret", "validation_context", "trusted_ca", "inline_bytes"}} {
		pem, err := base64.StdEncoding.DecodeString(str(entry, place...))
		if err != nil {
			continue
		}
		for _, c := range certificates(pem) {
			serials = append(serials, fmt.Sprintf("%032x", c.SerialNumber), fmt.Sprintf("%x", c.SerialNumber))
		}
	}
	return serials
}
