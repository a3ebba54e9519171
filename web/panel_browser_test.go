//go:build linux

package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/konsil-server/konsil/conference"
)

// TestWhatARoundAnswersFollowsWhatIsTicked puts a round together on a phone: what stands about the part questions is of the boxes that are
// ticked, without a button, and neither a tick nor the focus is lost by it.
func TestWhatARoundAnswersFollowsWhatIsTicked(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id, err := s.Conferences.Submit(t.Context(), s.people["Anna"], conference.Request{
		CaseID: s.newCase("psychiatry", "physiotherapy"), Question: "Wie viele Stunden sind zumutbar?", Urgency: "normal",
		Disciplines: []string{"psychiatry", "physiotherapy"}, OwnWish: "Drei Vormittage, draußen.",
		Parts: []conference.PartQuestion{
			{Text: "Was sagt die Seele?", Disciplines: []string{"psychiatry"}}, {Text: "Was sagt der Rücken?", Disciplines: []string{"physiotherapy"}},
		},
	})
	s.must(err)
	blank, _ := newChromium(t)
	clara := blank.open(s)
	if err := chromedp.Do(clara.ctx, chromedp.EmulateViewport(360, 740)); err != nil {
		t.Fatal(err)
	}
	clara.signsIn(s, "Clara")
	clara.visits("/requests/" + id.String())
	box := func(name string) string {
		return fmt.Sprintf(`document.querySelector("#pick input[value='%s']")`, s.people[name].ID)
	}
	part := func(n int) string { return fmt.Sprintf(`document.querySelector("#panel ol > li:nth-child(%d)")`, n) }
	ticks := func(name string) { clara.does(box(name) + `.focus(); ` + box(name) + `.click()`) }
	clara.until("the page is alive", `document.readyState === "complete" && `+box("Ewald"))
	clara.does(`document.querySelector("input[name=near]").value = "20459"; window.here = true`)

	ticks("Ewald")
	clara.until("one part is answered", part(1)+`.textContent.includes("Antwort von: Dr. Ewald Psych")`)
	clara.until("the other one is not, and red", part(2)+`.querySelector(".missed b")?.textContent.startsWith("Offen") && getComputedStyle(`+part(2)+`.querySelector("b")).color !== getComputedStyle(`+part(2)+`).color`)
	clara.until("the tick and the focus are kept", box("Ewald")+`.checked && document.activeElement === `+box("Ewald"))
	ticks("Frieda")
	clara.until("nothing is open", `!document.querySelector("#panel ol .missed") && `+part(2)+`.textContent.includes("Frieda Physio")`)
	ticks("Gustav")
	clara.until("who answers nothing more is told so, and grey", box("Gustav")+`.checked && document.querySelectorAll("#pick .choice small.spare").length === 1
		&& (() => { const label = document.querySelector("#pick .spare").parentElement; return getComputedStyle(label).color !== getComputedStyle(document.body).color })()`)
	clara.does(box("Ewald") + `.click(); ` + box("Frieda") + `.click(); ` + box("Gustav") + `.click(); ` + box("Frieda") + `.click()`)
	clara.until("the last of several ticks counts", `[...document.querySelectorAll("#pick input:checked")].map((one) => one.value).join() === "`+s.people["Frieda"].ID.String()+`" &&
		`+part(1)+`.querySelector(".missed") && `+part(2)+`.textContent.includes("Antwort von: Frieda Physio")`)
	clara.until("what was typed elsewhere is there, on the same page", `document.querySelector("input[name=near]").value === "20459" && window.here`)
	clara.until("nothing is wider than the phone", `document.documentElement.scrollWidth <= 360`)
	clara.offline(true)
	ticks("Ewald")
	clara.until("without the server the page says so", `document.querySelector("#pick [data-outdated]") && `+box("Ewald")+`.checked`)
	clara.offline(false)
	clara.does(`window.onbeforeunload = null; for (const one of document.querySelectorAll("form[data-guard]")) delete one.dataset.guard`)
}

// TestWhereNoReasonCountsNothingCanBeLeftAsItIs writes a name into a question without a case, which the server would refuse for any reason.
func TestWhereNoReasonCountsNothingCanBeLeftAsItIs(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	blank, _ := newChromium(t)
	anna := blank.open(s)
	anna.signsIn(s, "Anna")
	anna.visits("/questions/new")
	anna.does(`document.querySelector("textarea[name=explanation]").focus()`)
	anna.inserts("Frau Sabine Müller bricht immer wieder ab.")
	const list = `document.querySelector("textarea[name=explanation] + .names")`
	anna.until("the name is found", list+`?.querySelectorAll("li").length === 1`)
	anna.until("it can be replaced, and that is all", `[...`+list+`.querySelectorAll(".acts .btn")].map((one) => one.textContent.split(" ")[0]).join() === "Ersetzen"`)
	anna.does(`window.onbeforeunload = null; for (const one of document.querySelectorAll("form[data-guard]")) delete one.dataset.guard`)
}
