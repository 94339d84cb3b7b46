// Package recovery is the engine and the vocabulary of a recovery.
//
// A Runner walks a list of Steps. It looks before it acts and again after,
// records every fact in a Journal before anybody is told, and speaks to
// whoever is in charge through an Operator: Tell and Ask. The wizard, the plain
// transcript and the JSON lines are three operators over the one stream of
// Events; each shows the State that State.Apply folds from it.
//
// Three sentences decide when in doubt: nothing that is replaced is ever
// deleted; success is said only of what was proven; every failure says what is
// intact and what to do next. To the first there are two exceptions, each consented
// to in words: a cleanup, and a recovery for which undo was given up for room (see
// Remedy.Consent).
//
// The package uses the standard library only and knows neither services nor
// screens.
package recovery
