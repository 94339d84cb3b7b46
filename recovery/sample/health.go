package sample

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// health is the answer of /api/health.
type health struct {
	Status    string `json:"status"`
	Version   string `json:"version"`
	Documents int    `json:"documents"`
}

// CheckHealth asks the app at url whether it serves. A container FROM scratch has no curl, so the binary asks itself.
func CheckHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}

	// A client of its own: the default one would go through a proxy that the environment names.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	defer response.Body.Close()

	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for health: %s answers %s", url, response.Status)
	}

	var answer health
	if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&answer); err != nil {
		return fmt.Errorf("read the health of %s: %w", url, err)
	}
	if answer.Status != "ok" {
		return fmt.Errorf("ask for health: %s says %q", url, answer.Status)
	}
	return nil
}
