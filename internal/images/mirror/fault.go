package mirror

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// Fault answers a request in place of the mirror, or says that it does not.
type Fault func(http.ResponseWriter, *http.Request) bool

// Fail makes the mirror fail from now on; nil makes it well again.
func (m *Mirror) Fail(f Fault) {
	if f == nil {
		m.fault.Store(nil)
		return
	}
	m.fault.Store(&f)
}

func (m *Mirror) failing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := m.fault.Load(); fault != nil && (*fault)(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Always is how often a fault comes that does not pass.
const Always = -1

// Only answers the requests whose path contains a text, so many times.
func Only(text string, times int, answer http.HandlerFunc) Fault {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, text) || times >= 0 && int(n.Add(1)) > times {
			return false
		}
		answer(w, r)
		return true
	}
}

// Answer answers with a status and headers, a name and a value each.
func Answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// Text answers with a text.
func Text(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(text)) //nolint:errcheck // who asked is gone
	}
}

// Truncated promises more than it sends.
func Truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "4096")
	w.Write(make([]byte, 100)) //nolint:errcheck // it is to break
}

// Private makes the registry admit only who has the user's password.
func Private(user, password string) Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if u, p, _ := r.BasicAuth(); u == user && p == password || !strings.HasPrefix(r.URL.Path, "/v2/") {
			return false
		}
		Answer(http.StatusUnauthorized, "WWW-Authenticate", `Basic realm="private"`)(w, r)
		return true
	}
}
