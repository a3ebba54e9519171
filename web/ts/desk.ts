// The controls at the bottom: own devices, hand, screen, how much of the room one takes, and the sentence above them. Markup:
// templates/stage.html.

import type { Source } from "./devices";
import { Menu } from "./menu";
import { hands, setText } from "./people";
import type { Mode, Room } from "./room";

const modes: { mode: Mode; words: string; short: string; note: string }[] = [
  { mode: "all", words: "Alle Bilder", short: "alle", note: "So viele, wie die Verbindung trägt" },
  { mode: "few", words: "Wenige Bilder", short: "wenige", note: "Nur wer spricht, dolmetscht oder angeheftet ist" },
  { mode: "audio", words: "Nur Ton", short: "nur Ton", note: "Spart Daten; die eigene Kamera geht aus" },
  { mode: "text", words: "Nur Text", short: "nur Text", note: "Mitschrift ohne Ton und Bild; Mikrofon und Kamera gehen aus" },
];

export class Desk {
  private readonly modes: Menu;

  constructor(
    private readonly root: HTMLElement,
    private readonly room: Room,
  ) {
    this.modes = new Menu(root);
    for (const source of ["mic", "camera", "share"] as const) {
      this.button(source).addEventListener("click", () => void this.switch(source === "share" ? "screen" : source));
    }
    this.button("hand").addEventListener("click", () => this.raise());
    const mode = this.button("mode");
    mode.addEventListener("click", () => this.chooseMode(mode));
    this.button("told-close").addEventListener("click", () => this.tell(""));
    this.button("share").hidden = !navigator.mediaDevices || !("getDisplayMedia" in navigator.mediaDevices);
    this.closeMore();
  }

  /** A sentence above the controls, read aloud; empty takes it away. */
  tell(sentence: string): void {
    this.button("told").hidden = sentence === "";
    setText(this.button("told-text"), sentence);
  }

  /** Switches a device; a screen is asked for first by whoever may not share it yet. */
  async switch(source: Source): Promise<void> {
    const button = this.button(source === "screen" ? "share" : source);
    if (button.ariaBusy === "true") return;
    this.tell("");
    if (source === "screen" && !this.mayShare()) return this.askToShare();
    button.ariaBusy = "true"; // the browser may be asking for permission
    await this.room.toggle(source);
    button.ariaBusy = null;
  }

  raise(): void {
    this.room.raise(!this.room.hand);
  }

  changed(): void {
    const { devices } = this.room;
    this.press("mic", devices.on("mic"), devices.on("mic") ? "an" : "aus");
    this.press("camera", devices.on("camera"), devices.on("camera") ? "an" : "aus");
    this.press("hand", this.room.hand, this.room.hand ? this.turn() : "unten");
    this.press("share", devices.on("screen"), this.sharing());
    setText(this.state("mode"), modes.find((one) => one.mode === this.room.mode)?.short ?? "");
  }

  private turn(): string {
    const waiting = hands(this.room.people);
    const at = waiting.findIndex((one) => one.peer === this.room.self);
    return at > 0 ? `oben · Platz ${at + 1}` : "oben";
  }

  private mayShare(): boolean {
    return this.room.part === "moderator" || this.room.me()?.share === "granted";
  }

  private sharing(): string {
    if (this.room.devices.on("screen")) return "an";
    if (this.mayShare()) return "aus";
    return this.room.me()?.share === "asks" ? "angefragt" : "anfragen";
  }

  private askToShare(): void {
    const asks = this.room.me()?.share !== "asks";
    if (!this.room.send("share.request", { on: asks })) return this.tell("Das geht gerade nicht: keine Verbindung.");
    this.tell(asks ? "Die Moderation sieht Ihre Anfrage. Gezeigt wird erst etwas, wenn Sie danach selbst ein Fenster wählen." : "Ihre Anfrage ist zurückgenommen.");
  }

  private chooseMode(button: HTMLElement): void {
    const items = modes.map(({ mode, words, note }) => ({ words, note, chosen: mode === this.room.mode, act: () => this.room.choose(mode) }));
    this.modes.open(button, "Wie viel möchten Sie empfangen?", items);
  }

  /** On a phone the further buttons are a list: it closes once one of them has done its work. */
  private closeMore(): void {
    const more = this.button("more");
    more.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button && !button.ariaHasPopup && more.matches(":popover-open")) more.hidePopover();
    });
  }

  private press(id: string, on: boolean, words: string): void {
    this.button(id).ariaPressed = String(on);
    setText(this.state(id), words);
  }

  private state(id: string): HTMLElement {
    return within(this.button(id), ".state");
  }

  private button(id: string): HTMLElement {
    return within(this.root, `#${id}`);
  }
}

function within(root: HTMLElement, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}
