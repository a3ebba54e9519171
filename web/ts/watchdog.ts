// Notices that media which ought to play does not, whatever the connections say of themselves, and has them mended step by step: look for a
// new way, build the connection again, take a new socket. Everybody is told whom this page gets nothing from.

import type { Failure } from "./connection";
import type { Peer } from "./people";
import type { Publisher } from "./publisher";
import type { Subscriber } from "./subscriber";

const every = 1000;
/** How long something may be still that ought to move. */
const patience = 3000;
/** How long a step may take to help before the next, for a connection and for a single track. */
const helping = 8000;
const helpingTrack = 3000;
/** How often what is missing is said again. */
const again = 8000;
/** The least time between two new sockets for the sake of media. */
const rejoining = 60_000;
/** A connection that fails again and again is built again later and later. */
const slowest = 15_000;

export type Side = "pub" | "sub";

export interface Watched {
  pub(): Publisher | null;
  sub(): Subscriber | null;
  /** the others, oneself, and whether a source of theirs ought to play here at the moment */
  people(): Peer[];
  me(): Peer | undefined;
  wants(peer: Peer, source: "mic" | "camera" | "screen"): boolean;
  send(type: string, data: object): boolean;
  /** has a single track, "peer/source", sent with a whole picture, or under a new m-line */
  mend(key: string, fresh: boolean): void;
  /** forgets a connection and starts it again */
  rebuild(side: Side): void;
  /** gives up this socket for a new one: everything begins again, with the same place in the room */
  rejoin(): void;
}

/** A number that ought to rise, and when it last did. */
class Pulse {
  private value = -1;
  private at = Date.now();

  /** How long it has stood still, in milliseconds. */
  still(value: number): number {
    if (value !== this.value) {
      this.value = value;
      this.at = Date.now();
    }
    return Date.now() - this.at;
  }
}

/** What has been done about one side that is still; it begins anew when that moves again. */
class Ladder {
  private rung = 0;
  private next = 0;

  constructor(private readonly helping: number) {}

  /** The next step, if the one before has had its time. */
  climb(): number {
    if (Date.now() < this.next) return 0;
    this.next = Date.now() + this.helping;
    return ++this.rung;
  }

  down(): void {
    this.rung = this.next = 0;
  }
}

/** A track that stands still while others play. */
class Stall {
  readonly ladder = new Ladder(helpingTrack);
  /** the m-line it came in before it was asked for under a new one */
  mid = "";
}

/** Watches as long as the page has a room. */
export class Watchdog {
  private readonly timer: number;
  private readonly plays = new Map<string, Pulse>();
  private readonly ladders = { pub: new Ladder(helping), sub: new Ladder(helping) };
  private readonly stalled = new Map<string, Stall>();
  private readonly hears = { pub: new Pulse(), sub: new Pulse() };
  private arrives = new Pulse();
  private leaves = new Pulse();
  private lost = new Pulse(); // what leaves, on its way
  private said = "";
  private saidAt = 0;
  private rejoined = 0;
  private rebuilt = 0; // for a single track
  private readonly failures = { pub: 0, sub: 0 };
  private readonly waits = { pub: 0, sub: 0 };
  private looking = false;

  constructor(private readonly room: Watched) {
    this.timer = setInterval(() => void this.look(), every);
  }

  stop(): void {
    clearInterval(this.timer);
    this.reset();
  }

  /** The connections are new: nothing has been still yet. */
  reset(): void {
    this.plays.clear();
    this.stalled.clear();
    this.hears.pub = new Pulse();
    this.hears.sub = new Pulse();
    this.arrives = new Pulse();
    this.leaves = new Pulse();
    this.lost = new Pulse();
    this.said = "";
    for (const side of ["pub", "sub"] as const) {
      this.ladders[side].down();
      this.failures[side] = 0;
      clearTimeout(this.waits[side]);
    }
  }

  /** A connection has given up: it is built again, at once or after a pause, and in the end everything is. */
  failed(side: Side, why: Failure): void {
    if (why === "no answer" && this.rejoin()) return;
    const before = this.failures[side]++;
    if (before === 2) this.rejoin();
    clearTimeout(this.waits[side]);
    const pause = before ? Math.min(slowest, 1000 * 2 ** before) : 0;
    this.waits[side] = setTimeout(() => this.room.rebuild(side), pause);
  }

  private rejoin(): boolean {
    if (Date.now() - this.rejoined < rejoining) return false;
    this.rejoined = Date.now();
    this.room.rejoin();
    return true;
  }

