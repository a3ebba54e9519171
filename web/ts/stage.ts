// The room on the page: tiles, cards, controls, keys and what is said aloud, joined. The live page has it beside the notes, a guest's page has
// it alone. Markup: templates/stage.html.

import { AgendaLine } from "./agenda";
import { Announcer } from "./announce";
import { Captions } from "./captions";
import { Cards } from "./cards";
import { Check } from "./check";
import type { RoomStats } from "./connection";
import { Desk } from "./desk";
import { remember, wished } from "./device";
import { Devices } from "./devices";
import { SealPanel } from "./e2ee/panel";
import type { SealState } from "./e2ee/seal";
import { Ready } from "./lobby";
import { RoomTools, TileMenu } from "./moderation";
import { hands, setText } from "./people";
import { incapable, Room } from "./room";
import { bindShortcuts } from "./shortcuts";
import { Tiles } from "./tiles";

declare global {
  interface Window {
    /** what the page answers from the console; it gives nothing that the person does not already see */
    konsil?: {
      notes?: { texts(): Record<string, string>; unsaved(): number; connected(): boolean };
      room: { stats(): Promise<RoomStats>; seal(): Promise<SealState | null>; passes: Room["passes"] };
    };
  }
}

/** Made once by a page; `destroy` lets go of devices, connections and pictures. */
export class Stage {
  readonly room: Room;
  private readonly tiles: Tiles;
  private readonly desk: Desk;
  private readonly menu: TileMenu;
  private readonly tools: RoomTools;
  private readonly cards: Cards;
  private readonly ready: Ready;
  private readonly seal: SealPanel;
  private readonly captions: Captions;
  private readonly announcer: Announcer;
  private readonly agenda: AgendaLine;
  private readonly unbind: () => void;
  private over = false;

  /** @param changed called after each change of the room, when everything here is drawn */
  constructor(
    send: (type: string, data: object) => boolean,
    private readonly changed: () => void,
    /** takes a new socket */
    rejoin: () => void,
  ) {
    const tell = (sentence: string) => this.tell(sentence);
    this.tiles = new Tiles(byId("tiles"), {
      silenced: (yes) => (byId("unlock").hidden = !yes),
      menu: (peer, source, from) => this.menu.open(peer, source, from),
    });
    this.room = new Room(send, { tiles: this.tiles, changed: () => this.show(), told: tell, rejoin });
    this.cards = new Cards(byId("cards"));
    this.desk = new Desk(byId("desk"), this.room);
    this.menu = new TileMenu(byId("people"), this.room, this.tiles, tell, () => this.seal.open());
    this.tools = new RoomTools(byId("moderate"), this.cards, this.room, tell);
    this.ready = new Ready(this.cards, this.room, this.bindCheck());
    this.seal = new SealPanel(byId("seal"), this.room);
    this.announcer = new Announcer(byId("room-said"));
    this.agenda = new AgendaLine(byId("agenda"), this.room, tell);
    this.captions = new Captions(byId("captions"), byId("captions-switch"), this.room, tell, () => {
      this.announcer.say("Jemand schreibt mit, was gesagt wird. Der Schriftverlauf zeigt es.");
      this.showTags();
    });
    byId("unlock").addEventListener("click", () => void this.tiles.unlock());
    this.unbind = this.bindHelp();
    if (!this.room.seal) this.tell(incapable);
  }

  /** Handles a text frame; false when it is not about the room. */
  receive(type: string, data: Record<string, unknown>): boolean {
    if (type === "error" && this.explain(data["what"])) return true;
    if (type === "agenda") {
      this.agenda.receive(data);
      return true;
    }
    if (!this.room.receive(type, data)) return false;
    if (type === "lobby.waiting") {
      this.tell(""); // whatever stood there was about the room
      this.agenda.clear();
    }
    if (type === "speakers" && !wished("nospeaker")) this.announcer.speaker(this.tiles.loud());
    return true;
  }

  /** A sentence above the controls, read aloud; empty takes it away. */
  tell(sentence: string): void {
    this.desk.tell(sentence);
  }

  stats(): Promise<RoomStats> {
    return this.room.stats();
  }

  destroy(): void {
    this.over = true;
    this.unbind();
    this.announcer.stop();
    this.agenda.destroy();
    this.room.destroy();
    this.tiles.clear();
    this.captions.clear();
  }

