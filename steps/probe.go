package steps

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Probe asks the app over HTTP.
func Probe(ctx context.Context, url string) (int, time.Duration, error) {
	return probeWith(ctx, http.DefaultClient, url)
}

func probeWith(ctx context.Context, client *http.Client, url string) (int, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))

	return response.StatusCode, time.Since(start), err
}
