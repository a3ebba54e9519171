// The sections of the notes on the page: which view each is shown in, its undo, its offer of a measure, and who writes where. Owns the
// editors' places of templates/live.html.

import * as Y from "yjs";
import { openEditor } from "./editor";
import { NotesGuard, SectionNames } from "./guard/sections";
import { candidates, Offer } from "./measures";
import type { Notes } from "./notes";
import { Writers } from "./people";
import { openPlain } from "./plain";
import { carried, type Remover } from "./redact";
import type { Section } from "./section";

interface Place {
  key: string;
  root: HTMLElement;
  title: string;
  mark: HTMLElement;
  cut: HTMLElement;
  hint: string | null;
  offer: Offer;
  names: SectionNames;
}

interface Opened {
  view: Section;
  undo: Y.UndoManager;
}

/** Made once by the live page; destroy takes every text from the page. */
export class Paper {
  private readonly places: Place[];
  private readonly opened = new Map<string, Opened>();
  private writers: Writers;
  private readonly guard: NotesGuard;
  private writable = false; // until the server's document is here

  constructor(
    private notes: Notes,
    private plain: boolean,
    private readonly line: HTMLElement,
    private readonly tell: (sentence: string) => void,
    private readonly remover: Remover,
    guardURL: string,
  ) {
    this.guard = new NotesGuard(guardURL);
    this.places = [...document.querySelectorAll<HTMLElement>(".editor[data-section]")].map((root) => this.place(root));
    this.writers = this.listen();
    this.open();
  }

  /** The keys of all sections, in the order of the page. */
  static keys(): string[] {
    return [...document.querySelectorAll<HTMLElement>(".editor[data-section]")].map((root) => root.dataset["section"] ?? "");
  }

  setWritable(writable: boolean): void {
    this.writable = writable;
    for (const { cut } of this.places) cut.hidden = !writable;
    if (!writable) for (const { names } of this.places) names.destroy();
    else for (const { key, names } of this.places) names.follow(this.notes.doc.getText(`s:${key}`), this.opened.get(key)?.view ?? null);
    for (const { view } of this.opened.values()) view.setWritable(writable);
  }

  /** Changes the view of all sections; undo and caret stay. */
  setPlain(plain: boolean): void {
    this.plain = plain;
    this.reopen(() => {});
  }

  /** Shows another document; what could be undone in the one before cannot be undone any more. */
  setNotes(notes: Notes): void {
    this.writers.destroy();
    this.reopen(() => {
      for (const { undo } of this.opened.values()) undo.destroy();
      this.opened.clear();
      this.notes = notes;
    });
    this.writers = this.listen();
  }

  destroy(): void {
    for (const { names } of this.places) names.destroy();
    this.writers.destroy();
    for (const { view, undo } of this.opened.values()) {
      view.destroy();
      undo.destroy();
    }
    this.opened.clear();
  }

  private place(root: HTMLElement): Place {
    const key = root.dataset["section"] ?? "";
    const of = (suffix: string) => document.getElementById(`sec-${key}${suffix}`);
    const mark = of("-writes");
    const cut = of("-cut");
    if (!mark || !cut) throw new Error(`section ${key} has no place for who writes, or no button to remove something`);
    cut.hidden = true;
    cut.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus, and with it the button, stays
    cut.addEventListener("click", () => this.remove(key));
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" || !event.altKey || !event.shiftKey) return;
      event.preventDefault();
      this.remove(key);
    });
    const offer = new Offer(root, this.tell);
    return { key, root, mark, cut, title: of("")?.textContent ?? key, hint: of("-hint")?.id ?? null, offer, names: new SectionNames(root, root, this.guard) };
  }

  /** Removes what is selected in a section for everybody and for good, after asking. */
  private remove(key: string): void {
    const place = this.places.find((one) => one.key === key);
    const opened = this.opened.get(key);
    if (!this.writable || !place || !opened) return;
    const { from, to } = opened.view.selection();
    void this.remover.remove({ section: key, title: place.title, text: this.notes.doc.getText(`s:${key}`), from, to });
  }

  private listen(): Writers {
    const titles = new Map(this.places.map((one) => [one.key, one.title]));
    return new Writers(this.notes.awareness, this.line, titles, new Map(this.places.map((one) => [one.key, one.mark])));
  }

  /** Closes all views, does something, and opens them with the caret where it was. */
  private reopen(between: () => void): void {
    const textOf = (key: string) => this.notes.doc.getText(`s:${key}`).toString();
    let focus: { key: string; at: number; before: string } | null = null;
    for (const [key, { view }] of this.opened) {
      const at = view.caret();
      if (at !== null) focus = { key, at, before: textOf(key) };
      view.destroy();
    }
    between();
    this.open();
    if (focus) this.opened.get(focus.key)?.view.focus(carried(focus.at, focus.before, textOf(focus.key)));
  }

  private open(): void {
    for (const { key, root, hint, offer, names } of this.places) {
      const text = this.notes.doc.getText(`s:${key}`);
      const undo = this.opened.get(key)?.undo ?? new Y.UndoManager(text, { trackedOrigins: new Set(), captureTimeout: 700 });
      const view = (this.plain ? openPlain : openEditor)({
        key,
        parent: root,
        text,
        awareness: this.notes.awareness,
        undo,
        writable: this.writable,
        labelledBy: `sec-${key}`,
        ...(hint ? { describedBy: hint } : {}),
        people: candidates,
        composing: (active) => (active ? this.notes.hold() : this.notes.release()),
        told: this.tell,
        line: (line) => offer.show(this.writable ? line : ""),
      });
      this.opened.set(key, { view, undo });
      if (this.writable) names.follow(text, view);
    }
  }
}
