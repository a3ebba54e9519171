// From a line of the notes to the measure form: a line "- [ ] …" offers to be proposed. Fills the form and goes there; sending it stays the
// act of a person.

import { readMeasure, type Candidate } from "./conventions";

/** The people who can take on a measure, as the form names them. */
export function candidates(): Candidate[] {
  const choice = document.querySelector<HTMLSelectElement>("#measures select[name=responsible]");
  return [...(choice?.options ?? [])].filter((one) => one.value !== "").map((one) => ({ id: one.value, name: one.text }));
}

/** The offer of one section: a button after the field, so that Tab leads to it, and Ctrl+Enter in the field. */
export class Offer {
  private readonly button = document.createElement("button");
  private line = "";

  constructor(
    place: HTMLElement,
    private readonly told: (sentence: string) => void,
  ) {
    this.button.type = "button";
    this.button.className = "btn slim quiet offer";
    this.button.hidden = true;
    this.button.textContent = "Als Maßnahme vorschlagen (Strg+Enter)";
    this.button.addEventListener("click", () => this.propose());
    place.after(this.button);
    place.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || this.button.hidden) return;
        event.preventDefault();
        event.stopPropagation();
        this.propose();
      },
      true,
    );
  }

  /** Takes the line with the caret. */
  show(line: string): void {
    this.line = line;
    this.button.hidden = readMeasure(line, [], new Date()) === null;
  }

  private propose(): void {
    const wanted = readMeasure(this.line, candidates(), new Date());
    if (wanted) this.told(fill(wanted));
  }
}

/** Puts a measure into the form and the focus on what is still missing; returns what to say about it. */
function fill(wanted: { what: string; responsible: string; due: string }): string {
  const form = document.querySelector<HTMLFormElement>("#measures form");
  const what = form?.querySelector<HTMLInputElement>("[name=what]");
  const responsible = form?.querySelector<HTMLSelectElement>("[name=responsible]");
  const due = form?.querySelector<HTMLInputElement>("[name=due_on]");
  if (!what || !responsible || !due) return "Maßnahmen können hier gerade nicht vorgeschlagen werden.";
  if (what.value.trim() && what.value !== wanted.what) {
    what.focus();
    return "Im Formular steht schon eine Maßnahme. Schlagen Sie sie vor oder leeren Sie das Feld, dann noch einmal.";
  }
  what.value = wanted.what;
  if (wanted.responsible) responsible.value = wanted.responsible;
  if (wanted.due) due.value = wanted.due;
  const missing = !responsible.value ? responsible : !due.value ? due : null;
  (missing ?? form?.querySelector("button") ?? what).focus();
  return missing
    ? "Ins Formular übernommen. Es fehlt noch, wer es übernimmt oder bis wann."
    : "Ins Formular übernommen, noch nicht vorgeschlagen: bitte prüfen und absenden.";
}
