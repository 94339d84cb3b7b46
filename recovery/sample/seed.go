package sample

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Volume is how much Seed invents. A field that is zero takes the demo's value.
type Volume struct {
	Firms         int   // 3
	Users         int   // 12
	Documents     int   // 220
	AuditRows     int   // 1,200
	DocumentBytes int   // the largest document, 64 KiB; the smallest is 1 KiB, or this if it is less
	Seed          int64 // the same seed invents the same rows and the same plaintexts
}

// Seeded is what Seed put into an installation.
type Seeded struct {
	Firms, Users, Documents, AuditRows int
	Bytes                              int64  // plaintext of all documents
	Head                               string // last hash of the audit chain
}

// Seed migrates an installation and fills it: rows in one transaction, and a blob for each document. Only what is
// encrypted differs between two runs with the same seed, because nonces are never repeated. An installation that holds
// a firm already is refused.
func Seed(ctx context.Context, c Config, volume Volume) (Seeded, error) {
	volume, err := volume.orDemo()
	if err != nil {
		return Seeded{}, err
	}

	s, err := newSeeder(c, volume)
	if err != nil {
		return Seeded{}, err
	}

	db, err := dial(ctx, c.DatabaseURL, startPatience)
	if err != nil {
		return Seeded{}, err
	}
	defer db.Close()

	if _, err := migrate(ctx, db); err != nil {
		return Seeded{}, err
	}
	if err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return s.fill(ctx, tx) }); err != nil {
		return Seeded{}, fmt.Errorf("seed the installation: %w", err)
	}
	return s.done, nil
}

func (v Volume) orDemo() (Volume, error) {
	for _, field := range []struct {
		value *int
		demo  int
	}{
		{&v.Firms, 3}, {&v.Users, 12}, {&v.Documents, 220}, {&v.AuditRows, 1200}, {&v.DocumentBytes, 64 << 10},
	} {
		if *field.value < 0 {
			return Volume{}, fmt.Errorf("seed the installation: %d is a negative volume", *field.value)
		}
		if *field.value == 0 {
			*field.value = field.demo
		}
	}
	return v, nil
}

// person is a user as the later tables refer to it.
type person struct{ id, firm string }

// seeder fills the tables in the order of their foreign keys, each from what the ones before it left here.
type seeder struct {
	volume Volume
	chance *rand.Rand
	vault  vault
	field  *sealer                  // nil without FIELD_ENCRYPTION_KEY
	key    string                   // SHA-256 of the licence key
	token  func(user string) []byte // what a session of the user is recognised by
	epoch  time.Time                // the installation's first day; fixed, or two seeds of one number would differ

	firms     []string
	people    []person
	documents []document
	done      Seeded
}

func newSeeder(c Config, volume Volume) (*seeder, error) {
	files, err := newVault(c)
	if err != nil {
		return nil, err
	}

	s := &seeder{
		volume: volume,
		chance: rand.New(rand.NewPCG(uint64(volume.Seed), 0x4646)), //nolint:gosec // what is invented is no secret, and must come out the same again
		vault:  files,
		key:    hexSHA256(c.LicenseKey),
		epoch:  time.Date(2026, time.January, 5, 8, 0, 0, 0, time.UTC),
	}
	s.token = func(user string) []byte {
		mac := hmac.New(sha256.New, []byte(c.AuthSecret))
		mac.Write([]byte(user))
		return mac.Sum(nil)
	}

	if c.FieldKey == "" {
		return s, nil
	}

	field, err := fieldSealer(c.FieldKey)
	s.field = &field
	return s, err
}

