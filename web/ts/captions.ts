// Captions: what is said, written down line by line for those who would rather read. Whoever interprets, leads the room or was asked to by a
// moderator writes; everybody in the room may read. Lines are sealed like picture and sound, and stand on this page only: they are gone with
// it. Markup: templates/stage.html.

import { remember, wished } from "./device";
import { lineLength } from "./e2ee/lines";
import type { Seal } from "./e2ee/seal";
import { setText, type Peer } from "./people";

/** What captions ask of the room. */
interface Captioned {
  readonly seal: Seal | null;
  readonly self: string;
  readonly people: Peer[];
  readonly waits: object | null;
  me(): Peer | undefined;
}

/** How many lines stay to be read again. */
const keep = 200;

export class Captions {
  private readonly log: HTMLElement;
  private readonly none: HTMLElement;
  private readonly form: HTMLFormElement;
  private readonly line: HTMLInputElement;
  private on = wished("captions");
  private might = false; // could write when last looked at

  /**
   * @param root where lines are read and written
   * @param button switches that on and off
   * @param tell a sentence for the person
   * @param missed somebody has begun to write, and this page does not show it
   */
  constructor(
    private readonly root: HTMLElement,
    private readonly button: HTMLElement,
    private readonly room: Captioned,
    private readonly tell: (sentence: string) => void,
    private readonly missed: () => void,
  ) {
    this.log = part(root, "[role=log]", HTMLElement);
    this.none = part(root, "p", HTMLElement);
    this.form = part(root, "form", HTMLFormElement);
    this.line = part(root, "input", HTMLInputElement);
    this.line.maxLength = lineLength;
    button.addEventListener("click", () => this.toggle());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.write();
    });
    if (room.seal) room.seal.captioned = (peer, text) => this.add(peer, text);
    this.show();
  }

  /** Shows or hides them, here and from now on when this device comes into a room. */
  toggle(): void {
    if (!this.room.seal) return;
    this.on = !this.on;
    remember("captions", this.on);
    this.show();
    if (this.on && this.may()) this.line.focus();
  }

  /** Somebody writes, and this page does not show it. */
  unread(): boolean {
    return !this.on && this.log.childElementCount > 0;
  }

  /** Follows the room: who may write, and whether there is a room at all. */
  changed(): void {
    if (this.room.waits) this.clear();
    if (this.room.self) this.follow();
    this.show();
  }

  /** Nothing that was written stays. */
  clear(): void {
    this.log.replaceChildren();
    this.line.value = "";
    this.might = false;
  }

  /** Whoever is asked to write is shown where. A moderator may anyway, and is not bothered. */
  private follow(): void {
    const may = this.may();
    if (may === this.might) return;
    this.might = may;
    const me = this.room.me();
    if (me?.part === "moderator") return;
    if (may) this.on = true;
    if (me?.kind !== "interpreter") this.tell(may ? "Sie können jetzt im Schriftverlauf mitschreiben, was gesagt wird." : "Im Schriftverlauf schreiben jetzt andere.");
  }

  private may(): boolean {
    return this.room.seal !== null && this.room.me()?.captions === true;
  }

  private show(): void {
    const { seal, self } = this.room;
    this.button.hidden = !seal;
    this.button.ariaPressed = String(this.on);
    setText(part(this.button, ".state", HTMLElement), this.on ? "an" : "aus");
    this.root.hidden = !this.on || !seal || !self;
    this.form.hidden = !this.may();
    this.none.hidden = this.log.childElementCount > 0;
  }

  private async write(): Promise<void> {
    const { value } = this.line;
    const text = value.trim();
    if (!text) return;
    if (!(await this.room.seal?.caption(text))) return this.tell("Die Zeile ist nicht hinausgegangen: keine Verbindung. Sie steht noch da.");
    if (this.line.value === value) this.line.value = "";
    this.add(this.room.self, text);
  }

  private add(peer: string, text: string): void {
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    const line = this.log.appendChild(document.createElement("p"));
    line.appendChild(document.createElement("b")).textContent = `${this.name(peer)}:`;
    line.append(` ${text}`);
    while (this.log.childElementCount > keep) this.log.firstElementChild?.remove();
    this.none.hidden = true;
    if (!this.on && this.log.childElementCount === 1) this.missed();
    if (atEnd) this.log.scrollTop = this.log.scrollHeight; // whoever reads further up is left there
  }

  private name(peer: string): string {
    const one = this.room.people.find((other) => other.peer === peer);
    if (peer === this.room.self) return "Sie";
    return `${one?.name ?? "Jemand"}${this.room.seal?.doubts().has(peer) ? " (unbestätigt)" : ""}`;
  }
}

function part<T extends HTMLElement>(root: HTMLElement, selector: string, kind: new () => T): T {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`captions have no ${selector}`);
  return found;
}
