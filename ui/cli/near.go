package cli

import (
	"strings"
	"unicode"
)

// near gives the word that was probably meant, or nothing: one that differs in
// at most a third of its letters. Of two, the one that is as long.
func near(word string, known []string) string {
	best, least := "", 0
	for _, k := range known {
		letters := distance(word, k)
		d := 3*letters + min(2, max(len(word)-len(k), len(k)-len(word)))
		if letters <= len(word)/3+1 && (best == "" || d < least) {
			best, least = k, d
		}
	}

	return best
}

// distance is how many letters must be put in, taken out or replaced to make
// one word of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}

	return row[len(b)]
}

// visible makes an argument safe to be shown back.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}

		return unicode.ReplacementChar
	}, s)
}

// didYouMean is the hint of a mistake: the probable word, or where all are.
func didYouMean(word, before string, known []string) string {
	if meant := near(word, known); meant != "" {
		return "Did you mean " + before + meant + "?"
	}

	return "firmflow-recovery --help shows what there is."
}
