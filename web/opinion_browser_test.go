//go:build linux

package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAnOpinionOnPartQuestionsIsGivenOnAPhone fills the form with taps and one sentence: the draft is kept, nothing is wider than the phone,
// each choice is large enough for a thumb, and what a person has chosen she can take back.
func TestAnOpinionOnPartQuestionsIsGivenOnAPhone(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.inParts(false)
	blank, _ := newChromium(t)
	frieda := blank.open(s)
	if err := chromedp.Do(frieda.ctx, chromedp.EmulateViewport(360, 740)); err != nil {
		t.Fatal(err)
	}
	frieda.visits("/livez")
	frieda.does(fmt.Sprintf(`await fetch("/rehearse/%s", { method: "POST", redirect: "manual" })`, s.people["Frieda"].ID))
	frieda.visits("/conferences/" + code + "/opinion")
	frieda.until("nothing is wider than the phone", `document.querySelectorAll("fieldset.say").length === 2 && document.documentElement.scrollWidth <= 360`)
	frieda.until("a part question is seen all at once, and each choice is as large as a thumb", `[...document.querySelectorAll("fieldset.say")].every((one) => one.offsetHeight < 500) &&
		[...document.querySelectorAll(".say .choice")].every((one) => one.offsetHeight >= 44 && one.offsetWidth >= 44)`)
	frieda.does(`document.querySelector("[name=position][value=from_6]").click(); document.querySelector("[name=confidence][value=sure]").click();
		document.querySelector("[name=position_1][value=no]").click(); document.querySelector("[name=position_2][value=partly]").click();
		document.querySelector("[name=reason]").value = "Mit Pausen."; document.querySelector("[name=reason_2]").focus()`)
	frieda.inserts("Nur ohne Nächte.")
	frieda.until("the draft is kept", `document.querySelector("[data-draft-said]").textContent.startsWith("Entwurf gespeichert")`)
	frieda.visits("/conferences/" + code + "/opinion")
	frieda.until("it is there again", `document.querySelector("[name=position_1]:checked").value === "no" && document.querySelector("[name=reason_2]").value === "Nur ohne Nächte."`)
	frieda.does(`document.querySelector("[name=position_1][value='']").click(); document.querySelector("form.opine .btn.go").click()`)
	frieda.until("it is sent", `document.body.innerText.includes("Änderung senden")`)
	frieda.until("what she took back is not in it", `document.querySelector("[name=position_1]:checked").value === "" && document.querySelector("[name=position_2]:checked").value === "partly"`)
	if got := query[int](s, `select count(*)::int from opinion_part`); got != 1 {
		t.Errorf("%d answers to part questions", got)
	}
}
