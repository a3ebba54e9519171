// The sending peer connection, offered here.

import { Connection, wayOf, type Failure, type Report, type RoomStats } from "./connection";
import type { Source } from "./devices";
import type { Media } from "./e2ee/media";
import { encoded, leaks } from "./e2ee/proof";
import type { Way } from "./way";

/** Pictures on which no later one rests may be lost without harm. In lib.dom it is missing; a browser that does not know it goes without. */
const layered: object = { scalabilityMode: "L1T3" };

/** A camera in three sizes, so that everybody gets what fits the place it has there; names and order are the server's. */
const encodings: Record<Source, RTCRtpEncodingParameters[]> = {
  mic: [{ maxBitrate: 48_000, priority: "high", networkPriority: "high" }],
  camera: [
    { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 450_000 },
    { rid: "h", maxBitrate: 1_400_000 },
  ],
  screen: [{ maxBitrate: 1_200_000, maxFramerate: 15, ...layered }],
};

/** For another page, which cannot choose among sizes. */
const single: Record<Source, RTCRtpEncodingParameters[]> = { ...encodings, camera: [{ maxBitrate: 1_400_000 }] };

/**
 * The sending side. A source gets its transceiver when it is first switched on; off and on again needs no negotiation. No sender has a track
 * before the worker that seals its frames holds it.
 */
export class Publisher extends Connection {
  private readonly carried = new Map<Source, RTCRtpTransceiver>();
  private readonly wanted = new Map<Source, MediaStreamTrack | null>();
  private readonly lanes = new Map<Source, number>(); // of those whose frames are sealed
  private readonly encodings: typeof encodings;
  private gen = 0;
  private waiting = false; // an offer is out
  private again = false; // and is already outdated

  /** @param unsealed called when this source's frames cannot be sealed, or pass by the worker: it must be stopped */
  constructor(
    way: Way,
    send: (type: string, data: object) => void,
    private readonly media: Media,
    private readonly unsealed: (source: Source) => void,
    failed: (why: Failure) => void,
  ) {
    super(way, send, failed);
    this.encodings = way.straight ? single : encodings;
  }

  carry(source: Source, track: MediaStreamTrack | null): void {
    this.wanted.set(source, track);
    if (this.carried.has(source)) return this.feed(source);
    if (!track) return;
    const transceiver = this.pc.addTransceiver(track.kind, { direction: "sendonly", sendEncodings: this.encodings[source] });
    prefer(transceiver, source);
    this.carried.set(source, transceiver);
    this.media.send(transceiver.sender, source).then(
      (lane) => {
        this.lanes.set(source, lane);
        this.feed(source);
      },
      () => this.gone() || this.unsealed(source),
    );
    this.negotiate();
  }

  /** Gives a sealed sender its track, and watches that what it sends does pass the worker. */
  private feed(source: Source): void {
    const sender = this.carried.get(source)?.sender;
    const lane = this.lanes.get(source);
    const track = this.wanted.get(source) ?? null;
    if (!sender || lane === undefined || sender.track === track || this.gone()) return;
    sender.replaceTrack(track).catch(reportError);
    if (track) void this.prove(source, sender, lane);
  }

  private async prove(source: Source, sender: RTCRtpSender, lane: number): Promise<void> {
    if (!(await leaks(sender, () => this.media.passed(lane))) || this.gone()) return;
    sender.replaceTrack(null).catch(reportError);
    this.unsealed(source);
  }

  /** For each source that is on: frames that left the encoder, and frames that the worker saw. */
  async passes(): Promise<{ source: Source; encoded: number; passed: number }[]> {
    const on = [...this.lanes].filter(([source]) => this.wanted.get(source));
    return Promise.all(
      on.map(async ([source, lane]) => {
        const sender = this.carried.get(source)?.sender;
        return { source, encoded: sender ? await encoded(sender) : 0, passed: (await this.media.passed(lane)) ?? 0 };
      }),
    );
  }

  private gone(): boolean {
    return this.pc.signalingState === "closed";
  }

  /** Sends of a source only the layers somebody sees, the smallest first; a source in one stream is on or off. */
  thin(source: Source, active: boolean[]): void {
    this.step(async () => {
      const sender = this.carried.get(source)?.sender;
      const parameters = sender?.getParameters();
      if (!sender || !parameters?.encodings.length) return;
      parameters.encodings.forEach((encoding, at) => (encoding.active = active[at] ?? true));
      await sender.setParameters(parameters).catch(reportError);
    });
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

  protected override restart(): void {
    this.pc.restartIce();
    this.negotiate();
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

  /** How many packets have left here, of all sources together. */
  async sent(): Promise<number> {
    let packets = 0;
    for (const report of (await this.pc.getStats()).values() as Iterable<Report>) {
      if (report.type === "outbound-rtp") packets += report.packetsSent ?? 0;
    }
    return packets;
  }

  async addStats(all: RoomStats): Promise<void> {
    const stats = await this.pc.getStats();
    all.ways.push(...[wayOf(stats)].filter((way) => way !== null));
    for (const report of stats.values() as Iterable<Report>) {
      if (report.type === "outbound-rtp") all.bytesSent += report.bytesSent ?? 0;
      if (report.srtpCipher) all.srtpCiphers.push(report.srtpCipher);
    }
  }
}

/**
 * Only what can be sealed: not every format survives with its content hidden from the packets' maker. Of these VP9 keeps writing sharp at
 * half the bits, and VP8 comes in several sizes.
 */
function prefer(transceiver: RTCRtpTransceiver, source: Source): void {
  const usable = /^(audio\/opus|video\/(vp8|vp9|rtx))$/i;
  const codecs = RTCRtpSender.getCapabilities(source === "mic" ? "audio" : "video")?.codecs.filter(({ mimeType }) => usable.test(mimeType));
  const first = ({ mimeType, sdpFmtpLine }: RTCRtpCodec) => /vp9/i.test(mimeType) && !/profile-id=[1-9]/.test(sdpFmtpLine ?? "");
  if (source === "screen") codecs?.sort((a, b) => Number(first(b)) - Number(first(a)));
  // a browser that cannot be told offers what it has, of which the server takes these only
  if (codecs?.length && "setCodecPreferences" in transceiver) transceiver.setCodecPreferences(codecs);
}
