package sample

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// auditLock is held by whoever appends to the chain: two appends that read the same head would fork it.
const auditLock = 0x4646_0002

// genesis is the previous hash of the first row.
var genesis = strings.Repeat("0", 2*sha256.Size)

// ChainError says where the audit log's hash chain breaks.
type ChainError struct {
	ID     int64 // the row
	Reason string
}

func (e *ChainError) Error() string { return fmt.Sprintf("audit row %d: %s", e.ID, e.Reason) }

// entry is one row of "AuditLog". There is one chain for the whole installation, in the order of the ids.
type entry struct {
	ID                          int64
	Firm, User, Action          string
	Payload                     string
	At                          time.Time
	PrevHash, PayloadHash, Hash string
}

// content is what the payload holds: the row's own columns besides the details, so that no column can be changed
// unseen. Its encoding is what is hashed, so its fields keep their order.
type content struct {
	Action  string `json:"action"`
	Firm    string `json:"firmId"`
	User    string `json:"userId"`
	At      string `json:"at"`
	Details any    `json:"details"`
}

// newEntry links a row to the chain whose last hash is head. PostgreSQL keeps milliseconds, so that is what is hashed.
func newEntry(head, firm, user, action string, at time.Time, details any) (entry, error) {
	e := entry{Firm: firm, User: user, Action: action, At: at.UTC().Truncate(time.Millisecond), PrevHash: head}

	payload, err := json.Marshal(content{action, firm, user, e.stamp(), details})
	if err != nil {
		return entry{}, fmt.Errorf("encode the payload of %s: %w", action, err)
	}

	e.Payload = string(payload)
	e.PayloadHash = hexSHA256(e.Payload)
	e.Hash = hexSHA256(e.PrevHash + e.PayloadHash)
	return e, nil
}

func (e entry) stamp() string { return e.At.UTC().Format("2006-01-02T15:04:05.000Z") }

// follows reports what is wrong with a row that should come after the one whose hash is head.
func (e entry) follows(head string) error {
	var c content
	switch {
	case e.PrevHash != head:
		return &ChainError{e.ID, "its previous hash is not the hash of the row before it"}
	case e.PayloadHash != hexSHA256(e.Payload):
		return &ChainError{e.ID, "its payload hash is not the hash of its payload"}
	case e.Hash != hexSHA256(e.PrevHash+e.PayloadHash):
		return &ChainError{e.ID, "its hash is not over its previous hash and its payload hash"}
	case json.Unmarshal([]byte(e.Payload), &c) != nil:
		return &ChainError{e.ID, "its payload is not JSON"}
	case c.Action != e.Action || c.Firm != e.Firm || c.User != e.User || c.At != e.stamp():
		return &ChainError{e.ID, "its columns are not what its payload says"}
	}
	return nil
}

// VerifyChain walks the audit log from its first row, and returns how many rows link and the last hash of them. A
// chain that does not link is a *ChainError.
func VerifyChain(ctx context.Context, c Config) (length int, head string, err error) {
	db, err := dial(ctx, c.DatabaseURL, startPatience)
	if err != nil {
		return 0, "", err
	}
	defer db.Close()

	return verifyChain(ctx, db)
}

func verifyChain(ctx context.Context, db *pgxpool.Pool) (length int, head string, err error) {
	rows, err := db.Query(ctx, `SELECT "id", "firmId", coalesce("userId", ''), "action", "payload", "createdAt",
		"prevHash", "payloadHash", "hash" FROM "AuditLog" ORDER BY "id"`)
	if err != nil {
		return 0, "", fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()

	head = genesis
	for rows.Next() {
		e, err := pgx.RowToStructByPos[entry](rows)
		if err != nil {
			return length, head, fmt.Errorf("read an audit row: %w", err)
		}
		if err := e.follows(head); err != nil {
			return length, head, err
		}
		length, head = length+1, e.Hash
	}

	if err := rows.Err(); err != nil {
		return length, head, fmt.Errorf("read the audit log: %w", err)
	}
	return length, head, nil
}

// appendAudit adds a row to the chain. Whatever else tx does is serialised with other appends from here on.
func appendAudit(ctx context.Context, tx pgx.Tx, firm, user, action string, details any) error {
	// The lock is a statement of its own: a statement sees what was committed when it began, so one that took the lock
	// and read the head would read the head from before it waited.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, auditLock); err != nil {
		return fmt.Errorf("wait for the audit chain: %w", err)
	}

	var head string
	var at time.Time
	err := tx.QueryRow(ctx, `SELECT coalesce((SELECT "hash" FROM "AuditLog" ORDER BY "id" DESC LIMIT 1), $1),
		clock_timestamp()`, genesis).Scan(&head, &at)
	if err != nil {
		return fmt.Errorf("read the head of the audit chain: %w", err)
	}

	e, err := newEntry(head, firm, user, action, at, details)
	if err != nil {
		return err
	}

	_, err = tx.Exec(ctx, `INSERT INTO "AuditLog"
		("firmId", "userId", "action", "payload", "createdAt", "prevHash", "payloadHash", "hash")
		VALUES ($1, nullif($2, ''), $3, $4, $5, $6, $7, $8)`,
		e.Firm, e.User, e.Action, e.Payload, e.At, e.PrevHash, e.PayloadHash, e.Hash)
	if err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	return nil
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
