// The page behind a guest's link: a lobby, and after it the room. It has no notes, and nothing of the case reaches it. Markup:
// templates/guest.html.
//
// For tests and support, as on the live page: konsil.room.stats(), konsil.room.seal(), konsil.room.passes().

import { Check } from "./check";
import { goodbye } from "./farewell";
import { setText } from "./people";
import { Link, type Reason } from "./protocol";
import { byId, Stage } from "./stage";

/** How often the page looks whether the conference has begun. */
const look = 5000;

const words = {
  early: "Das Gespräch hat noch nicht begonnen. Lassen Sie diese Seite offen: Sobald es losgeht, meldet sie Sie an.",
  knocks: "Sie werden angemeldet …",
  waits: "Sie sind im Warteraum. Wer das Gespräch leitet, sieht das und lässt Sie herein.",
  locked: "Sie sind im Warteraum. Der Raum ist gerade geschlossen; wer das Gespräch leitet, sieht trotzdem, dass Sie da sind.",
};

class GuestPage {
  private readonly root = byId("live");
  private readonly stage: Stage;
  private link: Link | null = null;
  private readonly check: Check;
  private begun = this.root.dataset["begun"] !== undefined;
  private over = false;

  constructor() {
    this.stage = new Stage(
      (type, data) => this.link?.text(type, data) ?? false,
      () => this.show(),
      () => this.link?.restart(),
    );
    const { room } = this.stage;
    this.check = new Check(byId("lobby"), room.devices, async (source) => {
      await room.toggle(source);
      return null;
    });
    const form = byId("knock");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.hidden = true;
      void this.knock(name());
    });
    byId("leave").addEventListener("click", (event) => {
      event.preventDefault(); // there is no page to go to
      this.link?.stop();
      this.end("left");
    });
    // a page out of the back/forward cache would show a room that is no longer there
    addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload();
    });
    window.konsil = { room: { stats: () => this.stage.stats(), seal: async () => (await room.seal?.state()) ?? null, passes: () => room.passes() } };
  }

  private async knock(name: string): Promise<void> {
    while (!this.begun) {
      this.say(words.early);
      await new Promise((later) => setTimeout(later, look));
      await this.askWhether();
    }
    if (this.over) return;
    this.say(words.knocks);
    const { ticket = "", socket = "" } = this.root.dataset;
    this.link = new Link(ticket, socket, {
      open: () => this.stage.room.hello(name),
      binary: () => {}, // notes are not for guests, and none come
      text: (type, data) => void this.stage.receive(type, data),
      lost: () => this.stage.room.lost(),
      ended: (reason) => this.end(reason),
    });
  }

  /** Looks at this page anew: the server says there whether the conference has begun, and whether the link still leads anywhere. */
  private async askWhether(): Promise<void> {
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (answer.status === 404 || answer.status === 410) return this.end("rights");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      this.begun = page.getElementById("live")?.dataset["begun"] !== undefined;
    } catch {
      // no network for the moment: the next look may have one
    }
  }

  private show(): void {
    const { waits, self, people } = this.stage.room;
    if (waits) {
      delete this.root.dataset["in"];
      this.say(waits.locked ? words.locked : words.waits);
    } else if (self && this.root.dataset["in"] === undefined) {
      this.root.dataset["in"] = "";
      this.check.stop();
      byId("people").focus();
    }
    if (this.root.dataset["in"] === undefined) this.check.changed();
    setText(byId("count"), people.length > 1 ? `${people.length} Personen` : "");
  }

  private say(sentence: string): void {
    setText(byId("lobby-state"), sentence);
  }

  private end(reason: Reason | "left"): void {
    if (this.over) return;
    this.over = this.begun = true;
    this.check.stop();
    this.stage.destroy();
    delete window.konsil;
    document.title = "Gespräch beendet · konsil";
    document.body.replaceChildren(goodbye(reason, 0, ""));
    document.querySelector("h1")?.focus();
  }
}

function name(): string {
  const field = byId("guest-name");
  return field instanceof HTMLInputElement ? field.value.trim() : "";
}

new GuestPage();