  /** The help, and the keys it lists. */
  private bindHelp(): () => void {
    const help = byId("help");
    if (!(help instanceof HTMLDialogElement)) throw new Error("#help is no dialog");
    byId("help-open").addEventListener("click", () => help.showModal());
    const quiet = byId("speaker-off");
    if (quiet instanceof HTMLInputElement) {
      quiet.checked = wished("nospeaker");
      quiet.addEventListener("change", () => remember("nospeaker", quiet.checked));
    }
    const keys = [
      { key: "M", words: "Mikrofon an oder aus", act: () => void this.desk.switch("mic") },
      { key: "V", words: "Kamera an oder aus", act: () => void this.desk.switch("camera") },
      { key: "H", words: "Hand heben oder senken", act: () => this.desk.raise() },
      { key: "T", words: "Schriftverlauf zeigen oder verbergen", act: () => this.captions.toggle() },
      { key: "N", words: "Nächste Phase der Tagesordnung, für die Moderation", act: () => this.agenda.go(1) },
      { key: "B", words: "Eine Phase zurück, für die Moderation", act: () => this.agenda.go(-1) },
    ];
    if (!byId("share").hidden) keys.push({ key: "S", words: "Bildschirm teilen, anfragen oder beenden", act: () => void this.desk.switch("screen") });
    return bindShortcuts(keys, help);
  }

  /** The dialog to try devices out, where the page has one: with devices of its own, so that nobody in the room notices. */
  private bindCheck(): (() => void) | null {
    const dialog = document.getElementById("try");
    if (!(dialog instanceof HTMLDialogElement)) return null;
    const devices = new Devices(() => check.changed());
    const check: Check = new Check(dialog, devices, async (source) => (devices.on(source) ? (devices.stop(source), null) : devices.start(source)));
    dialog.addEventListener("close", () => devices.stopAll());
    const open = document.createElement("button");
    open.type = "button";
    open.className = "btn quiet";
    open.textContent = "Geräte und Netz prüfen";
    open.addEventListener("click", () => dialog.showModal());
    byId("help-acts").append(open);
    return () => dialog.showModal();
  }

  private explain(what: unknown): boolean {
    const sentence = {
      media: "Ton und Bild sind gerade nicht möglich. Die Mitschrift funktioniert.",
      rights: "Das darf nur die Moderation, und nicht gegenüber anderen aus der Moderation.",
      agenda: "Die Phase ließ sich nicht wechseln. Bitte versuchen Sie es noch einmal.",
      phase: "Gäste können erst in der Gastphase herein. Sie beginnt unter „Moderation“.",
    }[String(what)];
    if (sentence) this.tell(sentence);
    return sentence !== undefined;
  }

  private show(): void {
    if (this.over) return; // a device that is granted late
    const { room } = this;
    // a guest's page has a lobby of its own
    const page = byId("live");
    page.toggleAttribute("data-outside", room.waits !== null && page.dataset["part"] !== "guest");
    byId("tiles").dataset["mode"] = room.mode;
    this.desk.changed();
    this.menu.changed();
    this.tools.changed();
    this.ready.changed();
    this.seal.show();
    this.tiles.doubts(room.seal?.doubts() ?? new Set());
    this.captions.changed();
    this.agenda.changed();
    this.announcer.people(room.people, room.self);
    setText(byId("room-state"), this.state());
    this.showTurns();
    this.showTags();
    this.changed();
  }

  private state(): string {
    if (this.room.waits) return "Sie sind im Warteraum.";
    const n = new Set(this.room.people.map((one) => one.person)).size;
    const how = this.room.direct() ? ", direkt verbunden" : "";
    return n === 0 ? "Verbindung wird aufgebaut …" : n === 1 ? "Außer Ihnen ist noch niemand da." : `${n} Personen im Raum${how}`;
  }

  private showTurns(): void {
    const waiting = hands(this.room.people).map((one) => (one.peer === this.room.self ? "Sie" : one.short || one.name));
    const line = byId("turns");
    line.hidden = waiting.length === 0;
    setText(line, waiting.length === 0 ? "" : `Meldungen: ${waiting.map((name, at) => `${at + 1}. ${name}`).join(" · ")}`);
  }

  private showTags(): void {
    const { room } = this;
    const leads = "Sie moderieren";
    const tags = [
      room.part === "moderator" && room.self ? leads : "",
      room.phase === "guest" ? "Gastphase" : "",
      room.locked ? "Raum geschlossen" : "",
      this.captions.unread() ? "es wird mitgeschrieben" : "",
      this.tiles.starved() ? "wenig Bandbreite: weniger Bilder" : "",
    ].filter(Boolean);
    const list = byId("room-tags");
    list.hidden = !tags.length;
    if (tags.join("|") === [...list.children].map((one) => one.textContent).join("|")) return;
    list.replaceChildren(...tags.map((tag) => Object.assign(document.createElement("li"), { textContent: tag, className: tag === leads ? "leads" : "" })));
  }
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}
