package evidence_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"firmflow-recovery/recovery/evidence"
	"firmflow-recovery/recovery/secret"
)

// TestD12TheFieldKeyIsProvenByAFieldThatOpens: FIELD_ENCRYPTION_KEY opens what
// the app sealed with it, and no other key does.
func TestD12TheFieldKeyIsProvenByAFieldThatOpens(t *testing.T) {
	i := seededWith(t, "a-field-key-of-0123456789abcdef0123456")
	right, wrong := secret.New(i.config.FieldKey), secret.New(i.config.FieldKey+"x")
	f, err := evidence.OpenFields(t.Context(), i, "FIELD_ENCRYPTION_KEY", right)
	if err != nil || f.Opened != f.Tried || f.Tried < 2 || f.Column != `public."User"."mfaSecret"` || !strings.Contains(f.Key, "FIELD_ENCRYPTION_KEY") {
		t.Errorf("got %+v, %v", f, err)
	}
	if f, err := evidence.OpenFields(t.Context(), i, "FIELD_ENCRYPTION_KEY", wrong); !errors.Is(err, evidence.ErrUnrecognised) || len(f.Columns) == 0 {
		t.Errorf("a wrong key: got %+v, %v", f, err)
	}
	i.change(`update "User" set "mfaSecret" = 'AAAA' || substr("mfaSecret", 5) where id = (select min(id) from "User" where "mfaSecret" is not null)`)
	if f, err := evidence.OpenFields(t.Context(), i, "FIELD_ENCRYPTION_KEY", right); err != nil || f.Opened != f.Tried-1 {
		t.Errorf("one changed field: got %+v, %v", f, err)
	}
	i.change(`update "User" set "mfaSecret" = null`)
	if f, err := evidence.OpenFields(t.Context(), i, "FIELD_ENCRYPTION_KEY", right); err != nil || len(f.Columns) != 0 {
		t.Errorf("no field at all: got %+v, %v", f, err)
	}
}

func TestG5StatisticsAreLookedFor(t *testing.T) {
	i := seeded(t)
	i.change(`analyze`)
	tables, analysed, err := evidence.Analysed(t.Context(), i)
	if err != nil || tables < 4 || analysed != tables {
		t.Errorf("after an analysis: %d of %d, %v", analysed, tables, err)
	}
	i.change(`set allow_system_table_mods = on; delete from pg_statistic`)
	tables, analysed, err = evidence.Analysed(t.Context(), i)
	if err != nil || tables < 4 || analysed != 0 {
		t.Errorf("without statistics: %d of %d, %v", analysed, tables, err)
	}
}

// Whatever a column holds, only what can be encrypted is taken for that.
func TestWhatLooksEncrypted(t *testing.T) {
	sealed := []byte("0123456789ab" + "some ciphertext" + "0123456789abcdef")
	for text, want := range map[string]bool{
		base64.StdEncoding.EncodeToString(sealed):                        true,
		base64.RawURLEncoding.EncodeToString(sealed):                     true,
		hex.EncodeToString(sealed):                                       true,
		"enc:v1:" + base64.StdEncoding.EncodeToString(sealed):            true,
		"0123456789abcdef01234567:0123456789abcdef0123456789abcdef:aabb": true,
		strings.Repeat("ab", 32):                                         false, // a SHA-256
		strings.Repeat("ab", 20):                                         false,
		"someone@example.org":                                            false,
		"":                                                               false,
		"c2hvcnQ=":                                                       false,
		"a:b:c":                                                          false,
		"$2b$12$abcdefghijklmnopqrstuv":                                  false,
		"clx0abcdefghijklmnopqrstuv":                                     false,
		"00000000-0000-4000-8000-000000000000":                           false,
	} {
		if got := evidence.Encrypted(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
