// Before the room: the card that asks members whether they are ready, and what somebody sees who waits before the door. Neither keeps anybody
// from anything: the notes are there already, and nobody needs a device to come in.

import type { Card, Cards } from "./cards";
import type { Item } from "./menu";
import { pairs, type Room } from "./room";

/** What everybody is told before the first device is on, where the operator allows it. */
const straight =
  "Sind nur zwei Personen im Raum, gehen Bild und Ton direkt von Gerät zu Gerät. Das Gerät der anderen Person erfährt dabei Ihre Netzwerkadresse.";

/** Says once, until it is answered, that microphone and camera are off; and where one is while waiting. */
export class Ready {
  private answered = false;

  /** @param check opens the check of devices, where the page has one beside the room */
  constructor(
    private readonly cards: Cards,
    private readonly room: Room,
    private readonly check: (() => void) | null,
  ) {}

  changed(): void {
    const { room } = this;
    if (room.devices.on("mic") || room.devices.on("camera")) this.answered = true;
    this.cards.show("outside", room.waits ? outside(room.waits.locked) : null);
    this.cards.show("ready", this.answered || !room.self || !room.seal ? null : this.card());
  }

  private card(): Card {
    const later = { words: "Später", act: () => void this.start() };
    const title = "Bereit? Mikrofon und Kamera sind aus.";
    const acts = [...this.acts(), later];
    return pairs() ? { title, text: straight, acts } : { title, acts };
  }

  private acts(): Item[] {
    const acts = [
      { words: "Bild und Ton", act: () => void this.start("mic", "camera") },
      { words: "Nur Ton", act: () => void this.start("mic") },
    ];
    const { check } = this;
    return check ? [...acts, { words: "Prüfen", act: check }] : acts;
  }

  private async start(...sources: ("mic" | "camera")[]): Promise<void> {
    this.answered = true;
    this.changed();
    for (const source of sources) if (!this.room.devices.on(source)) await this.room.toggle(source);
  }
}

function outside(locked: boolean) {
  const text = locked
    ? "Der Raum ist gerade geschlossen. Die Moderation sieht, dass Sie warten, und kann Sie trotzdem einlassen."
    : "Die Moderation sieht, dass Sie warten, und lässt Sie herein. Hier ist noch nichts zu hören und zu sehen, auch nicht von Ihnen.";
  return { title: "Sie sind im Warteraum", text, acts: [] };
}
