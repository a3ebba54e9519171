// What somebody may do about the others in the room: everybody may pin a tile, moderators have the tools. The server decides whether they
// work; this only does not offer what it would refuse.

import type { Card, Cards } from "./cards";
import { asks, Menu, type Item } from "./menu";
import type { Peer } from "./people";
import type { Room, Waiting } from "./room";
import { listed } from "./tile";
import type { Picture, Tiles } from "./tiles";

/** The list behind "Mehr" of each tile. */
export class TileMenu {
  private readonly menu: Menu;
  private of: { peer: string; source: Picture } | null = null;

  constructor(
    parent: HTMLElement,
    private readonly room: Room,
    private readonly tiles: Tiles,
    private readonly tell: (sentence: string) => void,
    /** explains what "unconfirmed" means */
    private readonly explain: () => void,
  ) {
    this.menu = new Menu(parent, () => (this.of = null));
  }

  open(peer: string, source: Picture, from: HTMLElement): void {
    this.of = { peer, source };
    this.menu.open(from, this.title(), this.items());
  }

  /** Follows the room while the list is open. */
  changed(): void {
    if (this.of) this.menu.refresh(this.title(), this.items());
  }

  private title(): string {
    return this.about()?.name ?? "";
  }

  private about(): Peer | undefined {
    return this.room.people.find((one) => one.peer === this.of?.peer);
  }

  private items(): Item[] {
    const peer = this.about();
    if (!peer || !this.of) return [];
    const { source } = this.of;
    const pinned = this.tiles.isPinned(peer.peer, source);
    const items: Item[] = [{ words: pinned ? "Nicht mehr anheften" : "Groß anheften", act: () => this.tiles.pin(peer.peer, source) }];
    if (this.tiles.isDoubted(peer.peer)) items.push({ words: "Was heißt „unbestätigt“?", act: this.explain });
    if (this.room.part !== "moderator" || peer.peer === this.room.self) return items;
    return [...items, ...(source === "screen" ? [this.stopShare(peer)] : this.tools(peer))];
  }

  private tools(peer: Peer): Item[] {
    const items: Item[] = [];
    if (peer.mic && !peer.muted.includes("mic")) items.push({ words: "Mikrofon stummschalten", act: () => this.mute(peer, "mic") });
    if (peer.camera && !peer.muted.includes("camera")) items.push({ words: "Kamera ausschalten", act: () => this.mute(peer, "camera") });
    if (peer.hand) items.push({ words: "Hand senken", act: () => void this.room.send("mod.hand", { peer: peer.peer }) });
    if (peer.part !== "moderator") items.push(peer.share === "granted" ? this.stopShare(peer) : { words: "Bildschirm teilen erlauben", act: () => void this.room.send("mod.share", { peer: peer.peer, on: true }) });
    if (peer.part === "moderator") return items; // only by who gave them the lead
    items.push({ words: peer.captions ? "Nicht mehr mitschreiben lassen" : "Schriftverlauf schreiben lassen", act: () => void this.room.send("mod.caption", { peer: peer.peer, on: !peer.captions }) });
    items.push({ words: "In den Warteraum schicken", act: () => this.back(peer) });
    items.push({ words: "Aus der Konferenz entfernen …", act: () => void this.remove(peer), stops: true });
    return items;
  }

  private mute(peer: Peer, source: "mic" | "camera"): void {
    this.room.send("mod.mute", { peer: peer.peer, source });
    this.tell(source === "mic" ? `${peer.name} ist jetzt stummgeschaltet.` : `Die Kamera von ${peer.name} ist jetzt aus.`);
  }

  private stopShare(peer: Peer): Item {
    return { words: "Bildschirm nicht mehr teilen lassen", act: () => void this.room.send("mod.share", { peer: peer.peer, on: false }) };
  }

  private back(peer: Peer): void {
    this.room.send("lobby.return", { peer: peer.peer });
    this.tell(`${peer.name} wartet jetzt im Warteraum. Über „Einlassen“ geht es zurück.`);
  }

  private async remove(peer: Peer): Promise<void> {
    const what = `Bild, Ton und Mitschrift enden für ${peer.name} sofort. Zurück geht es nur über den Warteraum, wenn jemand von der Moderation einlässt.`;
    if (await asks(`${peer.name} entfernen?`, what, "Entfernen")) this.room.send("mod.kick", { peer: peer.peer });
  }
}

/** What concerns the room as a whole: the list behind "Moderation", and the cards about whoever waits for an answer. */
export class RoomTools {
  private readonly menu: Menu;

  constructor(
    private readonly button: HTMLElement,
    private readonly cards: Cards,
    private readonly room: Room,
    private readonly tell: (sentence: string) => void,
  ) {
    this.menu = new Menu(button.parentElement ?? document.body);
    button.addEventListener("click", () => this.menu.open(button, "Moderation", this.items()));
  }

