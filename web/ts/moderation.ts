// What somebody may do about the others in the room: everybody may pin a tile, moderators have the tools. The server decides whether they
// work; this only does not offer what it would refuse.

import { asks, Menu, type Item } from "./menu";
import type { Room } from "./room";
import type { Peer } from "./people";
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
    if (this.room.part !== "moderator" || peer.peer === this.room.self) return items;
    return [...items, ...(source === "screen" ? [this.stopShare(peer)] : this.tools(peer))];
  }

  private tools(peer: Peer): Item[] {
    const items: Item[] = [];
    if (peer.mic && !peer.muted.includes("mic")) items.push({ words: "Mikrofon stummschalten", act: () => this.mute(peer, "mic") });
    if (peer.camera && !peer.muted.includes("camera")) items.push({ words: "Kamera ausschalten", act: () => this.mute(peer, "camera") });
    if (peer.hand) items.push({ words: "Hand senken", act: () => void this.room.send("mod.hand", { peer: peer.peer }) });
    if (peer.share === "granted") items.push(this.stopShare(peer));
    else items.push({ words: "Bildschirm teilen erlauben", act: () => void this.room.send("mod.share", { peer: peer.peer, on: true }) });
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
