// Looking at a text while somebody writes it: at once for what this page can tell, after a pause for what only the server knows.

import { Hashed, type Marks } from "./marks";
import { Matcher } from "./matcher";
import { Own, type Identity } from "./own";
import { merge, outsidePlaceholders, type Passage } from "./passage";
import { findByForm, shapeRule } from "./rules";

interface Answer extends Marks {
  classes: Record<string, string>;
  reasons: Record<string, string>;
}

/** What texts of one case, or of one conference, are looked at with. */
export class Looker {
  private matcher: Matcher;
  private readonly shapes: RegExp[];

  private constructor(
    private readonly url: string,
    private readonly answer: Answer,
  ) {
    this.matcher = new Matcher(new Hashed(answer));
    this.shapes = answer.shapes.map(shapeRule);
  }

  /** Asks the server once. Rejects where there is nothing to look with any more. */
  static async at(url: string): Promise<Looker> {
    const answer = await fetch(url, { redirect: "error", cache: "no-store", signal: AbortSignal.timeout(15_000) });
    if (!answer.ok) throw new Error(`the name guard answers ${answer.status}`);
    return new Looker(url, (await answer.json()) as Answer);
  }

  /** Looks for this person from now on, who is known to the page alone. */
  know(who: Identity): void {
    this.matcher = new Matcher(new Own(who));
  }

  /** What this page finds by itself. */
  async near(text: string): Promise<Passage[]> {
    return [...findByForm(text, this.shapes), ...(await this.matcher.find(text))];
  }

  /** What the server finds; null when it does not answer. */
  async far(text: string): Promise<Passage[] | null> {
    const answer = await fetch(this.url, { method: "POST", body: new URLSearchParams({ text }), redirect: "error", signal: AbortSignal.timeout(15_000) }).catch(() => null);
    if (!answer?.ok) return null;
    return ((await answer.json()) as { found: Passage[] }).found;
  }

  /** Why a passage was found, in words. */
  says({ class: kind, reason }: Passage): string {
    return `${this.answer.classes[kind] ?? kind} · ${this.answer.reasons[reason] ?? reason}`;
  }

  name(kind: string): string {
    return this.answer.classes[kind] ?? kind;
  }
}

/** A pause in one's own writing, and in that of others: their pages ask for themselves. */
const pause = { own: 1200, others: 4000 } as const;
/** The page looks this soon after a letter. */
const blink = 200;

/** Follows one text. */
export class Watch {
  private text = "";
  private blinking = 0;
  private pausing = 0;
  private over = false;
  private far = new Map<string, Passage>();
  private readonly left = new Set<string>();

  /** @param found is called with what has to be looked at whenever that may have changed */
  constructor(
    private readonly looker: Looker,
    private readonly found: (text: string, passages: Passage[]) => void,
  ) {}

  /** The text is now this. */
  follow(text: string, own: boolean): void {
    if (text === this.text || this.over) return;
    this.text = text;
    clearTimeout(this.blinking);
    this.blinking = setTimeout(() => void this.look(), blink);
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => void this.ask(), own ? pause.own : pause.others + Math.random() * pause.others);
  }

  /** Looks at once; the text is now this. */
  async lookAt(text: string): Promise<void> {
    this.follow(text, true);
    clearTimeout(this.blinking);
    await this.look();
  }

  /** Looks again: what is looked for has changed. */
  again(): void {
    clearTimeout(this.blinking);
    this.blinking = setTimeout(() => void this.look(), blink);
  }

  /** Does not speak of these words any more. */
  leave(words: string): void {
    this.left.add(words);
    void this.look();
  }

  destroy(): void {
    this.over = true;
    clearTimeout(this.blinking);
    clearTimeout(this.pausing);
    this.far.clear();
    this.text = "";
  }

  private async look(): Promise<void> {
    const { text } = this;
    const near = await this.looker.near(text);
    if (text !== this.text || this.over) return; // somebody writes on; the next look comes
    const all = merge(outsidePlaceholders(text, [...near, ...this.remembered(text)]));
    this.found(text, all.filter((one) => one.confidence > 1 && !this.left.has(text.slice(one.start, one.end))));
  }

  private async ask(): Promise<void> {
    const { text } = this;
    const found = text.trim() ? await this.looker.far(text) : [];
    if (!found || this.over) return;
    this.far = new Map(found.map((one) => [text.slice(one.start, one.end), one]));
    if (text === this.text) await this.look();
  }

  /** What the server found stays found while the text around it changes. */
  private remembered(text: string): Passage[] {
    const found: Passage[] = [];
    const inWord = (letter: string) => /[\p{L}\d]/u.test(letter);
    for (const [words, one] of this.far) {
      for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
        const end = at + words.length;
        if (!inWord(text.charAt(at - 1)) && !inWord(text.charAt(end))) found.push({ ...one, start: at, end });
      }
    }
    return found;
  }
}
