// Removing a passage for good, as its person does it: what is selected is named by its characters and not by their place, so that nothing
// else can be hit, whatever others write meanwhile. And what becomes of a person's own words and caret when the document that they belong
// to is begun anew after that.

import * as Y from "yjs";
import { asks } from "./menu";
import { editBetween } from "./plain";
import { spansOf, within } from "./renew";
import { halves, wholeOnly } from "./section";

/** What the server says of the log it reads the document from: after which sequence it begins, and what of earlier ones it had. */
export interface Beginning {
  base: number;
  /** by client id of this person's documents from before: so many units of it are in the log, or were removed from it */
  taken: Map<number, number>;
}

/** The characters of a stretch of a text as the server knows them: "client:clock:length …". Never half a character. */
export function unitsOf(text: Y.Text, from: number, to: number): string {
  const found: { client: number; clock: number; length: number }[] = [];
  let index = 0;
  for (let item = text._start; item && index < to; item = item.right) {
    if (item.deleted || !item.countable) continue;
    const begin = Math.max(from, index);
    const end = Math.min(to, index + item.length);
    if (begin < end) {
      const { client, clock } = item.id;
      const last = found.at(-1);
      const at = clock + begin - index;
      if (last?.client === client && last.clock + last.length === at) last.length += end - begin;
      else found.push({ client, clock: at, length: end - begin });
    }
    index += item.length;
  }
  return found.map(({ client, clock, length }) => `${client}:${clock}:${length}`).join(" ");
}

// --- asking for it ----------------------------------------------------------------------------------------------------------------

const what =
  "Die Stelle verschwindet sofort aus der Mitschrift, bei allen, die sie geöffnet haben, und mit ihr der bisherige Verlauf. Sie wird auch aus der Suche und aus den Dateien der Datenbank gelöscht. Das lässt sich nicht rückgängig machen. Stehen bleibt: „1 Stelle entfernt“ mit Ihrem Namen und der Uhrzeit. Ältere Sicherungskopien enthalten sie, bis sie ablaufen.";

const refusals: Record<number, string> = {
  401: "Nichts entfernt: Sie sind abgemeldet.",
  403: "Nichts entfernt: Sie dürfen hier nicht schreiben.",
  404: "Nichts entfernt: Diese Konferenz ist für Sie nicht mehr offen.",
  409: "Nichts entfernt: Die Stelle hat sich inzwischen geändert. Bitte markieren Sie sie noch einmal.",
  410: "Nichts entfernt: Die Einwilligung für diese Konferenz besteht nicht mehr.",
};

/** A passage as somebody has selected it. */
export interface Passage {
  section: string;
  title: string;
  text: Y.Text;
  from: number;
  to: number;
}

/** Removes passages. Made by the live page. */
export class Remover {
  private busy = false;

  /** @param saved resolves when everything typed so far is saved, or will not be soon */
  constructor(
    private readonly url: string,
    private readonly saved: () => Promise<void>,
    private readonly tell: (sentence: string) => void,
  ) {}

  /** Asks, and removes. */
  async remove(passage: Passage): Promise<void> {
    const { section, title, text } = passage;
    const all = text.toString();
    const inside = (at: number) => halves(all.charCodeAt(at - 1), all.charCodeAt(at));
    const from = inside(passage.from) ? passage.from - 1 : passage.from;
    const to = inside(passage.to) ? passage.to + 1 : passage.to;
    if (from >= to) return this.tell("Bitte markieren Sie zuerst den Text, der entfernt werden soll.");
    if (this.busy) return;
    this.busy = true;
    try {
      const units = unitsOf(text, from, to);
      const yes = await asks(`Markierte Stelle in „${title}“ für alle entfernen?`, `„${short(all.slice(from, to))}“ – ${what}`, "Endgültig entfernen");
      if (yes) await this.send(section, units);
    } finally {
      this.busy = false;
    }
  }

  private async send(section: string, units: string): Promise<void> {
    await this.saved(); // the server can remove only what it has
    const body = new URLSearchParams({ section, units });
    const answer = await fetch(this.url, { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(60_000) }).catch(() => null);
    const status = answer?.type === "opaqueredirect" ? 401 : (answer?.status ?? 0);
    if (status === 204) return this.tell("Die Stelle ist entfernt.");
    if (status === 202) return this.tell("Die Stelle ist entfernt. In den Dateien der Datenbank wird sie noch überschrieben; darum kümmert sich der Server.");
    this.tell(refusals[status] ?? "Keine Antwort vom Server. Bitte sehen Sie nach, ob die Stelle noch dasteht.");
  }
}

function short(words: string): string {
  return words.length > 160 ? `${words.slice(0, 80).trim()} … ${words.slice(-60).trim()}` : words;
}

// --- afterwards -------------------------------------------------------------------------------------------------------------------

/**
 * Inserts into `fresh` what unsaved updates of `old` had put into these roots and the server has not taken. What stood in the middle of
 * something that is not there any more is left out: it was a part of that. Deletions are not repeated. Call it inside a transaction of fresh.
 *
 * @returns true when something was left out
 */
export function insertAgain(old: Y.Doc, fresh: Y.Doc, unsaved: Uint8Array[], roots: string[], taken: Map<number, number>): boolean {
  const { inserted } = spansOf(unsaved);
  const own = (client: number, clock: number) => within(inserted, client, clock) && clock >= (taken.get(client) ?? 0);
  let left = false;
  for (const root of roots) {
    const text = fresh.getText(root);
    const { rest, runs } = parted(old.getText(root), own);
    const carry = carrier(rest, text.toString());
    for (const { at, words } of runs.reverse()) {
      const to = carry(at);
      if (to === null) left = true;
      else text.insert(to, words);
    }
  }
  return left;
}

/** What can be read of a text without some of it, and that with its places in the rest. */
function parted(text: Y.Text, apart: (client: number, clock: number) => boolean): { rest: string; runs: { at: number; words: string }[] } {
  let rest = "";
  let words = "";
  const runs: { at: number; words: string }[] = [];
  const close = () => {
    const whole = wholeOnly(words);
    if (whole) runs.push({ at: rest.length, words: whole });
    words = "";
  };
  for (let item = text._start; item; item = item.right) {
    if (item.deleted || !(item.content instanceof Y.ContentString)) continue;
    for (let i = 0; i < item.length; i++) {
      const letter = item.content.str.charAt(i);
      if (apart(item.id.client, item.id.clock + i)) {
        words += letter;
        continue;
      }
      close();
      rest += letter;
    }
  }
  close();
  return { rest, runs };
}

/** Where a place in one text is in another that differs from it in one stretch; null within that stretch. */
function carrier(before: string, after: string): (at: number) => number | null {
  const { at: begin, remove, insert } = editBetween(before, after, 0);
  return (at) => {
    if (at <= begin) return at;
    return at >= begin + remove ? at - remove + insert.length : null;
  };
}

/** Where a caret goes when a text is replaced by another. */
export function carried(at: number, before: string, after: string): number {
  return carrier(before, after)(at) ?? editBetween(before, after, 0).at;
}
