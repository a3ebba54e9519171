// End-to-end encryption of one page's room: the worker and the keys, and what the room has to tell them.

import { wished } from "../device";
import type { Source } from "../devices";
import { Identity } from "./identity";
import { Keys, type Links, type Member } from "./keys";
import { linkSecrets } from "./links";
import { Media } from "./media";
import type { Counts } from "./wire";

export interface SealEvents {
  /** code, trust or state changed: draw anew */
  changed(): void;
  /** somebody's frames cannot be opened yet, or now they can */
  waits(peer: string, source: Source, yes: boolean): void;
  /** nothing can be sealed any more: stop everything */
  died(): void;
}

/** Everything there is to say about the encryption of a room, but keys. */
export interface SealState {
  code: string | null;
  broken: boolean;
  /** epoch of the secret that own frames are sealed with; 0: none, nothing is sent */
  epoch: number;
  members: Member[];
  counts: Record<string, Counts>;
}

export class Seal {
  readonly media: Media;
  readonly keys: Keys;

  /**
   * @param page the live page's data: code of the conference, person, and part "guest" for those without account
   * @param send sends a frame of the room
   */
  constructor(
    page: DOMStringMap,
    send: (type: string, data: object) => void,
    private readonly events: SealEvents,
  ) {
    const code = page["code"] ?? "";
    const guest = page["part"] === "guest";
    const links = (): Promise<Links> => linkSecrets(code, guest);
    this.media = new Media({
      waits: ({ peer, source }) => this.locked(peer, source, true),
      opens: ({ peer, source }) => this.locked(peer, source, false),
      died: () => events.died(),
    });
    const kept = guest || wished("keepnothing") ? null : (page["person"] ?? null);
    this.keys = new Keys(code, Identity.of(kept), links, this.media, send, () => events.changed());
  }

  /** Handles a text frame; false when it is not about keys. */
  receive(type: string, data: Record<string, unknown>): boolean {
    switch (type) {
      case "epoch":
        this.keys.epoch(Number(data["n"]), strings(data["members"]), String(data["reason"]));
        return true;
      case "key.put":
        this.keys.put(String(data["from"]), Number(data["epoch"]), String(data["blob"]));
        return true;
    }
    return false;
  }

  async state(): Promise<SealState> {
    const { code, broken, sealing } = this.keys;
    return { code: code?.join(" ") ?? null, broken, epoch: sealing, members: this.keys.list(), counts: await this.media.counts() };
  }

  private locked(peer: string, source: string, yes: boolean): void {
    if (yes) this.keys.missing(peer);
    else this.keys.opened(peer);
    if (source === "mic" || source === "camera" || source === "screen") this.events.waits(peer, source, yes);
  }

  close(): void {
    this.keys.close();
    this.media.close();
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