func (s *seeder) fill(ctx context.Context, tx pgx.Tx) error {
	var firms int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM "Firm"`).Scan(&firms); err != nil {
		return fmt.Errorf("look for firms: %w", err)
	}
	if firms > 0 {
		return fmt.Errorf("look for firms: there are %d already", firms)
	}

	for _, table := range []struct {
		name    string
		columns []string
		rows    int
		row     func(i int) ([]any, error)
	}{
		{"Firm", []string{"id", "name", "slug", "settings", "monthlyFee", "createdAt"}, s.volume.Firms, s.firmRow},
		{"License", []string{"id", "keySha256", "seats", "expiresAt"}, 1, s.licenseRow},
		{"User", []string{"id", "firmId", "email", "name", "role", "passwordHash", "mfaSecret", "createdAt"}, s.volume.Users, s.userRow},
		{"Session", []string{"id", "userId", "tokenHash", "expiresAt"}, s.volume.Users, s.sessionRow},
		{"Document", []string{"id", "firmId", "fileName", "storageKey", "sizeBytes", "sha256", "mimeType", "uploadedById", "createdAt"},
			s.volume.Documents, s.documentRow},
		{"AuditLog", []string{"firmId", "userId", "action", "payload", "createdAt", "prevHash", "payloadHash", "hash"},
			s.volume.AuditRows, s.auditRow},
	} {
		rows := pgx.CopyFromSlice(table.rows, table.row)
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, rows); err != nil {
			return fmt.Errorf("fill %q: %w", table.name, err)
		}
	}

	s.done.Firms, s.done.Users = len(s.firms), len(s.people)
	s.done.Documents, s.done.AuditRows = len(s.documents), s.volume.AuditRows
	return nil
}

func (s *seeder) firmRow(i int) ([]any, error) {
	id := s.id()
	s.firms = append(s.firms, id)

	fee := pgtype.Numeric{Int: big.NewInt(s.chance.Int64N(100_000)), Exp: -2, Valid: true}
	settings := map[string]any{"locale": pick(s.chance, locales), "retentionYears": 6 + s.chance.IntN(5)}
	return []any{id, firmName(i), fmt.Sprintf("firm-%d", i+1), settings, fee, s.epoch}, nil
}

func (s *seeder) licenseRow(int) ([]any, error) {
	return []any{s.id(), s.key, s.volume.Users, s.epoch.AddDate(1, 0, 0)}, nil
}

func (s *seeder) userRow(i int) ([]any, error) {
	p := person{s.id(), s.firms[i%len(s.firms)]}
	s.people = append(s.people, p)

	role := pick(s.chance, []string{"ACCOUNTANT", "CLIENT"})
	if i < len(s.firms) {
		role = "OWNER"
	}

	// Every third user has no second factor, as in real offices.
	var mfa any
	if secret := s.letters(32); s.field != nil && i%3 != 2 {
		mfa = s.field.sealText(secret)
	}

	email := fmt.Sprintf("user%d@firm-%d.example", i+1, i%len(s.firms)+1)
	return []any{p.id, p.firm, email, pick(s.chance, names), role, noise(s.chance, 32), mfa, s.epoch.Add(time.Duration(i) * time.Minute)}, nil
}

func (s *seeder) sessionRow(i int) ([]any, error) {
	return []any{s.id(), s.people[i].id, s.token(s.people[i].id), s.epoch.AddDate(0, 1, i)}, nil
}

func (s *seeder) documentRow(i int) ([]any, error) {
	by := s.people[i%len(s.people)]
	name := fileName(s.chance, i)
	plain := invent(s.chance, extension(name), s.size())
	sum := sha256.Sum256(plain)

	d := document{
		ID: s.id(), Firm: by.firm, FileName: name, SizeBytes: int64(len(plain)), SHA256: hex.EncodeToString(sum[:]),
		MimeType: mimeType(name), UploadedBy: by.id, CreatedAt: s.moment(i),
	}
	d.StorageKey = storageKey(d.Firm, d.CreatedAt, sum, extension(name))
	if err := s.vault.write(d.StorageKey, plain); err != nil {
		return nil, err
	}

	s.documents = append(s.documents, d)
	s.done.Bytes += d.SizeBytes
	return []any{d.ID, d.Firm, d.FileName, d.StorageKey, d.SizeBytes, d.SHA256, d.MimeType, d.UploadedBy, d.CreatedAt}, nil
}

// auditRow tells of the uploads first, as far as there are rows for them, and then of an office at work.
func (s *seeder) auditRow(i int) ([]any, error) {
	if i == 0 {
		s.done.Head = genesis
	}

	var e entry
	var err error
	if i < len(s.documents) {
		d := s.documents[i]
		e, err = newEntry(s.done.Head, d.Firm, d.UploadedBy, "document.upload", d.CreatedAt, uploadDetails{d.ID, d.SHA256})
	} else {
		by, note := s.people[s.chance.IntN(len(s.people))], map[string]string{"note": pick(s.chance, words)}
		e, err = newEntry(s.done.Head, by.firm, by.id, pick(s.chance, actions), s.moment(i), note)
	}

	s.done.Head = e.Hash
	return []any{e.Firm, e.User, e.Action, e.Payload, e.At, e.PrevHash, e.PayloadHash, e.Hash}, err
}

// moment is when the i-th thing happened.
func (s *seeder) moment(i int) time.Time {
	return s.epoch.Add(time.Hour + time.Duration(i)*17*time.Second)
}

func (s *seeder) size() int {
	least := min(1<<10, s.volume.DocumentBytes)
	return least + s.chance.IntN(s.volume.DocumentBytes-least+1)
}

func (s *seeder) id() string { return "c" + s.letters(24) }

func (s *seeder) letters(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyz234567"[s.chance.IntN(32)]
	}
	return string(text)
}
