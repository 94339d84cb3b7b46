package recovery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
)

func TestD14WhatWasTypedConcealedHasNoTextualForm(t *testing.T) {
	answer := recovery.Answer{Choice: recovery.Go, Concealed: recovery.Conceal("s3cr3t")}
	if answer.Concealed.Reveal() != "s3cr3t" {
		t.Error("it is not revealed to whoever asks for it")
	}
	var shown []string
	for _, v := range []any{answer, &answer, answer.Concealed, recovery.Event{Answer: &answer}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("run", "what", v)
		shown = append(shown, string(encoded), log.String())
	}
	for _, text := range shown {
		if strings.Contains(text, "s3cr3t") || strings.Contains(text, fmt.Sprintf("%x", "s3cr3t")) {
			t.Errorf("what was typed is shown: %s", text)
		}
	}
	var none *recovery.Concealed
	if none.Reveal() != "" || (&recovery.Concealed{}).Reveal() != "" {
		t.Error("nothing that was typed is something")
	}
}
