// Finds the client of the case in a text without knowing who it is: the server hands out keyed hashes of everything that could be written of
// her (conference/nameguard, Marks), and this page hashes what somebody types. Only pages of people who may open the identity get any.

import { fold, loosen, sound } from "./fold";
import type { Passage } from "./passage";

/** As the server answers. */
export interface Marks {
  key: string;
  hashes: Record<string, string>;
  words: number;
  digits: number;
  shapes: string[];
}

interface Token {
  start: number;
  end: number;
  capital: boolean;
  word: boolean;
  fold: string;
  loose: string;
  /** on a line of its own, or what is before it on the same line */
  first: boolean;
}

/** Something that would be the client's if its hash is known. */
interface Candidate {
  start: number;
  end: number;
  said: string;
  near: boolean;
}

const bytes = new TextEncoder();

export class Matcher {
  private readonly key: Promise<CryptoKey>;
  private readonly known = new Map<string, string>();

  constructor(private readonly marks: Marks) {
    const raw = Uint8Array.from(atob(marks.key), (one) => one.charCodeAt(0));
    this.key = crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  }

  /** What of a text belongs to the client, or nearly. */
  async find(text: string): Promise<Passage[]> {
    if (!Object.keys(this.marks.hashes).length) return [];
    const tokens = tokenize(text);
    const candidates = [...tokens.flatMap((one) => this.words(one)), ...this.phrases(tokens), ...this.numbers(tokens), ...initials(text), ...birthdays(text)];
    await this.ask([...candidates.map((one) => one.said), ...tokens.filter((one) => one.word).map((one) => `o:${one.fold}`)]);
    const none = new Set(tokens.filter((one) => one.word && this.says(`o:${one.fold}`) === "").map((one) => one.start));
    const found: Passage[] = [];
    for (const { start, end, said, near } of candidates) {
      const says = this.says(said);
      if (!says || (near && none.has(start))) continue;
      const doubtful = says.endsWith("?");
      found.push({ start, end, class: doubtful ? says.slice(0, -1) : says, confidence: doubtful ? 2 : 3, reason: near ? "subjecttypo" : "subject" });
    }
    return found;
  }

  private says(said: string): string | undefined {
    return this.marks.hashes[this.known.get(said) ?? ""];
  }

  /** Hashes what has not been hashed yet. */
  private async ask(said: string[]): Promise<void> {
    const key = await this.key;
    if (this.known.size > 50_000) this.known.clear();
    const fresh = [...new Set(said)].filter((one) => !this.known.has(one));
    const hashes = await Promise.all(fresh.map((one) => crypto.subtle.sign("HMAC", key, bytes.encode(one))));
    fresh.forEach((one, i) => this.known.set(one, btoa(String.fromCharCode(...new Uint8Array(hashes[i] ?? new ArrayBuffer(0)).slice(0, 9)))));
  }

  /** The word itself, its genitive, and what one typing error or the ear would make of it. */
  private words({ start, end, capital, word, fold: folded, loose }: Token): Candidate[] {
    if (!word || loose.length < 2) return [];
    const said = [`w:${loose}`];
    if (loose.length > 2 && loose.endsWith("s")) said.push(`w:${loose.slice(0, -1)}`);
    const exact = said.map((one) => ({ start, end, said: one, near: false }));
    return capital ? [...exact, ...neighbours(folded, loose).map((one) => ({ start, end, said: one, near: true }))] : exact;
  }

  private phrases(tokens: Token[]): Candidate[] {
    const found: Candidate[] = [];
    tokens.forEach((first, i) => {
      let said = "n:";
      for (const next of tokens.slice(i, i + this.marks.words)) {
        said += (next === first ? "" : " ") + next.loose;
        found.push({ start: first.start, end: next.end, said, near: false });
      }
    });
    return found;
  }

  private numbers(tokens: Token[]): Candidate[] {
    const found: Candidate[] = [];
    tokens.forEach((first, i) => {
      let run = "";
      for (const next of tokens.slice(i, i + 16)) {
        run += next.fold;
        if (run.length > this.marks.digits || (next !== first && next.first)) break;
        if (run.length >= 4 && /\d/.test(run)) found.push({ start: first.start, end: next.end, said: `#:${run}`, near: false });
      }
    });
    return found;
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const one of text.matchAll(/\p{L}[\p{L}\p{Mn}]*|\d+/gu)) {
    const folded = fold(one[0]);
    tokens.push({
      start: one.index, end: one.index + one[0].length, capital: /^\p{Lu}/u.test(one[0]), word: !/^\d/.test(one[0]),
      fold: folded, loose: loosen(folded), first: text.slice(end, one.index).includes("\n"),
    });
    end = one.index + one[0].length;
  }
  return tokens;
}

/** How the hashes of words one error away would be called. The first letter is taken for right. */
function neighbours(folded: string, loose: string): string[] {
  const said: string[] = [];
  for (let i = 1; i < loose.length && loose.length >= 4; i++) {
    said.push(`t:${loose.slice(0, i)}?${loose.slice(i + 1)}`);
    if (loose.length > 4) said.push(`w:${loose.slice(0, i)}${loose.slice(i + 1)}`);
  }
  if (loose.length >= 3) said.push(`d:${loose}`, `x:${loose}`);
  const code = sound(folded);
  if (code.length >= 3) said.push(`p:${loose.length}:${code}`);
  return said;
}

function initials(text: string): Candidate[] {
  return [...text.matchAll(/(?<![\p{L}.])(\p{Lu})\. ?(\p{Lu})\./gu)].map((one) => ({
    start: one.index, end: one.index + one[0].length, said: `i:${fold(one[1] ?? "").charAt(0)}${fold(one[2] ?? "").charAt(0)}`, near: false,
  }));
}

const months = ["jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez"];

/** Days as "dd.mm", and with a year "dd.mm.yy". */
function birthdays(text: string): Candidate[] {
  const found: Candidate[] = [];
  const add = (one: RegExpMatchArray, day: string | undefined, month: string | number | undefined, year: string | undefined) => {
    const two = (n: string | number | undefined) => String(n ?? "").padStart(2, "0");
    const said = `b:${two(day)}.${two(month)}${year ? `.${year.slice(-2)}` : ""}`;
    found.push({ start: one.index ?? 0, end: (one.index ?? 0) + one[0].length, said, near: false });
  };
  for (const one of text.matchAll(/(?<!\d)(\d{1,2})\. ?(\d{1,2})\.(?: ?(\d{4}|\d{2})(?!\d))?/g)) add(one, one[1], one[2], one[3]);
  for (const one of text.matchAll(/(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)/g)) add(one, one[3], one[2], one[1]);
  for (const one of text.matchAll(/(?<!\d)(\d{1,2})\. ?(\p{L}{3})\p{L}*\.?(?: (\d{4}))?/gu)) {
    const month = months.indexOf((one[2] ?? "").toLowerCase());
    if (month >= 0) add(one, one[1], month + 1, one[3]);
  }
  return found;
}
