package secret

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// shortest is the length below which a value is not looked for in other
// programs' output: "1" or "on" would redact half of every log.
const shortest = 6

// Scrubber removes known secrets from text that other programs wrote. It may
// learn more of them while it is in use, from several goroutines. The zero
// value knows none and changes nothing.
type Scrubber struct {
	mu    sync.RWMutex
	forms []string // longest first, so that no form is cut by a shorter one
}

// Learn adds values, in the forms in which programs write them: as they are
// and as part of a URL. Values shorter than six bytes are left out. A nil
// Scrubber learns nothing.
func (s *Scrubber) Learn(values ...String) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, v := range values {
		plain := Reveal(v)
		if len(plain) < shortest {
			continue
		}
		for _, form := range []string{plain, url.QueryEscape(plain), url.PathEscape(plain), strings.ReplaceAll(plain, "$", "$$")} {
			if !slices.Contains(s.forms, form) {
				s.forms = append(s.forms, form)
			}
		}
	}
	slices.SortFunc(s.forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

// Scrub returns text with every known secret redacted. A nil Scrubber returns
// it as it is.
func (s *Scrubber) Scrub(text string) string {
	if s == nil {
		return text
	}
	s.mu.RLock()
	defer s.mu.RUnlock()

	for _, form := range s.forms {
		text = strings.ReplaceAll(text, form, redacted)
	}

	return text
}
