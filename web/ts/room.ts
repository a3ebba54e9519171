// The video room: two peer connections, one that only sends (offered here) and one that only receives (offered by the server), so that
// offers never cross. Whatever fails is built again from nothing. There is no recording: nothing here or on the server keeps a frame.

import type { Failure, RoomStats } from "./connection";
import { Devices, type Source } from "./devices";
import { Media } from "./e2ee/media";
import { Seal } from "./e2ee/seal";
import { Pair, tidy } from "./pair";
import { readPeople, texts, type Part, type Peer } from "./people";
import { isRecord } from "./protocol";
import { Publisher } from "./publisher";
import { readTracks, Subscriber, type Carried } from "./subscriber";
import type { Tiles } from "./tiles";
import { Viewing } from "./viewing";
import { Watchdog, type Side } from "./watchdog";
import { readIceServers, Way } from "./way";

const sources: Source[] = ["mic", "camera", "screen"];

/** How much of the room is wanted, from everything down to nothing but the notes. */
export type Mode = "all" | "few" | "audio" | "text";

const silenced: Record<Source, string> = {
  mic: "Die Moderation hat Ihr Mikrofon ausgeschaltet. Sie können es selbst wieder einschalten.",
  camera: "Die Moderation hat Ihre Kamera ausgeschaltet. Sie können sie selbst wieder einschalten.",
  screen: "Die Moderation hat das Teilen Ihres Bildschirms beendet.",
};

const the: Record<Source, string> = { mic: "Ihr Mikrofon", camera: "Ihre Kamera", screen: "Das Teilen Ihres Bildschirms" };

/** For a browser that cannot seal: it takes part with the notes only. */
export const incapable =
  "Dieser Browser kann Ton und Bild nicht Ende-zu-Ende verschlüsseln, deshalb bleiben sie hier aus. Aktuelle Versionen von Firefox, Chrome, Edge und Safari können es.";

/** Somebody in front of the door. */
export interface Waiting {
  id: string;
  name: string;
  role: string;
  /** came by a personal link: comes in during the guests' phase only */
  guest: boolean;
  /** false when somebody came with the link of somebody else */
  known: boolean;
}

export interface RoomView {
  tiles: Tiles;
  /** own devices, the roster or the state of the room changed: redraw */
  changed(): void;
  /** a sentence for the person */
  told(sentence: string): void;
  /** nothing else has helped: a new socket, and with it new connections */
  rejoin(): void;
}

/** Lives as long as the live page. `welcome` starts it on each new socket, `lost` stops its connections but keeps the devices. */
export class Room {
  readonly devices: Devices;
  people: Peer[] = [];
  self = "";
  part: Part = "participant";
  hand = false;
  locked = false;
  phase = "";
  mode: Mode = "all";
  /** guests are foreseen: the phases decide when they are in the room */
  open = false;
  /** a roll call is open */
  roll = false;
  /** who waits to be let in; only moderators are told */
  lobby: Waiting[] = [];
  /** oneself waits before the door: no roster and no media until a moderator opens */
  waits: { locked: boolean } | null = null;

  /** null: this browser cannot encrypt, so there is neither sound nor picture */
  readonly seal: Seal | null;

  /** the other of two who send to each other straight; null: everything goes over the server */
  private pair: Pair | null = null;
  private ways = 0; // the number of the way, as the server counts
  private readonly way = new Way();
  private readonly watchdog: Watchdog;
  private readonly paused = new Set<string>(); // "peer/source" that the server holds back
  private inside = false; // let in, and not sent out since; a lost connection changes nothing about that
  private pub: Publisher | null = null;
  private sub: Subscriber | null = null;
  private subs = 0;
  private readonly viewing: Viewing;
  private readonly ear: number;

  constructor(
    /** sends a command of the room; false without connection */
    readonly send: (type: string, data: object) => boolean,
    private readonly view: RoomView,
  ) {
    this.devices = new Devices((source, problem) => this.deviceChanged(source, problem));
    this.seal = Media.possible() ? this.sealed() : null;
    // without seal there is no picture that the server could send less of
    this.viewing = new Viewing(view.tiles, () => this.mode, (type, data) => this.seal !== null && this.self !== "" && this.send(type, data));
    this.ear = setInterval(() => {
      this.sub?.listen();
      this.viewing.look();
      this.pair?.look(this.pub, this.sub);
    }, 250);
    this.watchdog = new Watchdog({
      pub: () => this.pub,
      sub: () => this.sub,
      people: () => this.people,
      me: () => this.me(),
      wants: (one, source) => this.wants(one, source),
      send: this.send,
      mend: (key, fresh) => this.mend(key, fresh),
      rebuild: (side) => this.rebuild(side),
      rejoin: () => this.view.rejoin(),
    });
  }

