// The video room: two peer connections, one that only sends (offered here) and one that only receives (offered by the server), so that
// offers never cross. Whatever fails is built again from nothing. There is no recording: nothing here or on the server keeps a frame.

import { Devices, type Source } from "./devices";
import { readPeople, type Peer } from "./people";
import { isRecord } from "./protocol";
import type { Tiles } from "./tiles";

type Side = "pub" | "sub";

export interface RoomStats {
  /** by peer id: decoded frames of camera and screen together */
  framesDecoded: Record<string, number>;
  /** by peer id: bytes of all media received */
  bytesReceived: Record<string, number>;
  bytesSent: number;
}

export interface RoomView {
  tiles: Tiles;
  /** own devices or the roster changed: redraw buttons and count */
  changed(): void;
  /** a sentence for the person */
  told(sentence: string): void;
}

interface Carried {
  peer: string;
  source: "mic" | "camera" | "screen";
}

/** How long a connection may be "disconnected" before it is built again; ICE often heals by itself within this time. */
const healing = 4000;

/** Lives as long as the live page. `welcome` starts it on each new socket, `lost` stops its connections but keeps the devices. */
export class Room {
  readonly devices: Devices;
  people: Peer[] = [];
  self = "";
  hand = false;

  private ice: RTCIceServer[] = [];
  private pub: Publisher | null = null;
  private sub: Subscriber | null = null;
  private readonly ear: number;

  constructor(
    private readonly send: (type: string, data: object) => boolean,
    private readonly view: RoomView,
  ) {
    this.devices = new Devices((source, problem) => this.deviceChanged(source, problem));
    this.ear = setInterval(() => this.sub?.listen(), 250);
  }

  /** Handles a text frame; false when it is not about the room. */
  receive(type: string, data: Record<string, unknown>): boolean {
    switch (type) {
      case "welcome":
        this.welcome(data);
        return true;
      case "people":
        this.roster(data);
        return true;
      case "pub.answer":
        this.pub?.answered(Number(data["gen"]), String(data["sdp"]));
        return true;
      case "sub.offer":
        this.sub ??= new Subscriber(this.ice, this.sender("sub"), this.view.tiles, this.self, () => this.rebuild("sub"));
        this.sub.offered(Number(data["gen"]), String(data["sdp"]), readTracks(data["tracks"]));
        return true;
      case "ice":
        this.candidate(data);
        return true;
    }
    return false;
  }

  /** Switches a device; the buttons follow by `changed`. */
  async toggle(source: Source): Promise<void> {
    if (this.devices.on(source)) return this.devices.stop(source);
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
    this.close();
    this.people = [];
    this.view.tiles.people([], "");
    this.view.changed();
  }

  destroy(): void {
    clearInterval(this.ear);
    this.devices.stopAll();
    this.close();
    this.view.tiles.clear();
  }

  async stats(): Promise<RoomStats> {
    const all: RoomStats = { framesDecoded: {}, bytesReceived: {}, bytesSent: 0 };
    await this.sub?.addStats(all);
    await this.pub?.addStats(all);
    return all;
  }

  private close(): void {
    this.pub?.close();
    this.sub?.close();
    this.pub = this.sub = null;
  }

  private welcome(data: Record<string, unknown>): void {
    this.close();
    this.self = String(data["self"] ?? "");
    this.ice = readIceServers(data["iceServers"]);
    this.roster(data);
    this.announce();
    if (this.hand) this.send("hand", { up: true });
    this.publish();
  }

  private roster(data: Record<string, unknown>): void {
    this.people = readPeople(data);
    this.view.tiles.people(this.people, this.self);
    this.view.tiles.picture(this.self, "camera", this.devices.track("camera"));
    this.view.changed();
  }

  private deviceChanged(source: Source, problem?: string): void {
    if (problem) this.view.told(problem);
    if (this.self && source === "camera") this.view.tiles.picture(this.self, "camera", this.devices.track("camera"));
    this.announce();
    this.publish();
    this.view.changed();
  }

  private announce(): void {
    if (this.self) this.send("media", { mic: this.devices.on("mic"), camera: this.devices.on("camera"), screen: false });
  }

