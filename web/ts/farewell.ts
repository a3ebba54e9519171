// What is left of the live page after the end: one sentence without blame, and the way on.

import type { Reason } from "./protocol";

/** home: to the start page; conference: on to the conference's page; again: the same page once more */
type Way = "home" | "conference" | "again";

const farewell: Record<Reason | "left", { sentence: string; more?: string; way: Way }> = {
  withdrawn: { sentence: "Die Einwilligung für diese Konferenz besteht nicht mehr. Ihre Inhalte werden hier nicht mehr gezeigt.", way: "home" },
  closed: { sentence: "Diese Konferenz ist geschlossen.", way: "conference" },
  cancelled: { sentence: "Diese Konferenz wurde abgesagt.", way: "conference" },
  rights: { sentence: "Sie nehmen an dieser Konferenz nicht mehr teil.", way: "home" },
  signedout: { sentence: "Sie sind abgemeldet.", way: "home" },
  elsewhere: { sentence: "Diese Konferenz ist bei Ihnen schon in mehreren Fenstern geöffnet. Bitte arbeiten Sie in einem davon weiter.", way: "home" },
  kicked: {
    sentence: "Die Moderation hat Ihre Teilnahme an diesem Gespräch beendet.",
    more: "Wenn das ein Versehen war, klopfen Sie noch einmal an: Sie kommen in den Warteraum, und jemand von der Moderation kann Sie wieder einlassen.",
    way: "again",
  },
  denied: { sentence: "Sie wurden gerade nicht eingelassen.", more: "Nach einer Minute können Sie noch einmal anklopfen.", way: "again" },
  locked: { sentence: "Der Raum ist gerade abgeschlossen.", more: "Bitte fragen Sie bei der Person nach, von der Sie den Link haben.", way: "again" },
  left: { sentence: "Sie haben das Gespräch verlassen.", way: "again" },
  full: { sentence: "Im Warteraum ist gerade kein Platz.", more: "Versuchen Sie es in ein paar Minuten noch einmal.", way: "again" },
};

const ways: Record<Way, string> = { home: "Zur Startseite", conference: "Weiter", again: "Noch einmal anklopfen" };

/**
 * The page that stands in place of everything.
 *
 * @param unsaved changes of this person that the server has not confirmed
 * @param leave where "Weiter" goes; empty for somebody who has no page here
 */
export function goodbye(reason: Reason | "left", unsaved: number, leave: string): HTMLElement {
  const { sentence, more, way } = farewell[reason];
  const slip = document.createElement("main");
  slip.className = "slip";
  add(slip, "p", "konsil").className = "mark";
  const title = add(slip, "h1", sentence);
  title.className = "when";
  title.tabIndex = -1;
  if (more) add(slip, "p", more);
  if (unsaved > 0) {
    add(slip, "p", unsaved === 1 ? "Ihre letzte Änderung war noch nicht als gespeichert bestätigt." : `Ihre letzten ${unsaved} Änderungen waren noch nicht als gespeichert bestätigt.`);
  }
  if (way !== "again" && !leave) return slip;
  const away = document.createElement("a");
  away.className = "btn wide";
  away.href = way === "again" ? location.pathname : way === "home" ? "/" : leave;
  away.textContent = ways[way];
  slip.append(away);
  return slip;
}

function add(parent: HTMLElement, tag: string, words: string): HTMLElement {
  const made = parent.appendChild(document.createElement(tag));
  made.textContent = words;
  return made;
}
