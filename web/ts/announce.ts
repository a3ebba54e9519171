// Who comes, goes and raises a hand, in one polite sentence at a time: screen readers read it, everybody else sees it on the tiles.

import { listed } from "./tile";
import type { Peer } from "./people";

/** How long changes gather before they are told. Somebody whose connection comes back within this time has never been away. */
const gather = 1500;
/** How long somebody must have been speaking before it is worth a word. */
const settled = 3000;

export class Announcer {
  private told: Map<string, Peer> | null = null; // by person, as last told
  private now: Peer[] = [];
  private self = "";
  private timer = 0;
  private speakTimer = 0;
  private speaks = "";

  /** @param line a role=status element that is not seen */
  constructor(private readonly line: HTMLElement) {}

  /** Takes the roster; the first one after coming in is not news. */
  people(peers: Peer[], self: string): void {
    this.now = peers;
    this.self = self;
    if (!self) return; // the connection is gone, not the people
    if (!this.told) this.told = byPerson(peers);
    else this.timer ||= setTimeout(() => this.tell(), gather);
  }

  /** Takes who speaks; told once it has lasted, and never of oneself. */
  speaker(peer: string): void {
    clearTimeout(this.speakTimer);
    this.speakTimer = setTimeout(() => {
      const one = this.now.find((other) => other.peer === peer);
      if (!one || peer === this.self || one.person === this.speaks) return;
      this.speaks = one.person;
      this.line.textContent = `Es spricht: ${one.name}.`;
    }, settled);
  }

  /** Says something else about the room. */
  say(sentence: string): void {
    this.line.textContent = sentence;
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.speakTimer);
  }

  private tell(): void {
    this.timer = 0;
    if (!this.self) return;
    const before = this.told ?? new Map<string, Peer>();
    const after = byPerson(this.now);
    const me = this.now.find((one) => one.peer === this.self)?.person;
    const news = sentences(before, after, me ?? "");
    this.told = after;
    if (news.length) this.line.textContent = news.join(" ");
  }
}

/** What has changed between two rosters, as sentences about the others. */
function sentences(before: Map<string, Peer>, after: Map<string, Peer>, me: string): string[] {
  const others = (of: Map<string, Peer>) => [...of.values()].filter((one) => one.person !== me);
  const names = (peers: Peer[]) => listed(peers.map((one) => one.name));
  const come = others(after).filter((one) => !before.has(one.person));
  const gone = others(before).filter((one) => !after.has(one.person));
  const up = others(after).filter((one) => one.hand && !before.get(one.person)?.hand);
  const news: string[] = [];
  if (come.length) news.push(`${names(come)} ${come.length === 1 ? "ist" : "sind"} jetzt da.`);
  if (gone.length) news.push(`${names(gone)} ${gone.length === 1 ? "ist" : "sind"} gegangen.`);
  if (up.length) news.push(`${names(up)} ${up.length === 1 ? "meldet" : "melden"} sich.`);
  return news;
}

function byPerson(peers: Peer[]): Map<string, Peer> {
  return new Map(peers.map((one) => [one.person, one]));
}