  changed(): void {
    const leads = this.room.part === "moderator" && this.room.self !== "";
    this.button.hidden = !leads;
    if (leads) this.menu.refresh("Moderation", this.items());
    else this.menu.close();
    this.cards.show("waiting", leads ? this.waiting() : null);
    this.cards.show("shares", leads ? this.shares() : null);
    this.cards.show("roll", this.roll(leads));
  }

  private items(): Item[] {
    const { room } = this;
    const items: Item[] = [
      room.roll
        ? { words: "Anwesenheit: Feststellung beenden", act: () => this.command("mod.roll", { on: false }) }
        : { words: "Anwesenheit feststellen", note: "Alle bestätigen, dass sie da sind; es steht im Protokoll", act: () => this.command("mod.roll", { on: true }) },
      room.locked
        ? { words: "Raum wieder öffnen", act: () => this.command("mod.lock", { on: false }) }
        : { words: "Raum schließen", note: "Niemand Unbekanntes kann mehr anklopfen", act: () => this.command("mod.lock", { on: true }) },
    ];
    if (room.phase === "guest") items.push({ words: "Gastphase beenden", note: "Gäste gehen zurück in den Warteraum", act: () => this.command("mod.phase", { phase: "experts" }) });
    else if (room.open) items.push({ ...this.guestPhase(), note: "Gäste können eingelassen werden" });
    if (this.heard().length > 0) items.push({ words: "Alle anderen stummschalten", note: "Alle können sich selbst wieder einschalten", act: () => this.muteAll() });
    return items;
  }

  private heard(): Peer[] {
    return this.room.people.filter((one) => one.peer !== this.room.self && one.mic);
  }

  private muteAll(): void {
    for (const { peer } of this.heard()) this.command("mod.mute", { peer, source: "mic" });
  }

  private command(type: string, data: object): void {
    if (!this.room.send(type, data)) this.tell("Das geht gerade nicht: keine Verbindung.");
  }

  private waiting(): Card | null {
    const { lobby, phase } = this.room;
    if (!lobby.length) return null;
    const early = (one: Waiting) => one.guest && phase !== "guest";
    const lines = lobby.map((one) => ({
      words: one.name,
      note: [one.role, early(one) ? "kommt in der Gastphase dazu" : "", one.known ? "" : "unbekannt: kam mit dem Link von jemand anderem"].filter(Boolean).join(" · "),
      acts: [
        early(one) ? this.guestPhase() : { words: "Einlassen", act: () => this.command("lobby.admit", { ids: [one.id] }) },
        { words: "Ablehnen", act: () => this.command("lobby.deny", { id: one.id }), stops: true },
      ],
    }));
    const familiar = lobby.filter((one) => one.known && !early(one)).length;
    const all = { words: "Alle einlassen", act: () => this.command("lobby.admit", { ids: [] }) };
    return { title: lobby.length === 1 ? "1 Person wartet" : `${lobby.length} Personen warten`, lines, acts: familiar > 1 ? [all] : [] };
  }

  private guestPhase(): Item {
    return { words: "Gastphase beginnen", act: () => this.command("mod.phase", { phase: "guest" }) };
  }

  private shares(): Card | null {
    const ask = this.room.people.filter((one) => one.share === "asks");
    if (!ask.length) return null;
    const lines = ask.map(({ peer, name }) => ({
      words: name,
      note: "möchte den Bildschirm teilen",
      acts: [
        { words: "Erlauben", act: () => this.command("mod.share", { peer, on: true }) },
        { words: "Ablehnen", act: () => this.command("mod.share", { peer, on: false }), stops: true },
      ],
    }));
    return { title: "Bildschirm teilen", lines, acts: [] };
  }

  private roll(leads: boolean): Card | null {
    if (!this.room.roll || !this.room.me()) return null;
    const here = [...new Map(this.room.people.map((one) => [one.person, one])).values()];
    const missing = here.filter((one) => !one.roll);
    const acts: Item[] = [];
    const confirmed = this.room.me()?.roll === true;
    if (!confirmed) acts.push({ words: "Ich bin da", act: () => this.command("present", {}) });
    if (leads) acts.push({ words: "Feststellung beenden", act: () => this.command("mod.roll", { on: false }) });
    const count = `${here.length - missing.length} von ${here.length} haben bestätigt.`;
    const text = !leads ? (confirmed ? "Danke, das steht im Protokoll." : "Ihre Bestätigung steht mit der Uhrzeit im Protokoll.") : missing.length ? `${count} Es fehlen: ${listed(missing.map((one) => one.name))}.` : count;
    return { title: confirmed ? "Anwesenheit bestätigt" : "Sind Sie da?", text, acts };
  }
}
