// Finds the client of a case in a text, whoever keeps the secret of who that is.

import { fold, loosen } from "./fold";
import type { Passage } from "./passage";
import type { Secret } from "./secret";

/** A word or a number of a text. */
export interface Token {
  start: number;
  end: number;
  capital: boolean;
  word: boolean;
  fold: string;
  loose: string;
  /** on a line of its own, or what is before it on the same line */
  first: boolean;
}

/** Something that would be the client's if it says so. */
interface Candidate {
  start: number;
  end: number;
  said: string;
}

export class Matcher {
  constructor(private readonly secret: Secret) {}

  /** What of a text belongs to the client, or nearly. */
  async find(text: string): Promise<Passage[]> {
    const { secret } = this;
    const tokens = tokenize(text);
    const words = tokens.filter((one) => one.word && one.loose.length >= 2);
    const candidates = [...words.flatMap(named), ...this.phrases(tokens), ...this.numbers(tokens), ...initials(text), ...birthdays(text)];
    await secret.learn([...candidates.map((one) => one.said), ...words.map((one) => `o:${one.fold}`)]);
    const found: Passage[] = [];
    const add = ({ start, end }: { start: number; end: number }, says: string, reason: string) => {
      const doubtful = says.endsWith("?");
      found.push({ start, end, class: doubtful ? says.slice(0, -1) : says, confidence: doubtful ? 2 : 3, reason });
    };
    for (const one of candidates) {
      const says = secret.says(one.said);
      if (says) add(one, says, "subject");
    }
    const unlike = words.filter((one) => one.capital && secret.says(`o:${one.fold}`) !== "");
    const near = await secret.near(unlike);
    for (const one of unlike) {
      const says = near.get(one.loose);
      if (says) add(one, says, "subjecttypo");
    }
    return found;
  }

  private phrases(tokens: Token[]): Candidate[] {
    const found: Candidate[] = [];
    tokens.forEach((first, i) => {
      let said = "n:";
      for (const next of tokens.slice(i, i + this.secret.words)) {
        said += (next === first ? "" : " ") + next.loose;
        found.push({ start: first.start, end: next.end, said });
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
        if (run.length > this.secret.digits || (next !== first && next.first)) break;
        if (run.length >= 4 && /\d/.test(run)) found.push({ start: first.start, end: next.end, said: `#:${run}` });
      }
    });
    return found;
  }
}

export function tokenize(text: string): Token[] {
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

/** The word itself, and its genitive. */
function named({ start, end, loose }: Token): Candidate[] {
  const said = [`w:${loose}`];
  if (loose.length > 2 && loose.endsWith("s")) said.push(`w:${loose.slice(0, -1)}`);
  return said.map((one) => ({ start, end, said: one }));
}

function initials(text: string): Candidate[] {
  return [...text.matchAll(/(?<![\p{L}.])(\p{Lu})\. ?(\p{Lu})\./gu)].map((one) => ({
    start: one.index, end: one.index + one[0].length, said: `i:${fold(one[1] ?? "").charAt(0)}${fold(one[2] ?? "").charAt(0)}`,
  }));
}

const months = ["jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez"];

/** Days as "dd.mm", and with a year "dd.mm.yy". */
function birthdays(text: string): Candidate[] {
  const found: Candidate[] = [];
  const add = (one: RegExpMatchArray, day: string | undefined, month: string | number | undefined, year: string | undefined) => {
    const two = (n: string | number | undefined) => String(n ?? "").padStart(2, "0");
    const said = `b:${two(day)}.${two(month)}${year ? `.${year.slice(-2)}` : ""}`;
    found.push({ start: one.index ?? 0, end: (one.index ?? 0) + one[0].length, said });
  };
  for (const one of text.matchAll(/(?<!\d)(\d{1,2})\. ?(\d{1,2})\.(?: ?(\d{4}|\d{2})(?!\d))?/g)) add(one, one[1], one[2], one[3]);
  for (const one of text.matchAll(/(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)/g)) add(one, one[3], one[2], one[1]);
  for (const one of text.matchAll(/(?<!\d)(\d{1,2})\. ?(\p{L}{3})\p{L}*\.?(?: (\d{4}))?/gu)) {
    const month = months.indexOf((one[2] ?? "").toLowerCase());
    if (month >= 0) add(one, one[1], month + 1, one[3]);
  }
  return found;
}
