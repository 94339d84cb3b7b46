package tui

import (
	"fmt"

	"firmflow-recovery/recovery"
)

// secretsBody is the comparison of the secrets, by name only.
func (m model) secretsBody(t recovery.SecretsTable) []string {
	body := m.field("Original", t.Original, 2, m.width-2)
	body = append(body, m.field("This host", t.Target, 2, m.width-2)...)
	body = append(body, m.look.dim.Render("     "+m.secretRow("KEY", "IN .ENV", "AS COMPOSE READS IT", "RESULT")))
	keys := t.Keys
	if m.everyKey {
		keys = append(append([]recovery.ComparedSecret(nil), keys...), t.Others...)
	}
	for _, k := range keys {
		at := m.findingMark(k.Status)
		read := k.Read
		if read == "" {
			read = "not known yet"
		}
		body = append(body, "  "+at.style.Render(at.symbol)+"  "+m.secretRow(m.show(k.Key), k.File, read, m.show(k.Result)))
	}
	others := fmt.Sprintf("%s the same, %s not", recovery.Counted(int64(t.Same), "other key"), recovery.Count(int64(len(t.Others))))
	if len(t.Others) > 0 && !m.everyKey {
		others += " (a shows them)"
	}

	return append(body, m.look.dim.Render("     "+others), m.look.dim.Render("     Compared in memory. Values are never shown, logged or written."), "")
}

// secretRow gives up what is least needed where there is little room.
func (m model) secretRow(key, file, read, result string) string {
	if m.width < 76 {
		return fill(m.cut(key, 20), 21) + fill(file, 12) + result
	}

	return fill(m.cut(key, 21), 22) + fill(m.cut(file, 12), 13) + fill(m.cut(read, 19), 20) + result
}

// secrets is the comparison that the last plan made, where the question is about
// the step that made it.
func (m model) secrets(id recovery.StepID) *recovery.SecretsTable {
	if s, known := m.planned(id); known {
		return s.Assessment.Secrets
	}

	return nil
}
