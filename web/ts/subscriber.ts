// The receiving peer connection, offered by the server.

import { Connection, wayOf, type Failure, type Report, type RoomStats } from "./connection";
import type { Media } from "./e2ee/media";
import { isRecord } from "./protocol";
import type { Tiles } from "./tiles";
import type { Way } from "./way";

export interface Carried {
  peer: string;
  source: "mic" | "camera" | "screen";
}

/** What has come in since the connection began. */
export interface Flow {
  packets: number;
  /** by "peer/source": pictures shown, or packets of sound */
  played: Map<string, number>;
  /** by "peer/source": the m-line it comes in */
  mids: Map<string, string>;
}

/** The receiving side. Each offer says whole what every m-line carries now. Nothing is played that the worker has not opened. */
export class Subscriber extends Connection {
  private carried = new Map<string, Carried>();
  private newest = 0;
  private readonly quiet = new Map<string, number>(); // peer → when it was last heard

  constructor(
    way: Way,
    send: (type: string, data: object) => void,
    private readonly tiles: Tiles,
    private readonly self: string,
    private readonly media: Media,
    private readonly id: number, // among the receiving connections of this page
    failed: (why: Failure) => void,
    private readonly plays: (one: Carried) => boolean,
  ) {
    super(way, send, failed);
    // fires before the answer that lets media flow
    this.pc.ontrack = ({ receiver, transceiver: { mid } }) => {
      if (mid !== null) media.receive(receiver, id, mid);
    };
  }

  offered(gen: number, sdp: string, tracks: Map<string, Carried>): void {
    this.newest = Math.max(this.newest, gen);
    this.step(async () => {
      if (gen < this.newest) return;
      this.media.carried(this.id, tracks);
      await this.remote("offer", sdp);
      await this.pc.setLocalDescription();
      this.send("sub.answer", { gen, sdp: this.pc.localDescription?.sdp ?? "" });
      this.show(tracks);
    });
  }

  /** What may be played has changed. */
  judge(): void {
    this.show(this.carried);
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

  async flow(): Promise<Flow> {
    const all: Flow = { packets: 0, played: new Map(), mids: new Map() };
    for (const report of (await this.pc.getStats()).values() as Iterable<Report>) {
      if (report.type !== "inbound-rtp") continue;
      const packets = report.packetsReceived ?? 0;
      all.packets += packets;
      const one = report.mid ? this.carried.get(report.mid) : undefined;
      if (!one || !report.mid) continue;
      all.played.set(`${one.peer}/${one.source}`, one.source === "mic" ? packets : (report.framesDecoded ?? 0));
      all.mids.set(`${one.peer}/${one.source}`, report.mid);
    }
    return all;
  }

  async addStats(all: RoomStats): Promise<void> {
    const stats = await this.pc.getStats();
    all.ways.push(...[wayOf(stats)].filter((way) => way !== null));
    for (const report of stats.values() as Iterable<Report>) {
      if (report.srtpCipher) all.srtpCiphers.push(report.srtpCipher);
      const peer = report.type === "inbound-rtp" && report.mid ? this.carried.get(report.mid)?.peer : undefined;
      if (!peer) continue;
      all.framesDecoded[peer] = (all.framesDecoded[peer] ?? 0) + (report.framesDecoded ?? 0);
      all.bytesReceived[peer] = (all.bytesReceived[peer] ?? 0) + (report.bytesReceived ?? 0);
    }
  }

  override close(): void {
    this.show(new Map());
    this.media.carried(this.id, new Map());
    super.close();
  }

  protected override restart(): void {
    this.send("ice.restart", { pc: "sub" });
  }

  private show(tracks: Map<string, Carried>): void {
    const still = new Set([...tracks.values()].map((one) => `${one.peer} ${one.source}`));
    for (const gone of this.carried.values()) if (!still.has(`${gone.peer} ${gone.source}`)) this.play(gone, null);
    this.carried = tracks;
    for (const { mid, receiver } of this.pc.getTransceivers()) {
      const one = mid === null ? undefined : tracks.get(mid);
      if (one) this.play(one, this.plays(one) ? receiver.track : null);
    }
  }

  private play({ peer, source }: Carried, track: MediaStreamTrack | null): void {
    if (peer === this.self) return;
    if (source === "mic") this.tiles.sound(peer, track);
    else this.tiles.picture(peer, source, track);
  }
}

export function readTracks(value: unknown): Map<string, Carried> {
  const found = new Map<string, Carried>();
  for (const one of Array.isArray(value) ? value.filter(isRecord) : []) {
    const { mid, peer, source } = one;
    if (typeof mid !== "string" || typeof peer !== "string") continue;
    if (source === "mic" || source === "camera" || source === "screen") found.set(mid, { peer, source });
  }
  return found;
}
