package steps

import (
	"context"

	"firmflow-recovery/recovery"
)

// undoable offers the undo of the newest run, where there is something to undo.
func (g *Guide) undoable(busy string) []recovery.Option {
	if g.TakeBack == nil {
		return nil
	}
	of, err := ToUndo(g.Home, "")
	if err != nil || of.Undone() {
		return nil
	}
	o := recovery.Option{Key: recovery.Undo, Label: "Undo the last recovery", Detail: "put vault, database and .env of before back", Why: busy}
	if of.Undoing {
		o.Label, o.Detail = "Go on with the undo of run "+string(of.Run), "nothing is repeated"
	}

	return []recovery.Option{o}
}

// undo takes the newest run back.
func (g *Guide) undo(ctx context.Context) (v recovery.Verdict, report string, err error) {
	of, err := ToUndo(g.Home, "")
	if err != nil {
		return turnedBack, "", err
	}
	r, err := g.TakeBack(of)
	if err != nil {
		return turnedBack, "", err
	}
	r.Operator, r.Guided = g.Operator, true

	return g.Execute(ctx, r)
}
