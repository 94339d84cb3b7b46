package sample

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// largestUpload is where a document is refused; it is held in memory while it is encrypted.
const largestUpload = 64 << 20

// document is one row of "Document", as the API lists it.
type document struct {
	ID         string    `json:"id"`
	Firm       string    `json:"firmId"`
	FileName   string    `json:"fileName"`
	StorageKey string    `json:"storageKey"`
	SizeBytes  int64     `json:"sizeBytes"`
	SHA256     string    `json:"sha256"`
	MimeType   string    `json:"mimeType"`
	UploadedBy string    `json:"uploadedById"`
	CreatedAt  time.Time `json:"createdAt"`
}

const selectDocuments = `SELECT "id", "firmId", "fileName", "storageKey", "sizeBytes", "sha256", "mimeType",
	coalesce("uploadedById", ''), "createdAt" FROM "Document" `

func (a *app) listDocuments(w http.ResponseWriter, r *http.Request) error {
	rows, err := a.db.Query(r.Context(), selectDocuments+`ORDER BY "id"`)
	if err != nil {
		return fmt.Errorf("list the documents: %w", err)
	}

	documents, err := pgx.CollectRows(rows, pgx.RowToStructByPos[document])
	if err != nil {
		return fmt.Errorf("list the documents: %w", err)
	}
	return writeJSON(w, http.StatusOK, documents)
}

func (a *app) serveDocument(w http.ResponseWriter, r *http.Request) error {
	rows, err := a.db.Query(r.Context(), selectDocuments+`WHERE "id" = $1`, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("find the document: %w", err)
	}

	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[document])
	if errors.Is(err, pgx.ErrNoRows) {
		return &statusError{http.StatusNotFound, errors.New("there is no such document")}
	}
	if err != nil {
		return fmt.Errorf("find the document: %w", err)
	}

	plain, err := a.vault.read(d.StorageKey)
	if errors.Is(err, fs.ErrNotExist) {
		return &statusError{http.StatusNotFound, fmt.Errorf("the file of document %s is missing from the vault", d.ID)}
	}
	if err != nil {
		return fmt.Errorf("read document %s: %w", d.ID, err)
	}

	sum := sha256.Sum256(plain)
	if got := hex.EncodeToString(sum[:]); got != d.SHA256 {
		return fmt.Errorf("read document %s: its SHA-256 is %s, and %s was stored", d.ID, got, d.SHA256)
	}

	w.Header().Set("Content-Type", d.MimeType)
	w.Header().Set("Content-Length", strconv.Itoa(len(plain)))
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": d.FileName}))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Content-Sha256", d.SHA256)
	_, err = w.Write(plain)
	return err
}

// storeDocument takes POST /api/documents?firm=ID&name=FILENAME with the document as the body.
func (a *app) storeDocument(w http.ResponseWriter, r *http.Request) error {
	firm, name := r.URL.Query().Get("firm"), r.URL.Query().Get("name")
	if firm == "" || name == "" {
		return &statusError{http.StatusBadRequest, errors.New("firm and name are needed")}
	}
	if text := firm + name; !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return &statusError{http.StatusBadRequest, errors.New("firm and name are UTF-8 text")}
	}

	plain, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestUpload))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &statusError{http.StatusRequestEntityTooLarge, fmt.Errorf("a document has at most %d bytes", largestUpload)}
	}
	if err != nil {
		return &statusError{http.StatusBadRequest, fmt.Errorf("read the document: %w", err)}
	}

	d, err := a.newDocument(r.Context(), firm, name, plain)
	if err != nil {
		return err
	}

	// The blob goes first and is not taken back if the rows fail: a blob without a row is harmless, while a row without
	// a blob is a lost document, and after a broken commit nobody knows which of the two it would be.
	if err := a.vault.write(d.StorageKey, plain); err != nil {
		return err
	}

	err = pgx.BeginFunc(r.Context(), a.db, func(tx pgx.Tx) error { return insertDocument(r.Context(), tx, d) })
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "23505" {
		return &statusError{http.StatusConflict, errors.New("the same document was stored in the same millisecond")}
	}
	if err != nil {
		return fmt.Errorf("store document %s: %w", d.ID, err)
	}
	return writeJSON(w, http.StatusCreated, d)
}

// newDocument describes an upload. Its firm comes from the database, never from the request, since it names a
// directory.
func (a *app) newDocument(ctx context.Context, firm, name string, plain []byte) (document, error) {
	d := document{ID: newID(), FileName: name, SizeBytes: int64(len(plain)), MimeType: mimeType(name)}

	err := a.db.QueryRow(ctx, `SELECT f."id", coalesce(min(u."id"), ''), date_trunc('milliseconds', clock_timestamp())
		FROM "Firm" f LEFT JOIN "User" u ON u."firmId" = f."id" WHERE f."id" = $1 GROUP BY f."id"`, firm).
		Scan(&d.Firm, &d.UploadedBy, &d.CreatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return document{}, &statusError{http.StatusNotFound, errors.New("there is no such firm")}
	}
	if err != nil {
		return document{}, fmt.Errorf("find the firm: %w", err)
	}

	sum := sha256.Sum256(plain)
	d.SHA256 = hex.EncodeToString(sum[:])
	d.StorageKey = storageKey(d.Firm, d.CreatedAt, sum, extension(name))
	return d, nil
}

func insertDocument(ctx context.Context, tx pgx.Tx, d document) error {
	_, err := tx.Exec(ctx, `INSERT INTO "Document"
		("id", "firmId", "fileName", "storageKey", "sizeBytes", "sha256", "mimeType", "uploadedById", "createdAt")
		VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), $9)`,
		d.ID, d.Firm, d.FileName, d.StorageKey, d.SizeBytes, d.SHA256, d.MimeType, d.UploadedBy, d.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert the document: %w", err)
	}

	return appendAudit(ctx, tx, d.Firm, d.UploadedBy, "document.upload", uploadDetails{d.ID, d.SHA256})
}

// uploadDetails is what an upload's audit row says besides who and when.
type uploadDetails struct {
	Document string `json:"documentId"`
	SHA256   string `json:"sha256"`
}

// newID returns an id of the shape Prisma's cuid() has.
func newID() string { return "c" + strings.ToLower(rand.Text()[:24]) }

// extension is the last part of a file name where it is plain enough to be part of a blob's name.
func extension(name string) string {
	ext := strings.ToLower(path.Ext(name))
	plain := strings.IndexFunc(strings.TrimPrefix(ext, "."), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) < 0
	if len(ext) < 2 || len(ext) > 9 || !plain {
		return ".bin"
	}
	return ext
}

// mimeType knows the sample's own kinds only. The mime package reads the machine's files, so that its answer would
// differ between a host and a container FROM scratch.
func mimeType(name string) string {
	switch extension(name) {
	case ".pdf":
		return "application/pdf"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".png":
		return "image/png"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "application/octet-stream"
}
