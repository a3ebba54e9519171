// Who is here and who writes where: the roster the server sends whole on each change, and the polite line that tells it in words.

import type { Awareness } from "y-protocols/awareness";
import { isRecord } from "./protocol";

/** Who somebody is in the room: a guest has no notes, a moderator has the tools. */
export type Part = "moderator" | "participant" | "guest";

/** One connection in the room, as `people` describes it. */
export interface Peer {
  peer: string;
  person: string;
  name: string;
  short: string;
  /** what this person is here for, in words */
  role: string;
  part: Part;
  /** what kind of guest: client, trusted, interpreter; empty for everybody else */
  kind: string;
  mic: boolean;
  camera: boolean;
  screen: boolean;
  hand: boolean;
  /** rises with each raised hand: who has the least was first; 0 without a hand */
  handAt: number;
  live: boolean;
  /** whether this person asks to share the screen, or may */
  share: "" | "asks" | "granted";
  /** sources that a moderator silenced */
  muted: string[];
  /** peers whose sound or picture does not reach this person at the moment */
  missing: string[];
  /** has answered the roll call */
  roll: boolean;
  /** fingerprints of the devices that the server says this person's account had before */
  devices: string[];
  /** may write captions */
  captions: boolean;
}

export function readPeople(data: Record<string, unknown>): Peer[] {
  const list = data["people"];
  return Array.isArray(list) ? list.filter(isRecord).map(readPeer) : [];
}

function readPeer(one: Record<string, unknown>): Peer {
  const { part, share, handAt } = one;
  return {
    peer: text(one["peer"]),
    person: text(one["person"]),
    name: text(one["name"]),
    short: text(one["short"]),
    role: text(one["role"]),
    part: part === "moderator" || part === "guest" ? part : "participant",
    kind: text(one["kind"]),
    mic: one["mic"] === true,
    camera: one["camera"] === true,
    screen: one["screen"] === true,
    hand: one["hand"] === true,
    handAt: typeof handAt === "number" ? handAt : 0,
    live: one["live"] === true,
    share: share === "asks" || share === "granted" ? share : "",
    muted: texts(one["muted"]),
    missing: texts(one["missing"]),
    roll: one["roll"] === true,
    devices: texts(one["devices"]),
    captions: one["captions"] === true,
  };
}

/** Those whose hand is up, whoever raised it first at the front. */
export function hands(people: Peer[]): Peer[] {
  return people.filter((one) => one.hand).sort((a, b) => a.handAt - b.handAt);
}

/** The strings of a list; of anything else none. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Up to two initials for a tile without picture; a short name is that already. */
export function initials(peer: Peer): string {
  if (/^\p{L}{1,3}$/u.test(peer.short)) return peer.short;
  const parts = (peer.short || peer.name).replace(/\b(Dr|Prof|med|dipl)\b\.?/gi, "").match(/\p{L}+/gu) ?? [];
  return parts.slice(0, 2).map((part) => part.charAt(0).toUpperCase()).join("") || "?";
}

/** The least time between two announcements of who writes. */
const every = 4000;

/** "A. K. schreibt in Einschätzung" for the line on top and beside each heading; throttled, because screen readers read it aloud. */
export class Writers {
  private spoken = "";
  private spokenAt = 0;
  private timer = 0;
  private readonly update = () => this.show();

  constructor(
    private readonly awareness: Awareness,
    private readonly line: HTMLElement,
    private readonly titles: Map<string, string>,
    private readonly marks: Map<string, HTMLElement>,
  ) {
    awareness.on("change", this.update);
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.awareness.off("change", this.update);
  }

  private show(): void {
    const writing = this.bySection();
    for (const [key, mark] of this.marks) {
      const names = writing.get(key) ?? [];
      setText(mark, names.length ? `${names.join(", ")} ${names.length === 1 ? "schreibt" : "schreiben"}` : "");
    }
    const wait = this.spokenAt + every - Date.now();
    if (wait <= 0) return this.speak(writing);
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.speak(this.bySection());
    }, wait);
  }

  private speak(writing: Map<string, string[]>): void {
    const sentences = [...writing].map(([key, names]) => `${names.join(", ")} ${names.length === 1 ? "schreibt" : "schreiben"} in ${this.titles.get(key) ?? key}`);
    const next = sentences.join(" · ");
    if (next === this.spoken) return;
    this.spoken = next;
    this.spokenAt = Date.now();
    setText(this.line, next);
  }

  private bySection(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const [client, state] of this.awareness.getStates()) {
      const key: unknown = state["writes"];
      const user: unknown = state["user"];
      if (client === this.awareness.clientID || typeof key !== "string" || !this.titles.has(key) || !isRecord(user)) continue;
      const name = text(user["short"]) || text(user["name"]) || "Jemand";
      const names = found.get(key) ?? [];
      if (!names.includes(name)) found.set(key, [...names, name]);
    }
    return found;
  }
}

/** Sets text only when it differs: a live region repeats itself otherwise, and a selection in it would be lost. */
export function setText(element: HTMLElement, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}