  private sealed(): Seal {
    const page = document.getElementById("live")?.dataset ?? {};
    return new Seal(page, (type, data) => this.send(type, data), {
      changed: () => this.view.changed(),
      waits: (peer, source, yes) => this.view.tiles.keyless(peer, source, yes),
      died: () => {
        this.devices.stopAll();
        this.close();
        this.view.told("Die Verschlüsselung ist ausgefallen, deshalb sind Ton und Bild aus. Bitte laden Sie die Seite neu.");
      },
    });
  }

  /** Handles a text frame; false when it is not about the room. */
  receive(type: string, data: Record<string, unknown>): boolean {
    if (this.seal?.receive(type, data)) return true;
    if (this.outdated(type, data)) return true;
    switch (type) {
      case "welcome":
        this.welcome(data);
        return true;
      case "people":
        this.roster(data);
        return true;
      case "room":
        this.state(data);
        this.view.changed();
        return true;
      case "lobby.waiting":
        this.outside(data["locked"] === true);
        return true;
      case "lobby.list":
        this.lobby = readWaiting(data["waiting"]);
        this.view.changed();
        return true;
      case "speakers":
        this.view.tiles.speakers(texts(data["order"]));
        return true;
      case "layers":
        this.layer(data);
        return true;
      case "pub.layers":
        this.thin(data);
        return true;
      case "pub.answer":
        this.pub?.answered(Number(data["gen"]), String(data["sdp"]));
        return true;
      case "sub.offer":
        this.subscribe(Number(data["gen"]), String(data["sdp"]), data["tracks"]);
        return true;
      case "way":
        this.turn(data);
        return true;
      case "ice.servers":
        this.way.use(readIceServers(data["iceServers"]));
        return true;
      case "track.refused":
        this.refused(data);
        return true;
      case "ice":
        this.candidate(data);
        return true;
    }
    return false;
  }

  /** Says hello, as the first of all frames; a guest with the name that the others shall see. */
  hello(name?: string): void {
    const e2ee = this.seal !== null;
    const said = { e2ee, pair: e2ee && pairs() };
    this.send("hello", name === undefined ? said : { ...said, name });
  }

  /** Chooses how much of the room this page takes; what nobody would see or hear is not sent either. */
  choose(mode: Mode): void {
    this.mode = mode;
    if (mode === "audio" || mode === "text") {
      this.devices.stop("camera");
      this.devices.stop("screen");
    }
    if (mode === "text") this.devices.stop("mic");
    this.viewing.look();
    this.view.changed();
  }

  /** Oneself, once the server has said who is here. */
  me(): Peer | undefined {
    return this.people.find((one) => one.peer === this.self);
  }

  /** Whether sound and picture go to and come from the only other person straight. */
  direct(): boolean {
    return this.pair?.connected() ?? false;
  }

  /** Switches a device; the buttons follow by `changed`. */
  async toggle(source: Source): Promise<void> {
    if (this.devices.on(source)) return this.devices.stop(source);
    if (!this.seal) return this.view.told(`${incapable} Die Mitschrift funktioniert.`);
    const problem = await this.devices.start(source);
    if (problem) this.view.told(problem);
  }

  raise(up: boolean): void {
    this.hand = up;
    this.send("hand", { up });
    this.view.changed();
  }

  /** The socket is gone, and with it the server's half of both connections. */
  lost(): void {
    this.leave();
    this.view.changed();
  }

  destroy(): void {
    clearInterval(this.ear);
    this.viewing.destroy();
    this.watchdog.stop();
    this.devices.stopAll();
    this.close();
    this.seal?.close();
  }

  async stats(): Promise<RoomStats> {
    const all: RoomStats = { framesDecoded: {}, bytesReceived: {}, bytesSent: 0, srtpCiphers: [], ways: [] };
    await this.sub?.addStats(all);
    await this.pub?.addStats(all);
    return all;
  }

