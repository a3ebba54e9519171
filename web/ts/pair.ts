// Two people who are alone in the room may send to each other straight, where the server says so. The connections are the same two as on the
// server's way, only their other ends are the other page's (realtime/protocol.md, "Two people, straight"). There is one remedy for whatever
// fails: back to the server.

import type { Connection } from "./connection";
import type { Carried } from "./subscriber";
import type { Peer } from "./people";

/** How long a connection that was begun may be without a way. */
const patience = 6000;

/** Lives from one word of the server about the way to the next. */
export class Pair {
  private readonly without = new Map<Connection, number>(); // since when
  private up = false;
  private arrives = false;
  private over = false;

  /**
   * @param peer the other
   * @param send sends `way.up` or `way.failed` for this way
   * @param changed called when there is a connection, or none any more
   */
  constructor(
    readonly peer: string,
    private readonly send: (type: string) => void,
    private readonly changed: () => void,
  ) {}

  /** Whether something goes to or comes from the other straight. */
  connected(): boolean {
    return this.up;
  }

  /** Looks at the connections there are; to be called a few times a second. */
  look(pub: Connection | null, sub: Connection | null): void {
    if (this.over) return;
    const now = Date.now();
    const all = [pub, sub].filter((one) => one !== null);
    for (const one of all) {
      if (one.connected()) this.without.delete(one);
      else if (!this.without.has(one)) this.without.set(one, now);
      if (now - (this.without.get(one) ?? now) > patience) return this.fail();
    }
    if (sub?.connected() && !this.arrives) {
      this.arrives = true;
      this.send("way.up");
    }
    const up = all.some((one) => one.connected());
    if (up === this.up) return;
    this.up = up;
    this.changed();
  }

  /** Gives this way up. The server answers with another one. */
  fail(): void {
    if (this.over) return;
    this.over = true;
    this.send("way.failed");
  }

  /** What a moderator has taken from the other is not played here: no server is in between that would drop it. */
  plays({ peer, source }: Carried, people: Peer[]): boolean {
    const one = people.find((other) => other.peer === peer);
    return one !== undefined && peer === this.peer && !one.muted.includes(source) && (source !== "screen" || one.share === "granted");
  }
}

/**
 * Leaves out of a description what it says about formats that it does not offer (RFC 8866 §6.6 ties these lines to the formats of their
 * section). Firefox keeps such lines for what it was told not to use, and Chromium refuses the whole for it.
 */
export function tidy(sdp: string): string {
  let offered: string[] = [];
  const about = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /;
  const lines = sdp.split("\r\n").filter((line) => {
    if (line.startsWith("m=")) offered = line.split(" ").slice(3);
    const format = about.exec(line)?.[1];
    return format === undefined || offered.includes(format);
  });
  return lines.join("\r\n");
}
