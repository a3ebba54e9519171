// One section of the notes as a plain text field on the same Y.Text: for screen readers, dictation, braille and whoever prefers it. What a
// browser's field does stays as it is; only undo is replaced, because the browser's would take back what others wrote.

import * as Y from "yjs";
import { halves, lineAt, OwnCaret, tooMuch, wholeOnly, type Section, type SectionOptions } from "./section";

/** One replacement in a text. */
export interface Edit {
  at: number;
  remove: number;
  insert: string;
}

/**
 * The smallest replacement that turns one text into another, never inside a character of two halves. Of several it is the one that ends at
 * the caret: in "aaa" only the caret tells which a is new.
 */
export function editBetween(before: string, after: string, caret: number): Edit {
  const shorter = Math.min(before.length, after.length);
  let end = 0;
  const endLimit = Math.min(shorter, Math.max(0, after.length - caret));
  while (end < endLimit && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end++;
  let start = 0;
  while (start < shorter - end && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  const cut = (text: string, at: number) => halves(text.charCodeAt(at - 1), text.charCodeAt(at));
  if (start > 0 && (cut(before, start) || cut(after, start))) start--;
  if (end > 0 && (cut(before, before.length - end) || cut(after, after.length - end))) end--;
  return { at: start, remove: before.length - end - start, insert: after.slice(start, after.length - end) };
}

/** The plain view. */
export function openPlain(options: SectionOptions): Section {
  return new Plain(options);
}

interface Selected {
  start: Y.RelativePosition;
  end: Y.RelativePosition;
  direction: "forward" | "backward" | "none";
}

class Plain implements Section {
  private readonly field = document.createElement("textarea");
  private readonly own: OwnCaret;
  private shown = "";
  private selected: Selected | null = null;
  private readonly grows = !CSS.supports("field-sizing", "content");

  constructor(private readonly options: SectionOptions) {
    this.own = new OwnCaret(options);
    const { field } = this;
    field.className = "plain";
    field.rows = 2;
    field.spellcheck = false; // browsers may send the text elsewhere for it
    field.autocapitalize = "sentences";
    field.autocomplete = "off";
    field.translate = false;
    field.setAttribute("aria-labelledby", options.labelledBy);
    if (options.describedBy) field.setAttribute("aria-describedby", options.describedBy);
    this.setWritable(options.writable);
    this.listen();
    options.undo.addTrackedOrigin(this);
    options.text.doc?.on("beforeTransaction", this.before);
    options.text.observe(this.changed);
    document.addEventListener("selectionchange", this.moved);
    options.parent.append(field);
    this.show();
  }

  setWritable(writable: boolean): void {
    this.field.readOnly = !writable;
    this.options.parent.classList.toggle("readonly", !writable);
  }

  caret(): number | null {
    return document.activeElement === this.field ? this.field.selectionEnd : null;
  }

  selection(): { from: number; to: number } {
    return { from: this.field.selectionStart, to: this.field.selectionEnd };
  }

  focus(at: number): void {
    this.field.focus();
    this.field.setSelectionRange(at, at);
  }

  select(from: number, to: number): void {
    this.field.focus();
    this.field.setSelectionRange(from, to);
  }

  replace(from: number, to: number, by: string): void {
    if (this.field.readOnly) return;
    this.field.focus();
    this.field.setRangeText(by, from, to, "end");
    this.typed();
  }

  /** A plain field cannot mark anything; the list under it says the same. */
  mark(): void {}

  destroy(): void {
    const { options } = this;
    options.undo.removeTrackedOrigin(this);
    options.text.doc?.off("beforeTransaction", this.before);
    options.text.unobserve(this.changed);
    document.removeEventListener("selectionchange", this.moved);
    this.own.destroy();
    this.field.remove();
  }

  private listen(): void {
    const { field, options } = this;
    field.addEventListener("input", () => this.typed());
    field.addEventListener("focus", this.moved);
    field.addEventListener("blur", this.moved);
    for (const name of ["compositionstart", "compositionupdate"]) field.addEventListener(name, () => options.composing(true));
    for (const name of ["compositionend", "blur"]) {
      // the composed text may come with an input event after this one
      field.addEventListener(name, () => void setTimeout(() => options.composing(false)));
    }
    field.addEventListener("beforeinput", (event) => {
      if (event.inputType === "historyUndo" || event.inputType === "historyRedo") this.undo(event, event.inputType === "historyRedo");
    });
    field.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "z" || key === "y") this.undo(event, key === "y" || event.shiftKey);
    });
  }

  private undo(event: Event, redo: boolean): void {
    event.preventDefault();
    if (this.field.readOnly) return;
    if (redo) this.options.undo.redo();
    else this.options.undo.undo();
  }

  /** Takes over what the person did, whatever the browser's way of doing it. */
  private typed(): void {
    const { field, options } = this;
    const edit = editBetween(this.shown, field.value, field.selectionEnd);
    const insert = wholeOnly(edit.insert);
    const refused = tooMuch(insert.length);
    if (refused) {
      options.told(refused);
      return this.show(edit.at);
    }
    options.text.doc?.transact(() => {
      if (edit.remove) options.text.delete(edit.at, edit.remove);
      if (insert) options.text.insert(edit.at, insert);
    }, this);
    this.shown = field.value;
    if (insert !== edit.insert) this.show(edit.at + insert.length);
    this.own.wrote();
    this.grow();
    this.moved();
  }

  /** Remembers the selection in terms of the text itself, before something changes it. */
  private readonly before = (transaction: Y.Transaction) => {
    if (transaction.origin === this) return;
    const { field, options } = this;
    const { selectionStart, selectionEnd, selectionDirection } = field;
    const at = (index: number, side: number) => Y.createRelativePositionFromTypeIndex(options.text, Math.min(index, options.text.length), side);
    // a caret stays behind the letter it follows, a selection grows at neither end
    const start = at(selectionStart, selectionStart === selectionEnd ? -1 : 0);
    this.selected = { start, end: at(selectionEnd, -1), direction: selectionDirection };
  };

  private readonly changed = (event: Y.YTextEvent, transaction: Y.Transaction) => {
    if (transaction.origin === this) return;
    this.show(transaction.origin === this.options.undo ? endOf(event) : undefined);
  };

  /** Shows the text as it is, with the caret at a place, or where it was. */
  private show(caret?: number): void {
    const { field, options, selected } = this;
    // browsers make one of two line breaks; the length must stay
    this.shown = options.text.toString().replace(/\r\n/g, " \n").replace(/\r/g, "\n");
    if (field.value !== this.shown) field.value = this.shown;
    const here = document.activeElement === field; // elsewhere it would take the focus in some browsers
    if (here && caret !== undefined) field.setSelectionRange(caret, caret);
    else if (here && selected && options.text.doc) {
      const index = (place: Y.RelativePosition) => (options.text.doc && Y.createAbsolutePositionFromRelativePosition(place, options.text.doc)?.index) ?? this.shown.length;
      const start = index(selected.start);
      field.setSelectionRange(start, Math.max(start, index(selected.end)), selected.direction);
    }
    this.grow();
    this.moved();
  }

  private readonly moved = () => {
    const { field } = this;
    const here = document.activeElement === field;
    const back = field.selectionDirection === "backward";
    this.own.publish(here ? { anchor: back ? field.selectionEnd : field.selectionStart, head: back ? field.selectionStart : field.selectionEnd } : null);
    if (here) this.options.line(lineAt(this.shown, field.selectionEnd));
  };

  private grow(): void {
    if (!this.grows) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight + 2}px`;
  }
}

/** The place behind the last thing that an event changed. */
function endOf(event: Y.YTextEvent): number {
  let at = 0;
  let end = 0;
  for (const one of event.delta) {
    if (one.retain !== undefined) at += one.retain;
    else if (typeof one.insert === "string") end = at += one.insert.length;
    else end = at;
  }
  return end;
}
