// End-to-end encryption of one page's room: the worker and the keys, and what the room has to tell them.

import { wished } from "../device";
import type { Source } from "../devices";
import type { Bytes } from "./frame";
import { Identity } from "./identity";
import { doubtful, Keys, type Links, type Member } from "./keys";
import { Lines } from "./lines";
import { linkSecrets } from "./links";
import { Media } from "./media";
import { register } from "./register";
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
  /** called with each line of captions that could be opened */
  captioned: (peer: string, text: string) => void = () => {};
  private readonly lines = new Lines((peer, text) => this.captioned(peer, text));

  /**
   * @param page the live page's data: code of the conference, person, and part "guest" for those without account
   * @param send sends a frame of the room
   */
  constructor(
    page: DOMStringMap,
    private readonly send: (type: string, data: object) => boolean,
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
    const identity = Identity.of(kept);
    // without it others do not know this browser next time, and nothing else is missing
    identity.then((one) => register(one, code)).catch(() => {});
    this.keys = new Keys(code, identity, links, this.ring(), send, () => events.changed());
  }

  /** What is told of each secret: the worker for frames, and the lines. */
  private ring() {
    const { media, lines } = this;
    return {
      own: async (peer: string, epoch: number, secret: Bytes | null) => void (await Promise.all([media.own(peer, epoch, secret), lines.own(peer, epoch, secret)])),
      theirs: async (peer: string, epoch: number, secret: Bytes) => void (await Promise.all([media.theirs(peer, epoch, secret), lines.learn(peer, epoch, secret)])),
      forget: (peer: string) => {
        media.forget(peer);
        lines.forget(peer);
      },
    };
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
      case "caption":
        this.lines.receive(String(data["from"]), Number(data["epoch"]), String(data["blob"]));
        return true;
    }
    return false;
  }

  /** Sends a line of captions to everybody in the room; false when that is not possible at the moment. */
  async caption(text: string): Promise<boolean> {
    const line = await this.lines.seal(text);
    return line !== null && this.send("caption", line);
  }

  /** Peers with keys that nothing has confirmed. */
  doubts(): Set<string> {
    return new Set(this.keys.list().flatMap(({ peer, trust }) => (doubtful(trust) ? [peer] : [])));
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
