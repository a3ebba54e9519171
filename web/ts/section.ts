// What the two views of a section share: what a view is given, what it may not take, and how a caret travels to the others.

import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { Candidate } from "./conventions";
import type { Passage } from "./guard/passage";
import { isRecord } from "./protocol";

export interface SectionOptions {
  key: string;
  parent: HTMLElement;
  text: Y.Text;
  awareness: Awareness;
  /** undo of one's own changes in this text; it outlives the view */
  undo: Y.UndoManager;
  writable: boolean;
  /** ids of heading and hint, for assistive technology */
  labelledBy: string;
  describedBy?: string;
  /** who can be named behind an @ */
  people(): Candidate[];
  /** called when an input method starts or goes on composing, and when it is done */
  composing(active: boolean): void;
  /** called with a sentence when an edit was not taken */
  told(sentence: string): void;
  /** called with the line in which the caret stands whenever it may have changed */
  line(line: string): void;
}

/** A view of a section on the page. Made by the live page when the section's place is known; destroy removes its text from the page. */
export interface Section {
  setWritable(writable: boolean): void;
  /** Where the caret stands, null when the focus is elsewhere. */
  caret(): number | null;
  /** What is selected, wherever the focus is. */
  selection(): { from: number; to: number };
  focus(at: number): void;
  select(from: number, to: number): void;
  /** Replaces a stretch as its person would, who can undo it; the caret is behind it afterwards. */
  replace(from: number, to: number, by: string): void;
  /** Shows where something could name somebody, where the view can. */
  mark(passages: Passage[]): void;
  destroy(): void;
}

// --- what may go in ---------------------------------------------------------------------------------------------------------------

/** More than this in one go is refused: it would not fit a frame, and it is never a note. */
const pasteLimit = 16_000;

/** A sentence when so many characters cannot be taken at once, otherwise null. */
export function tooMuch(added: number): string | null {
  return added > pasteLimit ? `Das ist zu viel auf einmal: höchstens ${pasteLimit.toLocaleString("de")} Zeichen. Es wurde nichts eingefügt.` : null;
}

const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** True between the two halves of one character. An edit there would make replicas differ for ever. */
export function halves(before: number, after: number): boolean {
  return isHigh(before) && isLow(after);
}

/** Without halves of characters that stand alone. */
export function wholeOnly(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "");
}

// --- carets -----------------------------------------------------------------------------------------------------------------------

/** Where a state's caret stands in this text; null when it is in another one. */
export function cursorIn(state: Record<string, unknown>, text: Y.Text): { anchor: number; head: number } | null {
  const cursor = state["cursor"];
  if (!isRecord(cursor) || !text.doc) return null;
  const anchor = place(cursor["anchor"], text);
  const head = place(cursor["head"], text);
  return anchor === null || head === null ? null : { anchor, head };
}

function place(json: unknown, text: Y.Text): number | null {
  if (!isRecord(json) || !text.doc) return null;
  try {
    const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), text.doc);
    return found?.type === text ? found.index : null;
  } catch {
    return null; // another client's nonsense is not our error
  }
}

/** Tells the others of one's own caret, and for three seconds after each edit that one is writing here. */
export class OwnCaret {
  private rest = 0;

  constructor(private readonly options: Pick<SectionOptions, "awareness" | "text" | "key">) {}

  /** @param at the selection, or null without focus */
  publish(at: { anchor: number; head: number } | null): void {
    const { awareness, text } = this.options;
    const state = awareness.getLocalState();
    if (!state) return;
    if (!at) {
      if (state["cursor"] && cursorIn(state, text)) awareness.setLocalStateField("cursor", null);
      return;
    }
    const relative = (index: number) => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, Math.min(index, text.length))) as unknown;
    const cursor = { anchor: relative(at.anchor), head: relative(at.head) };
    if (JSON.stringify(cursor) !== JSON.stringify(state["cursor"])) awareness.setLocalStateField("cursor", cursor);
  }

  wrote(): void {
    const { awareness, key } = this.options;
    if (awareness.getLocalState()?.["writes"] !== key) awareness.setLocalStateField("writes", key);
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      if (awareness.getLocalState()?.["writes"] === key) awareness.setLocalStateField("writes", null);
    }, 3000);
  }

  destroy(): void {
    clearTimeout(this.rest);
    if (this.options.awareness.getLocalState()?.["writes"] === this.options.key) this.options.awareness.setLocalStateField("writes", null);
    this.publish(null);
  }
}

/** The line of a text around a place. */
export function lineAt(text: string, at: number): string {
  const end = text.indexOf("\n", at);
  return text.slice(text.lastIndexOf("\n", at - 1) + 1, end < 0 ? text.length : end);
}
