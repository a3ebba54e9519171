// Before the room: the card that asks members whether they are ready, and what somebody sees who waits before the door. Neither keeps anybody
// from anything: the notes are there already, and nobody needs a device to come in.

import type { Cards } from "./cards";
import type { Item } from "./menu";
import type { Room } from "./room";

/** Says once, until it is answered, that microphone and camera are off; and where one is while waiting. */
export class Ready {
  private answered = false;

  constructor(
    private readonly cards: Cards,
    private readonly room: Room,
  ) {}

  changed(): void {
    const { room } = this;
    if (room.devices.on("mic") || room.devices.on("camera")) this.answered = true;
    this.cards.show("outside", room.waits ? outside(room.waits.locked) : null);
    this.cards.show("ready", this.answered || !room.self ? null : { title: "Bereit? Mikrofon und Kamera sind noch aus.", acts: this.acts() });
  }

  private acts(): Item[] {
    return [
      { words: "Bild und Ton", act: () => void this.start("mic", "camera") },
      { words: "Nur Ton", act: () => void this.start("mic") },
      { words: "Später", act: () => void this.start() },
    ];
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
