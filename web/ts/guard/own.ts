// The client of a case that does not exist yet: who it is stands in the same form, and stays in this page.

import { fold, sound } from "./fold";
import { tokenize } from "./matcher";
import { findByForm } from "./rules";
import type { Secret, Typed } from "./secret";

/** What the form says of the person. */
export interface Identity {
  name: string;
  /** ISO 8601, or empty */
  born: string;
  number: string;
  contact: string;
}

/** Made anew whenever the form says something else. */
export class Own implements Secret {
  words = 0;
  digits = 0;
  private readonly known = new Map<string, string>();
  private readonly names: { loose: string; sound: string }[] = [];

  constructor({ name, born, number, contact }: Identity) {
    this.name(name);
    this.number(number, "record");
    const [year, month, day] = born.split("-");
    if (year && month && day) {
      this.known.set(`b:${day}.${month}`, "birthdate");
      this.known.set(`b:${day}.${month}.${year.slice(-2)}`, "birthdate");
    }
    for (const { start, end, class: kind } of findByForm(contact, [])) this.reached(contact.slice(start, end), kind);
  }

  learn(): Promise<void> {
    return Promise.resolve();
  }

  says(said: string): string | undefined {
    return this.known.get(said);
  }

  near(words: readonly Typed[]): Promise<Map<string, string>> {
    const similar = (one: Typed) => this.names.some((name) => mistyped(name.loose, one.loose) || heard(name, one));
    return Promise.resolve(new Map(words.map((one) => [one.loose, similar(one) ? "person?" : ""])));
  }

  private name(text: string): void {
    let first = "";
    for (const { word, capital, fold: folded, loose } of tokenize(text)) {
      if (!word) continue;
      const letter = folded.charAt(0);
      if (first) for (const two of [first + letter, letter + first]) this.known.set(`i:${two}`, "person?");
      else first = letter;
      if (!capital || loose.length < 2) continue; // van, der
      this.known.set(`w:${loose}`, "person");
      this.names.push({ loose, sound: sound(folded) });
    }
  }

  /** A phone, a mail address, a street: whatever stands in the contact. */
  private reached(words: string, kind: string): void {
    if (kind === "person") this.name(words);
    else if (kind === "email") for (const { word, loose } of tokenize(words.split("@")[0] ?? "")) word && loose.length > 3 && this.known.set(`w:${loose}`, "person");
    else if (kind === "street" || kind === "place") this.phrase(words, kind);
    else this.number(words, kind);
  }

  private phrase(text: string, kind: string): void {
    const words = tokenize(text).map((one) => one.loose);
    this.words = Math.max(this.words, words.length);
    this.known.set(`n:${words.join(" ")}`, kind);
    const town = words.slice(1).join(" ");
    if (kind === "place" && town) this.known.set(`n:${town}`, kind); // without its postcode
  }

  private number(text: string, kind: string): void {
    const compact = fold(text).replace(/[^\p{L}\d]/gu, "");
    if (compact.length < 4) return;
    const bare = kind === "phone" ? /^(?:490?|0)(\d+)$/.exec(compact)?.[1] : undefined; // +49 (0)171 … and 0171 … are one number
    for (const one of bare ? [`0${bare}`, `49${bare}`, `490${bare}`] : [compact]) {
      this.known.set(`#:${one}`, kind);
      this.digits = Math.max(this.digits, one.length);
    }
  }
}

/** As many typing errors as the length of the name bears, the first letter right; a genitive is none. */
function mistyped(name: string, loose: string): boolean {
  const allowed = name.length >= 7 ? 2 : name.length >= 4 ? 1 : 0;
  if (!allowed || name[0] !== loose[0]) return false;
  return distance(name, loose) <= allowed || (loose.length > 4 && loose.endsWith("s") && distance(name, loose.slice(0, -1)) <= 1);
}

function heard(name: { loose: string; sound: string }, { loose, fold: folded }: Typed): boolean {
  return name.sound.length >= 3 && Math.abs(name.loose.length - loose.length) <= 2 && sound(folded) === name.sound;
}

/** Insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein, optimal string alignment), as far as three. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const now = [i];
    for (let j = 1; j <= b.length; j++) {
      let least = Math.min((last[j] ?? 9) + 1, (now[j - 1] ?? 9) + 1, (last[j - 1] ?? 9) + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 9) + 1);
      now.push(least);
    }
    [before, last] = [last, now];
  }
  return last[b.length] ?? 3;
}