  private async look(): Promise<void> {
    if (this.looking || !this.room.me()) return;
    this.looking = true;
    try {
      const starves = await this.starves();
      const cries = await this.cries();
      this.tend("sub", (await this.deaf("sub")) || starves);
      this.tend("pub", (await this.deaf("pub")) || cries);
    } catch {
      // a connection that was closed meanwhile has no statistics
    } finally {
      this.looking = false;
    }
  }

  /** Whether the way to the server is silent, though the browser has not noticed yet: checks go back and forth every two or three seconds. */
  private async deaf(side: Side): Promise<boolean> {
    const connection = this.room[side]();
    const heard = connection?.connected() ? await connection.heard() : null;
    if (heard !== null) return this.hears[side].still(heard) > patience;
    this.hears[side] = new Pulse();
    return false;
  }

  /** Whether nothing comes in though something ought to. */
  private async starves(): Promise<boolean> {
    const flow = await this.room.sub()?.flow();
    const wanted = this.wanted();
    for (const key of [...this.plays.keys()]) if (!wanted.includes(key)) this.plays.delete(key);
    const missing = wanted.filter((key) => this.pulse(key).still(flow?.played.get(key) ?? 0) > patience);
    this.report(missing);
    const moves = this.arrives.still(flow?.packets ?? 0) <= patience;
    if (moves && this.room.sub()?.connected()) this.failures.sub = 0;
    for (const key of [...this.stalled.keys()]) if (!moves || !missing.includes(key)) this.stalled.delete(key);
    if (moves && flow) for (const key of missing) this.mendTrack(key, flow.mids.get(key) ?? "");
    // where something does come in, the way here is good
    return !moves && missing.length > 0;
  }

  /** Whether what leaves here does not arrive: the server says of everybody, oneself included, whether media has reached it. */
  private async cries(): Promise<boolean> {
    const pub = this.room.pub();
    const me = this.room.me();
    if (!pub?.connected() || !me) return false;
    const sends = this.leaves.still(await pub.sent()) <= patience;
    if (me.live) this.failures.pub = 0;
    if (!me.live && sends && this.sources(me).length) return this.lost.still(0) > patience;
    this.lost = new Pulse();
    return false;
  }

  /** Takes the next step for a side that is ill. One that has lost its way and knows it mends itself. */
  private tend(side: Side, ill: boolean): void {
    if (this.room[side]()?.connected() === false) return;
    if (ill) this.mend(side);
    else this.ladders[side].down();
  }

  private mend(side: Side): void {
    switch (this.ladders[side].climb()) {
      case 0:
        return;
      case 1:
        return this.room[side]()?.heal();
      case 2:
        return this.room.rebuild(side);
      default:
        this.rejoin();
        return;
    }
  }

  /** Takes the next step for a single track. What did come anew and still does not play is a fault of the connection. */
  private mendTrack(key: string, mid: string): void {
    const stall = this.stalled.get(key) ?? new Stall();
    this.stalled.set(key, stall);
    switch (stall.ladder.climb()) {
      case 1:
        return this.room.mend(key, false);
      case 2:
        stall.mid = mid;
        return this.room.mend(key, true);
      case 4: // a step later: what comes anew begins with a picture that has to be asked for
        if (mid !== stall.mid && Date.now() - this.rebuilt > rejoining) {
          this.rebuilt = Date.now();
          this.room.rebuild("sub");
        }
    }
  }

  private wanted(): string[] {
    const me = this.room.me();
    return this.room
      .people()
      .filter((one) => one !== me && one.live)
      .flatMap((one) => this.sources(one).filter((source) => this.room.wants(one, source)).map((source) => `${one.peer}/${source}`));
  }

  private sources(one: Peer): ("mic" | "camera" | "screen")[] {
    return (["mic", "camera", "screen"] as const).filter((source) => one[source] && !one.muted.includes(source));
  }

  private pulse(key: string): Pulse {
    const known = this.plays.get(key) ?? new Pulse();
    this.plays.set(key, known);
    return known;
  }

  private report(missing: string[]): void {
    const now = Date.now();
    const news = missing.join(" ");
    if (news === this.said && (!news || now - this.saidAt < again)) return;
    const list = missing.map((key) => ({ peer: key.slice(0, key.lastIndexOf("/")), source: key.slice(key.lastIndexOf("/") + 1) }));
    if (this.room.send("stats", { missing: list })) [this.said, this.saidAt] = [news, now];
  }
}