  /** For each source that is on: frames that left the encoder, and frames that the worker saw. */
  async passes(): Promise<{ source: Source; encoded: number; passed: number }[]> {
    return (await this.pub?.passes()) ?? [];
  }

  private close(): void {
    this.pub?.close();
    this.sub?.close();
    this.pub = this.sub = null;
    this.head(0, null);
    this.paused.clear();
    this.watchdog.reset();
  }

  /** Sound and picture take another way from now on: what there is of connections is closed and built anew, devices and keys stay. */
  private turn({ n, to, with: peer }: Record<string, unknown>): void {
    this.close();
    this.head(Number(n), to === "pair" ? String(peer) : null);
    this.viewing.forget();
    this.publish();
    this.view.changed();
  }

  private head(ways: number, peer: string | null): void {
    this.ways = ways;
    this.way.straight = peer !== null;
    this.pair = peer === null ? null : new Pair(peer, (type) => this.signal(type, {}, ways), () => this.view.changed());
    if (peer === null) return;
    for (const source of ["camera", "screen"] as const) this.view.tiles.layer(peer, source, "high", "");
  }

  /** What belongs to a way that is not taken any more. */
  private outdated(type: string, data: Record<string, unknown>): boolean {
    return ["pub.answer", "sub.offer", "ice", "layers", "pub.layers"].includes(type) && Number(data["way"] ?? 0) !== this.ways;
  }

  /** Sends a frame about connections, as one of the way they are on. */
  private signal(type: string, data: object, way = this.ways): void {
    this.send(type, way ? { ...data, way } : data);
  }

  private leave(): void {
    this.close();
    this.people = [];
    this.lobby = [];
    this.self = "";
    this.view.tiles.people([], "");
  }

  /** Before the door, at first or again: nothing of the room is left here, and a device that was on for the others is off. */
  private outside(locked: boolean): void {
    if (this.inside) this.devices.stopAll();
    this.inside = false;
    this.leave();
    this.hand = false;
    this.waits = { locked };
    this.view.changed();
  }

  private welcome(data: Record<string, unknown>): void {
    this.close();
    this.waits = null;
    this.inside = true;
    this.viewing.forget();
    this.self = String(data["self"] ?? "");
    this.state(data);
    this.way.use(readIceServers(data["iceServers"]));
    this.seal?.keys.welcome(this.self);
    this.roster(data);
    this.announce();
    if (this.hand) this.send("hand", { up: true });
    this.publish();
  }

  /** What a moderator has just done to this person: the buttons must not say otherwise, and a silenced device is off. */
  private obey(before: Peer, me: Peer): void {
    if (before.hand && !me.hand) this.hand = false;
    for (const source of sources) {
      if (!me.muted.includes(source) || before.muted.includes(source) || !this.devices.on(source)) continue;
      this.devices.stop(source);
      this.view.told(silenced[source]);
    }
    if (before.share === "granted" && me.share !== "granted" && this.devices.on("screen")) {
      this.devices.stop("screen");
      this.view.told(silenced.screen);
    }
  }

  private state(data: Record<string, unknown>): void {
    this.locked = data["locked"] === true;
    this.phase = typeof data["phase"] === "string" ? data["phase"] : "";
    this.roll = data["roll"] === true;
    if ("mode" in data) this.open = data["mode"] === "open";
  }

  private roster(data: Record<string, unknown>): void {
    const before = this.me();
    this.people = readPeople(data);
    const me = this.me();
    this.part = me?.part ?? "participant";
    this.seal?.keys.people(new Map(this.people.map((one) => [one.peer, one])));
    if (me && before) this.obey(before, me);
    this.view.tiles.people(this.people, this.self);
    if (this.pair) this.sub?.judge();
    for (const source of ["camera", "screen"] as const) this.view.tiles.picture(this.self, source, this.devices.track(source));
    this.view.changed();
  }

  private deviceChanged(source: Source, problem?: string): void {
    if (problem) this.view.told(problem);
    if (this.self && source !== "mic") this.view.tiles.picture(this.self, source, this.devices.track(source));
    this.announce();
    this.publish();
    this.view.changed();
  }

  private announce(): void {
    if (this.self) this.send("media", { mic: this.devices.on("mic"), camera: this.devices.on("camera"), screen: this.devices.on("screen") });
  }

