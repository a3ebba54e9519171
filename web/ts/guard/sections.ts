// The name guard in the live notes: a list under each section, and marks in the editor. It follows what anybody writes there, since what one
// person writes everybody sees; it looks while this person may write.

import type * as Y from "yjs";
import type { Section } from "../section";
import { NameList } from "./list";
import { Looker } from "./look";
import { Standins } from "./stand";

/** Of one section; made with its place on the page. */
export class SectionNames {
  private list: NameList | null = null;
  private text: Y.Text | null = null;
  private view: Section | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly after: HTMLElement,
    private readonly guard: NotesGuard,
  ) {}

  /** Goes on with a view of a text; null while there is none. */
  follow(text: Y.Text | null, view: Section | null): void {
    this.text?.unobserve(this.changed);
    this.text = text;
    this.view = view;
    text?.observe(this.changed);
    if (text) void this.look(false);
  }

  /** Ends it, and begins it anew with the next view. */
  destroy(): void {
    this.follow(null, null);
    this.list?.destroy();
    this.list = null;
  }

  private readonly changed = (_: Y.YTextEvent, transaction: Y.Transaction): void => void this.look(transaction.local);

  private async look(own: boolean): Promise<void> {
    const looker = await this.guard.looker();
    if (!looker || !this.text) return;
    this.list ??= new NameList(looker, this.guard.standins, this.field(), this.root, this.after);
    this.list.follow(this.text.toString(), own);
  }

  private field() {
    return {
      text: () => this.text?.toString() ?? "",
      caret: () => this.view?.caret() ?? null,
      select: (from: number, to: number) => this.view?.select(from, to),
      replace: (from: number, to: number, by: string) => this.view?.replace(from, to, by),
      mark: (passages: Parameters<Section["mark"]>[0]) => this.view?.mark(passages),
    };
  }
}

/** What all sections share. */
export class NotesGuard {
  readonly standins = new Standins();
  private asked: Promise<Looker | null> | null = null;

  constructor(private readonly url: string) {}

  looker(): Promise<Looker | null> {
    this.asked ??= Looker.at(this.url).catch(() => {
      setTimeout(() => (this.asked = null), 30_000); // asks again with the next change after that
      return null;
    });
    return this.asked;
  }
}
