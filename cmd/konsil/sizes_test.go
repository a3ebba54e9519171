//go:build linux

package main

import (
	"fmt"
	"testing"
)

// sizesTile gives the tile of the other person a place of that many lines.
func (p *person) sizesTile(lines int) {
	p.t.Helper()
	asked[bool](p, fmt.Sprintf(`(() => {
		const tile = document.querySelector("#tiles > li:not(.me)");
		const place = {width: "%dpx", height: "%dpx", minHeight: "0", maxHeight: "none", maxWidth: "none", minWidth: "0", aspectRatio: "auto", alignSelf: "start"};
		Object.assign(tile.style, place);
		tile.scrollIntoView();
		return true;
	})()`, lines*16/9, lines))
}

func TestASmallTileGetsASmallPictureAndALargeOneALarger(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.jana.switchesOn()
	r.kern.seesEverybodyMove(1)
	lines := `document.querySelector("#tiles > li:not(.me) video").videoHeight`
	r.kern.sizesTile(160)
	r.kern.until("the smallest size", lines+` === 180`)
	r.kern.sizesTile(640)
	r.kern.until("a larger size", lines+` >= 360`)
	r.kern.seesEverybodyMove(1)
	t.Logf("the large tile gets %d lines", asked[int](r.kern, lines))
	r.kern.sizesTile(160)
	r.kern.until("the smallest size again", lines+` === 180`)
	r.kern.seesEverybodyMove(1)
	for name, c := range r.kern.seal().Counts {
		if c.Failed > 0 || c.Plain > 0 {
			t.Errorf("frames of %s: %+v", name, c)
		}
	}
}
