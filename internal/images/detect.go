package images

import (
	"context"
	"net/http"
	"time"

	"istio-conformance/internal/mesh/istio"
)

// registryURL is the API root of the registry that serves kindest/node and
// Istio's images; it answers 401 to whoever has not signed in.
const registryURL = "https://registry-1.docker.io/v2/"

// registryTimeout is how long a registry may take to answer before it counts
// as out of reach.
const registryTimeout = 3 * time.Second

// Detect returns istio.SourceRelease when a container registry answers, else istio.SourceModules.
func Detect(ctx context.Context) string {
	return detect(ctx, registryURL)
}

func detect(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return istio.SourceModules
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return istio.SourceModules
	}
	// The status is all that counts; an unread body loses nothing.
	_ = response.Body.Close()
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusUnauthorized {
		return istio.SourceRelease
	}
	return istio.SourceModules
}