  /** Nobody publishes before something is switched on for the first time: joining needs no device and asks for none. */
  private publish(): void {
    if (!this.seal || !this.self || (!this.pub && !sources.some((source) => this.devices.on(source)))) return;
    this.pub ??= new Publisher(this.way, this.sender("pub"), this.seal.media, (source) => this.unsealed(source), (why) => this.failed("pub", why));
    for (const source of sources) this.pub.carry(source, this.devices.track(source));
  }

  private subscribe(gen: number, sdp: string, tracks: unknown): void {
    if (!this.seal) return;
    const plays = (one: Carried) => this.pair?.plays(one, this.people) ?? true;
    const failed = (why: Failure) => this.failed("sub", why);
    this.sub ??= new Subscriber(this.way, this.sender("sub"), this.view.tiles, this.self, this.seal.media, ++this.subs, failed, plays);
    if (this.pair) this.viewing.forget(); // the other sends something new, and does not know yet what is wanted of it
    this.sub.offered(gen, this.pair ? tidy(sdp) : sdp, readTracks(tracks));
  }

  /** What is not sealed does not leave this machine any longer. */
  private unsealed(source: Source): void {
    this.devices.stop(source);
    this.view.told(`${the[source]} ist aus: Der Browser hat die Verschlüsselung umgangen. Bitte laden Sie die Seite neu oder nehmen Sie einen anderen Browser.`);
  }

  private refused(data: Record<string, unknown>): void {
    const source = sources.find((one) => one === data["source"]);
    if (source && data["reason"] === "plaintext") this.unsealed(source);
  }

  private failed(side: Side, why: Failure): void {
    if (this.pair) return this.pair.fail();
    if (why === "no way") this.way.failed();
    this.watchdog.failed(side, why);
  }

  /** Whether a source of somebody else ought to play here at the moment. */
  private wants(one: Peer, source: Source): boolean {
    if (!this.seal || this.mode === "text" || (this.mode === "audio" && source !== "mic")) return false;
    return !this.paused.has(`${one.peer}/${source}`);
  }

  /** @param key "peer/source" */
  private mend(key: string, fresh: boolean): void {
    const at = key.lastIndexOf("/");
    if (!this.pair) this.signal("track.mend", { peer: key.slice(0, at), source: key.slice(at + 1), fresh });
  }

  private rebuild(side: Side): void {
    if (this.pair) return this.pair.fail();
    this.signal("rebuild", { pc: side });
    if (side === "sub") {
      this.sub?.close();
      this.sub = null;
      return;
    }
    this.pub?.close();
    this.pub = null;
    this.publish();
  }

  private layer(data: Record<string, unknown>): void {
    const { peer, source, state, why } = data;
    if (typeof peer !== "string" || (source !== "mic" && source !== "camera" && source !== "screen")) return;
    if (state !== "high" && state !== "mid" && state !== "low" && state !== "paused") return;
    if (state === "paused") this.paused.add(`${peer}/${source}`);
    else this.paused.delete(`${peer}/${source}`);
    if (source !== "mic") this.view.tiles.layer(peer, source, state, why === "bandwidth" || why === "lastN" || why === "view" ? why : "");
  }

  private thin({ source, active }: Record<string, unknown>): void {
    const known = sources.find((one) => one === source);
    if (known && Array.isArray(active)) this.pub?.thin(known, active.map(Boolean));
  }

  private candidate(data: Record<string, unknown>): void {
    const init = data["cand"];
    if (!isRecord(init)) return;
    (data["pc"] === "pub" ? this.pub : this.sub)?.candidate(init);
  }

  private sender(side: Side): (type: string, data: object) => void {
    const way = this.ways; // a closed connection may have its last word
    return (type, data) => this.signal(type, type === "ice" ? { pc: side, ...data } : data, way);
  }
}

/** Whether the operator lets two people send to each other straight; the page has said what that means. */
export function pairs(): boolean {
  return document.getElementById("live")?.dataset["pair"] !== undefined;
}

function readWaiting(value: unknown): Waiting[] {
  return (Array.isArray(value) ? value.filter(isRecord) : []).map((one) => ({
    id: String(one["id"] ?? ""),
    name: String(one["name"] ?? ""),
    role: String(one["role"] ?? ""),
    guest: one["part"] === "guest",
    known: one["known"] === true,
  }));
}
