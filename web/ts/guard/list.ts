// What was found in a field, as a list under it: each passage with its reason, a button that replaces it and one that leaves it. Alt+N in the
// field replaces the passage at the caret. New ones are read aloud once somebody pauses.

import { Watch, type Looker } from "./look";
import type { Passage } from "./passage";
import type { Standins } from "./stand";

/** The field that the list belongs to. */
export interface Field {
  /** as it stands now */
  text(): string;
  /** where the caret is, null without focus */
  caret(): number | null;
  select(from: number, to: number): void;
  /** replaces a stretch as if it was typed, and leaves the caret behind it */
  replace(from: number, to: number, by: string): void;
  /** marks passages in the text, where the field can */
  mark?(passages: Passage[]): void;
}

const shownAtMost = 8;

/** Made for a field; destroy takes it from the page. */
export class NameList {
  private readonly box = document.createElement("div");
  private readonly said = document.createElement("p");
  private readonly watch: Watch;
  private text = "";
  private passages: Passage[] = [];
  private spoken: Set<string> | null = null;
  private speaking = 0;
  private shown = "";
  private readonly gone = new AbortController();

  /**
   * @param keys takes the key: the field, or what surrounds it
   * @param strict nothing may be left as it is
   */
  constructor(
    private readonly looker: Looker,
    private readonly standins: Standins,
    private readonly field: Field,
    keys: HTMLElement,
    after: HTMLElement,
    private readonly strict = false,
  ) {
    this.watch = new Watch(looker, (text, passages) => this.show(text, passages));
    this.box.className = "names";
    this.box.hidden = true;
    this.said.className = "vh";
    this.said.setAttribute("role", "status");
    after.after(this.box, this.said);
    keys.setAttribute("aria-keyshortcuts", "Alt+N");
    keys.addEventListener("keydown", (event) => {
      if (event.code !== "KeyN" || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !this.passages.length) return;
      event.preventDefault();
      void this.replaceHere();
    }, { signal: this.gone.signal });
  }

  follow(text: string, own: boolean): void {
    this.watch.follow(text, own);
  }

  /** Looks again at the same text, for something else. */
  again(): void {
    this.watch.again();
  }

  destroy(): void {
    this.watch.destroy();
    this.gone.abort();
    clearTimeout(this.speaking);
    this.passages = [];
    this.text = "";
    this.box.remove();
    this.said.remove();
  }

  private show(text: string, passages: Passage[]): void {
    this.text = text;
    this.passages = passages;
    this.field.mark?.(passages);
    const key = JSON.stringify(passages.map((one) => [this.words(one), one.class, one.reason, one.confidence]));
    if (key !== this.shown) this.draw();
    this.shown = key;
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.speak(), 700);
  }

  private draw(): void {
    const { passages, box } = this;
    box.hidden = !passages.length;
    const head = document.createElement("p");
    head.className = "small";
    head.append(strong(passages.length === 1 ? "1 Stelle könnte jemanden erkennbar machen." : `${passages.length} Stellen könnten jemanden erkennbar machen.`), " Alt+N ersetzt die Stelle an der Schreibmarke.");
    const list = document.createElement("ul");
    list.className = "found";
    list.append(...passages.slice(0, shownAtMost).map((one) => this.item(one)));
    box.replaceChildren(head, list);
    if (passages.length <= shownAtMost) return;
    const more = document.createElement("p");
    more.className = "soft small";
    more.textContent = `und ${passages.length - shownAtMost} weitere`;
    box.append(more);
  }

  private item(passage: Passage): HTMLElement {
    const item = document.createElement("li");
    const words = this.words(passage);
    const jump = button("linklike", "", () => void this.withNow(words, (one) => this.field.select(one.start, one.end)));
    const mark = document.createElement("mark");
    if (passage.confidence === 3) mark.className = "sure";
    mark.textContent = words;
    jump.append(mark);
    const why = document.createElement("span");
    why.className = "soft small";
    why.textContent = ` ${this.looker.says(passage)}`;
    const acts = document.createElement("span");
    acts.className = "acts";
    acts.append(button("btn slim", `Ersetzen durch ${this.standin(passage)}`, () => void this.withNow(words, (one) => this.replace(one))));
    if (!this.strict) acts.append(this.leaver(words));
    item.append(jump, why, acts);
    return item;
  }

  private leaver(words: string): HTMLElement {
    return button("btn slim quiet", "Stehen lassen", () => {
      this.watch.leave(words);
      this.said.textContent = `„${words}“ bleibt stehen.`;
    });
  }

  /** Nothing is replaced where it was a moment ago: the text is looked at again if it is not the one that the list is of. */
  private async upToDate(): Promise<void> {
    const text = this.field.text();
    if (text !== this.text) await this.watch.lookAt(text);
  }

  private async withNow(words: string, act: (passage: Passage) => void): Promise<void> {
    await this.upToDate();
    const now = this.passages.find((one) => this.words(one) === words);
    if (now) act(now);
  }

  private words({ start, end }: Passage): string {
    return this.text.slice(start, end);
  }

  private standin(passage: Passage): string {
    return this.standins.of(this.text, passage, this.text);
  }

  /** The passage that the caret is in or behind, otherwise the first. */
  private async replaceHere(): Promise<void> {
    await this.upToDate();
    const caret = this.field.caret() ?? 0;
    const before = this.passages.filter((one) => one.start <= caret);
    const here = before.at(-1) ?? this.passages[0];
    if (here) this.replace(here);
  }

  private replace(passage: Passage): void {
    const words = this.words(passage);
    const by = this.standin(passage);
    this.field.replace(passage.start, passage.end, by);
    this.said.textContent = `„${words}“ ersetzt durch ${by}.`;
  }

  /** Reads what is new. */
  private speak(): void {
    const now = new Map(this.passages.map((one) => [this.words(one), one]));
    const fresh = [...now].filter(([words]) => !this.spoken?.has(words));
    const first = this.spoken === null;
    this.spoken = new Set(now.keys());
    const [words, passage] = fresh.at(-1) ?? [];
    if (!words || !passage) return;
    if (first && fresh.length > 1) this.said.textContent = `${fresh.length} Stellen könnten jemanden erkennbar machen. Die Liste steht unter dem Feld.`;
    else this.said.textContent = `${passage.class === "person" ? "Möglicher Name" : this.looker.name(passage.class)}: ${words}. Alt+N ersetzt durch ${this.standin(passage)}.`;
  }
}

function strong(words: string): HTMLElement {
  const made = document.createElement("b");
  made.textContent = words;
  return made;
}

function button(classes: string, words: string, act: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = classes;
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}