  /** Nobody publishes before something is switched on for the first time: joining needs no device and asks for none. */
  private publish(): void {
    if (!this.self || (!this.pub && !this.devices.on("mic") && !this.devices.on("camera"))) return;
    this.pub ??= new Publisher(this.ice, this.sender("pub"), () => this.rebuild("pub"));
    this.pub.carry("mic", this.devices.track("mic"));
    this.pub.carry("camera", this.devices.track("camera"));
  }

  private rebuild(side: Side): void {
    this.send("rebuild", { pc: side });
    if (side === "sub") {
      this.sub?.close();
      this.sub = null;
      return;
    }
    this.pub?.close();
    this.pub = null;
    this.publish();
  }

  private candidate(data: Record<string, unknown>): void {
    const init = data["cand"];
    if (!isRecord(init)) return;
    (data["pc"] === "pub" ? this.pub : this.sub)?.candidate(init);
  }

  private sender(side: Side): (type: string, data: object) => void {
    return (type, data) => void this.send(type, type === "ice" ? { pc: side, ...data } : data);
  }
}

/** What both directions share: a connection, early candidates, one step after the other, and the sign that it has failed. */
abstract class Connection {
  protected readonly pc: RTCPeerConnection;
  private early: RTCIceCandidateInit[] | null = [];
  private steps: Promise<void> = Promise.resolve();
  private timer = 0;
  private closed = false;

  constructor(
    iceServers: RTCIceServer[],
    protected readonly send: (type: string, data: object) => void,
    private readonly failed: () => void,
  ) {
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.send("ice", { cand: candidate.toJSON() });
    };
    this.pc.onconnectionstatechange = () => this.watch();
  }

  candidate(init: RTCIceCandidateInit): void {
    if (this.early) this.early.push(init);
    else this.pc.addIceCandidate(init).catch(reportError);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.pc.onicecandidate = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  /** Runs a negotiation step after those before it. A step that throws means that the two sides disagree: build again. */
  protected step(work: () => Promise<void>): void {
    this.steps = this.steps.then(async () => {
      if (this.closed) return;
      try {
        await work();
      } catch {
        if (!this.closed) this.failed();
      }
    });
  }

  protected async remote(type: RTCSdpType, sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type, sdp });
    const waiting = this.early ?? [];
    this.early = null;
    for (const init of waiting) this.pc.addIceCandidate(init).catch(reportError);
  }

  private watch(): void {
    clearTimeout(this.timer);
    const state = this.pc.connectionState;
    if (state === "failed") this.failed();
    else if (state === "disconnected") this.timer = setTimeout(() => this.failed(), healing);
  }
}

/** The sending side. A source gets its transceiver when it is first switched on; off and on again needs no negotiation. */
class Publisher extends Connection {
  private readonly carried = new Map<Source, RTCRtpTransceiver>();
  private gen = 0;
  private waiting = false; // an offer is out
  private again = false; // and is already outdated

  carry(source: Source, track: MediaStreamTrack | null): void {
    const known = this.carried.get(source);
    if (known) {
      if (known.sender.track !== track) known.sender.replaceTrack(track).catch(reportError);
      return;
    }
    if (!track) return;
    const encoding = source === "camera" ? { maxBitrate: 800_000 } : { maxBitrate: 48_000 };
    this.carried.set(source, this.pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [encoding] }));
    this.negotiate();
  }

  answered(gen: number, sdp: string): void {
    this.step(async () => {
      if (gen !== this.gen || !this.waiting) return;
      this.waiting = false;
      await this.remote("answer", sdp);
      if (!this.again) return;
      this.again = false;
      this.negotiate();
    });
  }

  private negotiate(): void {
    this.step(async () => {
      if (this.waiting) {
        this.again = true;
        return;
      }
      this.waiting = true;
      this.gen++;
      await this.pc.setLocalDescription();
      const tracks = [...this.carried].map(([source, transceiver]) => ({ mid: transceiver.mid, source })).filter((one) => one.mid !== null);
      this.send("pub.offer", { gen: this.gen, sdp: this.pc.localDescription?.sdp ?? "", tracks });
    });
  }

  async addStats(all: RoomStats): Promise<void> {
    for (const report of (await this.pc.getStats()).values() as Iterable<Report>) {
      if (report.type === "outbound-rtp") all.bytesSent += report.bytesSent ?? 0;
    }
  }
}

