package backup

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"firmflow-recovery/recovery/secret"
)

// manifestFormat is the version of the manifest that is written. Fields are only
// ever added within it; a reader passes over those it does not know.
const manifestFormat = 1

// largestManifest is how many bytes of a manifest are read. One with ten
// thousand tables has two million.
const largestManifest = 32 << 20

// Manifest is what a backup says of itself: manifest_DATE.json. What a field
// means is documented for readers without this program in docs/backup.md.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"` // that wrote it, with its version
	Backup  string    `json:"backup"`  // the set's name: the date in its file names
	Began   time.Time `json:"began"`   // just before the dump: what was written later may be missing
	Ended   time.Time `json:"ended"`

	Host     Host             `json:"host"`
	Files    []ListedFile     `json:"files"` // of the backup, but for the manifest and the list of checksums
	Vault    VaultRecord      `json:"vault"`
	Database DatabaseRecord   `json:"database"`
	Chain    *ChainRecord     `json:"audit_chain,omitempty"` // nil: none was recognised
	Engine   string           `json:"engine"`                // what the services ran on
	Services []ServiceRecord  `json:"services,omitempty"`
	Compose  []ComposeRecord  `json:"compose_files,omitempty"`
	Keys     map[string]Print `json:"secrets"` // fingerprints, by the keys' names
}

// Host is the machine that was backed up. A licence may be bound to it.
type Host struct {
	Name string `json:"name"`
	// Machine is a digest of the machine's id, under a key of this program: the
	// id itself is not to be given away. Empty: the machine has none.
	Machine string `json:"machine,omitempty"`
}

// ListedFile is one file of a backup.
type ListedFile struct {
	Name   string `json:"name"`
	Part   Part   `json:"part"`
	Size   int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// VaultRecord is the content of the vault archive.
type VaultRecord struct {
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Newest  time.Time `json:"newest"` // of all files
	Tree    string    `json:"tree"`   // digest of paths, sizes and contents, as vault.Summary has it
	Source  string    `json:"source"` // the directory that was backed up
	Mounted bool      `json:"mounted,omitempty"`
}

// DatabaseRecord is the database as it was dumped, and what a dump leaves out.
type DatabaseRecord struct {
	Name     string          `json:"name"`
	Server   string          `json:"server"` // its version
	Rows     []TableRecord   `json:"tables"` // counted in the dump
	Settings []SettingRecord `json:"settings,omitempty"`
	Roles    []RoleRecord    `json:"roles,omitempty"`
	Encoding string          `json:"encoding,omitempty"`
	Collate  string          `json:"collate,omitempty"`
}

// TableRecord is how many rows of a table the dump holds.
type TableRecord struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
}

// SettingRecord is a setting of the database or of a role, in the database or
// everywhere, as ALTER ... SET made it.
type SettingRecord struct {
	Database string `json:"database,omitempty"`
	Role     string `json:"role,omitempty"`
	Setting  string `json:"setting"` // name=value
}

// RoleRecord is a role of the server, without its password.
type RoleRecord struct {
	Name       string   `json:"name"`
	Attributes []string `json:"attributes,omitempty"` // as CREATE ROLE names them
	MemberOf   []string `json:"member_of,omitempty"`
}

// ChainRecord is the audit log in the database that was backed up.
type ChainRecord struct {
	Table  string `json:"table"`
	Length int64  `json:"entries"`
	Head   string `json:"head"` // the last entry's hash
}

// ServiceRecord is a service as it ran.
type ServiceRecord struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	// Digest is the id of the image on this host; empty where there is none.
	Digest string `json:"digest,omitempty"`
}

// ComposeRecord is a configuration file of the project, by its digest.
type ComposeRecord struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// What can be wrong with a manifest.
var (
	ErrNotManifest = errors.New("it is not a manifest of this program")
	ErrNewer       = errors.New("a newer version of this program wrote it")
	ErrChanged     = errors.New("it is not as it was written")
	ErrOtherSecret = errors.New("the AUTH_SECRET is not the one of the backup")
	ErrNoSecret    = errors.New("without an AUTH_SECRET it cannot be sealed")
	ErrForeign     = errors.New("it belongs to another backup")
)

