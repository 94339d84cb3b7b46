package sample

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// What an office's documents are called and made of. Names hold spaces, accents, other scripts and characters that a
// careless shell would act on; none of it is read by anything but tests and eyes.
var (
	locales = []string{"de-DE", "fr-FR", "en-GB", "pl-PL"}
	actions = []string{"document.view", "document.download", "user.login", "user.logout", "report.export"}
	offices = []string{"Müller & Söhne Steuerberatung", "Cabinet Lefèvre", "O'Brien Accountants", "Biuro Łukasz Żak", "青木会計事務所"}
	names   = []string{"Anna Müller", "José García", "Zoë O'Neill", "Łukasz Żak", "青木 花子", "Ольга Иванова", "Søren Ødegård", "Fatima al-Zahra"}
	words   = []string{
		"invoice", "ledger", "balance", "Umsatzsteuer", "accrual", "dépréciation", "faktura", "receivable", "audit", "Rücklage",
		"quarter", "übertrag", "zażalenie", "損益", "depreciation", "payroll", "net", "gross", "voucher", "Größe",
	}
	titles = []string{
		"Jahresabschluss %d – Müller & Söhne.pdf", "Facture n° %d (Café).pdf", "決算書 %d.xlsx", "Ведомость №%d.csv",
		"bank statement %d.csv", "notes $HOME %d.txt", "payroll-%d.txt", "scan %d.PNG", "Größenübersicht %d.txt", "O'Brien; letter %d",
	}
)

func firmName(i int) string {
	if i < len(offices) {
		return offices[i]
	}
	return fmt.Sprintf("%s (%d)", offices[i%len(offices)], i/len(offices)+1)
}

func fileName(chance *rand.Rand, i int) string {
	return fmt.Sprintf(pick(chance, titles), i+1)
}

// invent returns size bytes of a document: text where its kind is text, and noise that does not compress where it is not.
func invent(chance *rand.Rand, ext string, size int) []byte {
	switch ext {
	case ".txt", ".csv":
		return prose(chance, size)
	case ".pdf":
		return marked(chance, "%PDF-1.7\n", size)
	case ".png":
		return marked(chance, "\x89PNG\r\n\x1a\n", size)
	case ".xlsx":
		return marked(chance, "PK\x03\x04", size)
	}
	return noise(chance, size)
}

func prose(chance *rand.Rand, size int) []byte {
	var text bytes.Buffer
	for text.Len() < size {
		fmt.Fprintf(&text, "%s;%s;%d.%02d\r\n", pick(chance, words), pick(chance, words), chance.IntN(100_000), chance.IntN(100))
	}
	return text.Bytes()[:size]
}

func marked(chance *rand.Rand, magic string, size int) []byte {
	content := noise(chance, size)
	copy(content, magic)
	return content
}

func noise(chance *rand.Rand, size int) []byte {
	content := make([]byte, 0, size+8)
	for len(content) < size {
		content = binary.LittleEndian.AppendUint64(content, chance.Uint64())
	}
	return content[:size]
}

func pick(chance *rand.Rand, from []string) string { return from[chance.IntN(len(from))] }