/** The receiving side. Each offer says whole what every m-line carries now. */
class Subscriber extends Connection {
  private carried = new Map<string, Carried>();
  private newest = 0;
  private readonly quiet = new Map<string, number>(); // peer → when it was last heard

  constructor(
    iceServers: RTCIceServer[],
    send: (type: string, data: object) => void,
    private readonly tiles: Tiles,
    private readonly self: string,
    failed: () => void,
  ) {
    super(iceServers, send, failed);
  }

  offered(gen: number, sdp: string, tracks: Map<string, Carried>): void {
    this.newest = Math.max(this.newest, gen);
    this.step(async () => {
      if (gen < this.newest) return;
      await this.remote("offer", sdp);
      await this.pc.setLocalDescription();
      this.send("sub.answer", { gen, sdp: this.pc.localDescription?.sdp ?? "" });
      this.show(tracks);
    });
  }

  /** Marks who is speaking, from the level that travels with the sound. */
  listen(): void {
    const now = Date.now();
    for (const { mid, receiver } of this.pc.getTransceivers()) {
      const one = mid === null ? undefined : this.carried.get(mid);
      if (one?.source !== "mic") continue;
      const level = Math.max(0, ...receiver.getSynchronizationSources().map((source) => source.audioLevel ?? 0));
      if (level > 0.02) this.quiet.set(one.peer, now);
      this.tiles.speaks(one.peer, now - (this.quiet.get(one.peer) ?? 0) < 700);
    }
  }

  async addStats(all: RoomStats): Promise<void> {
    for (const report of (await this.pc.getStats()).values() as Iterable<Report>) {
      const peer = report.type === "inbound-rtp" && report.mid ? this.carried.get(report.mid)?.peer : undefined;
      if (!peer) continue;
      all.framesDecoded[peer] = (all.framesDecoded[peer] ?? 0) + (report.framesDecoded ?? 0);
      all.bytesReceived[peer] = (all.bytesReceived[peer] ?? 0) + (report.bytesReceived ?? 0);
    }
  }

  override close(): void {
    this.show(new Map());
    super.close();
  }

  private show(tracks: Map<string, Carried>): void {
    const still = new Set([...tracks.values()].map((one) => `${one.peer} ${one.source}`));
    for (const gone of this.carried.values()) if (!still.has(`${gone.peer} ${gone.source}`)) this.play(gone, null);
    this.carried = tracks;
    for (const { mid, receiver } of this.pc.getTransceivers()) {
      const one = mid === null ? undefined : tracks.get(mid);
      if (one) this.play(one, receiver.track);
    }
  }

  private play({ peer, source }: Carried, track: MediaStreamTrack | null): void {
    if (peer === this.self) return;
    if (source === "mic") this.tiles.sound(peer, track);
    else this.tiles.picture(peer, source, track);
  }
}

/** The fields of RTCStatsReport's entries that are read here. */
interface Report {
  type: string;
  mid?: string;
  framesDecoded?: number;
  bytesReceived?: number;
  bytesSent?: number;
}

function readTracks(value: unknown): Map<string, Carried> {
  const found = new Map<string, Carried>();
  for (const one of Array.isArray(value) ? value.filter(isRecord) : []) {
    const { mid, peer, source } = one;
    if (typeof mid !== "string" || typeof peer !== "string") continue;
    if (source === "mic" || source === "camera" || source === "screen") found.set(mid, { peer, source });
  }
  return found;
}

function readIceServers(value: unknown): RTCIceServer[] {
  const found: RTCIceServer[] = [];
  for (const one of Array.isArray(value) ? value.filter(isRecord) : []) {
    const { urls, username, credential } = one;
    const list = (Array.isArray(urls) ? urls : [urls]).filter((url): url is string => typeof url === "string");
    if (!list.length) continue;
    found.push({ urls: list, ...(typeof username === "string" ? { username } : {}), ...(typeof credential === "string" ? { credential } : {}) });
  }
  return found;
}