// Encode takes fingerprints of the keys and gives the manifest's file, sealed
// with AUTH_SECRET. It takes as long as the cost says, for each key.
func (m Manifest) Encode(keys map[string]secret.String, cost Cost) ([]byte, error) {
	m.Format, m.Keys = manifestFormat, make(map[string]Print, len(keys))
	auth := keys[sealedBy]
	if auth.Empty() {
		return nil, fmt.Errorf("seal the manifest: %w", ErrNoSecret)
	}
	var key []byte
	for name, value := range keys {
		if value.Empty() {
			continue
		}
		print, rest, err := take(value, cost)
		if err != nil {
			return nil, fmt.Errorf("take a fingerprint of %s: %w", name, err)
		}
		m.Keys[name] = print
		if name == sealedBy {
			key = rest
		}
	}
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}

	return seal(body, key), nil
}

// Sealed is a manifest as it was read. Its own checksum was right: it is what
// somebody wrote. That it was the owner of AUTH_SECRET is what Verify tells.
type Sealed struct {
	Manifest
	body []byte // what the seal covers
	mac  []byte
}

// Same tells whether two manifests are one: byte for byte, seal and all.
func (s Sealed) Same(other Sealed) bool {
	return bytes.Equal(s.body, other.body) && bytes.Equal(s.mac, other.mac)
}

// DecodeManifest reads a manifest. ErrChanged means that its checksum, which
// needs no secret, does not match.
func DecodeManifest(data []byte) (Sealed, error) {
	body, mac, err := unseal(data)
	if err != nil {
		return Sealed{}, err
	}
	s := Sealed{body: body, mac: mac}
	if err := json.Unmarshal(data, &s.Manifest); err != nil {
		return Sealed{}, errors.Join(ErrNotManifest, err)
	}
	if s.Format > manifestFormat {
		return Sealed{}, fmt.Errorf("%w: format %d", ErrNewer, s.Format)
	}
	if s.Format < 1 || s.Backup == "" {
		return Sealed{}, ErrNotManifest
	}
	for _, f := range s.Files {
		if err := f.check(); err != nil {
			return Sealed{}, err
		}
	}

	return s, nil
}

// check refuses what would lead out of the backup's directory, and what is no
// digest.
func (f ListedFile) check() error {
	sum, err := hex.DecodeString(f.SHA256)
	if err != nil || len(sum) != 32 || f.Size < 0 || f.Name == "." || !filepath.IsLocal(f.Name) || filepath.Base(f.Name) != f.Name {
		return fmt.Errorf("%w: it lists %q", ErrNotManifest, f.Name)
	}

	return nil
}

// File finds a file of the backup by its part; its zero value is one that the
// backup does not have.
func (m Manifest) File(part Part) ListedFile {
	for _, f := range m.Files {
		if f.Part == part {
			return f
		}
	}

	return ListedFile{}
}

// Total is the sum of the rows of all tables.
func (d DatabaseRecord) Total() int64 {
	var sum int64
	for _, t := range d.Rows {
		sum += t.Rows
	}

	return sum
}

// ReadManifest reads the manifest of the set, and sees that it is about this
// set: ErrForeign. Its other errors are DecodeManifest's and the system's.
func (s Set) ReadManifest() (Sealed, error) {
	data, err := readUpTo(s.Manifest.Path, largestManifest)
	if err != nil {
		return Sealed{}, fmt.Errorf("read manifest %q: %w", s.Manifest.Path, plain(err))
	}
	m, err := DecodeManifest(data)
	if err == nil && m.Backup != s.Date {
		err = fmt.Errorf("%w: %q", ErrForeign, m.Backup)
	}
	if err != nil {
		return Sealed{}, fmt.Errorf("read manifest %q: %w", s.Manifest.Path, err)
	}

	return m, nil
}

// Total is how many bytes the listed files have.
func (m Manifest) Total() int64 {
	var sum int64
	for _, f := range m.Files {
		sum += f.Size
	}

	return sum
}
