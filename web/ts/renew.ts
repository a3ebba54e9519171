// When the server does not take a change for what it is (a client id that belongs to somebody else, an update that it cannot read), the
// document that made it is of no more use: the same structs would come again with everything. What its person typed is carried over into a
// fresh document as new edits, at the places where it stood.

import * as Y from "yjs";
import { wholeOnly } from "./section";

interface Span {
  clock: number;
  end: number;
}

type Spans = Map<number, Span[]>;

/**
 * Repeats in `fresh` what unsaved updates of `old` did to these roots: insertions behind the same neighbour, deletions of the same
 * characters. Call it inside a transaction of fresh.
 */
export function repeatEdits(old: Y.Doc, fresh: Y.Doc, unsaved: Uint8Array[], roots: string[]): void {
  const { inserted, deleted } = spansOf(unsaved);
  for (const root of roots) {
    const text = fresh.getText(root);
    for (const { after, words } of runsOf(old.getText(root), inserted)) text.insert(placeBehind(after, text), words);
    for (const [from, to] of doomed(text, deleted, inserted).reverse()) text.delete(from, to - from);
  }
}

/** What unsaved updates of a document put into a root, as it stands there now: one line for each stretch. */
export function ownWords(doc: Y.Doc, unsaved: Uint8Array[], root: string): string {
  const { inserted } = spansOf(unsaved);
  return runsOf(doc.getText(root), inserted).map(({ words }) => words.trim()).filter(Boolean).join("\n");
}

export function spansOf(updates: Uint8Array[]): { inserted: Spans; deleted: Spans } {
  const inserted: Spans = new Map();
  const deleted: Spans = new Map();
  const add = (spans: Spans, client: number, clock: number, length: number) => {
    const list = spans.get(client) ?? [];
    list.push({ clock, end: clock + length });
    spans.set(client, list);
  };
  for (const update of updates) {
    const { structs, ds } = Y.decodeUpdate(update);
    for (const { id, length } of structs) add(inserted, id.client, id.clock, length);
    for (const [client, ranges] of ds.clients) for (const { clock, len } of ranges) add(deleted, client, clock, len);
  }
  return { inserted, deleted };
}

export function within(spans: Spans, client: number, clock: number): boolean {
  return spans.get(client)?.some((span) => span.clock <= clock && clock < span.end) ?? false;
}

/** The stretches of a text that were not saved, each with the saved character before it, seen or deleted. */
function runsOf(text: Y.Text, inserted: Spans): { after: Y.ID | null; words: string }[] {
  const runs: { after: Y.ID | null; words: string }[] = [];
  let after: Y.ID | null = null;
  let words = "";
  const close = () => {
    const whole = wholeOnly(words);
    if (whole) runs.push({ after, words: whole });
    words = "";
  };
  for (let item = text._start; item; item = item.right) {
    const content = item.content instanceof Y.ContentString ? item.content.str : "";
    for (let i = 0; i < item.length; i++) {
      const clock = item.id.clock + i;
      if (within(inserted, item.id.client, clock)) {
        if (!item.deleted) words += content.charAt(i);
        continue;
      }
      if (words) close();
      after = Y.createID(item.id.client, clock);
    }
  }
  close();
  return runs;
}

function placeBehind(id: Y.ID | null, text: Y.Text): number {
  if (!id || !text.doc) return 0;
  const relative = Y.createRelativePositionFromJSON({ item: { client: id.client, clock: id.clock }, assoc: -1 });
  const found = Y.createAbsolutePositionFromRelativePosition(relative, text.doc);
  return found?.type === text ? found.index : text.length;
}

/** What of a text was deleted without being saved, as ranges in order; characters that were never saved do not count. */
function doomed(text: Y.Text, deleted: Spans, inserted: Spans): [number, number][] {
  const ranges: [number, number][] = [];
  let index = 0;
  for (let item = text._start; item; item = item.right) {
    if (item.deleted || !item.countable) continue;
    for (let i = 0; i < item.length; i++, index++) {
      const { client, clock } = item.id;
      if (!within(deleted, client, clock + i) || within(inserted, client, clock + i)) continue;
      const last = ranges.at(-1);
      if (last?.[1] === index) last[1] = index + 1;
      else ranges.push([index, index + 1]);
    }
  }
  return ranges;
}
