// What both peer connections of the room share.

import type { Way } from "./way";

/** How long a connection may be "disconnected" before a new way is looked for: browsers say so only after seconds of silence. */
const healing = 1000;
/** How long a way may take to be found. */
const finding = 8000;
/** How long the server may take to answer that. */
const answering = 4000;

/** Why a connection is given up: no way was found, or the server did not answer, which says nothing about ways. */
export type Failure = "no way" | "no answer";

/**
 * What both directions share: a connection, early candidates, and one negotiation step after the other. It looks for a new way by itself
 * when the one it had is lost, keeping its tracks, and says so when that was in vain.
 */
export abstract class Connection {
  protected readonly pc: RTCPeerConnection;
  private early: RTCIceCandidateInit[] | null = [];
  private steps: Promise<void> = Promise.resolve();
  private timer = 0;
  private unanswered = 0;
  private closed = false;

  constructor(
    private readonly way: Way,
    protected readonly send: (type: string, data: object) => void,
    private readonly failed: (why: Failure) => void,
  ) {
    this.pc = new RTCPeerConnection(way.configuration());
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.send("ice", { cand: candidate.toJSON() });
    };
    this.pc.onconnectionstatechange = () => this.watch();
  }

  candidate(init: RTCIceCandidateInit): void {
    // in step with the descriptions, or one for a new way would be taken for the old one
    this.step(async () => {
      if (this.early) this.early.push(init);
      else await this.add(init);
    });
  }

  /** Whether media could flow. */
  connected(): boolean {
    return this.pc.connectionState === "connected";
  }

  /**
   * How often the server has sent something here on the way that it has chosen: media, reports, checks. Answers do not count, as they come
   * on any way that is asked about. Null where the browser does not count checks.
   */
  async heard(): Promise<number | null> {
    let times: number | null = null;
    for (const { type, requestsReceived, packetsReceived } of (await this.pc.getStats()).values() as Iterable<Report>) {
      if (type !== "candidate-pair" || requestsReceived === undefined) continue;
      times = (times ?? 0) + requestsReceived + (packetsReceived ?? 0);
    }
    return times;
  }

  /** Looks for a new way, keeping tracks and keys (ICE restart). Does nothing while one is being looked for. */
  heal(): void {
    if (this.closed || this.unanswered) return;
    clearTimeout(this.timer);
    this.pc.setConfiguration(this.way.configuration());
    this.restart();
    this.unanswered = setTimeout(() => this.give("no answer"), answering);
    // a browser whose old way still works reports no change of state
    this.timer = setTimeout(() => (this.connected() ? this.settle() : this.give("no way")), finding);
  }

  close(): void {
    this.closed = true;
    this.settle();
    this.pc.onicecandidate = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  /** Has whoever offers this connection offer it with new ICE credentials. */
  protected abstract restart(): void;

  /** Runs a negotiation step after those before it. A step that throws means that the two sides disagree: build again. */
  protected step(work: () => Promise<void>): void {
    this.steps = this.steps.then(async () => {
      if (this.closed) return;
      try {
        await work();
      } catch {
        this.give("no way");
      }
    });
  }

  protected async remote(type: RTCSdpType, sdp: string): Promise<void> {
    clearTimeout(this.unanswered);
    this.unanswered = 0;
    await this.pc.setRemoteDescription({ type, sdp });
    const waiting = this.early ?? [];
    this.early = null;
    for (const init of waiting) await this.add(init);
  }

  /** A candidate that is of no use, such as one for the way before, does no harm. */
  private async add(init: RTCIceCandidateInit): Promise<void> {
    await this.pc.addIceCandidate(init).catch(() => {});
  }

  private watch(): void {
    switch (this.pc.connectionState) {
      case "connected":
        this.settle();
        return;
      case "connecting":
        if (!this.timer) this.timer = setTimeout(() => this.give("no way"), finding);
        return;
      case "disconnected":
        if (!this.timer) this.timer = setTimeout(() => this.heal(), healing);
        return;
      case "failed":
        this.heal();
    }
  }

  private settle(): void {
    clearTimeout(this.timer);
    clearTimeout(this.unanswered);
    this.timer = this.unanswered = 0;
  }

  private give(why: Failure): void {
    if (this.closed) return;
    this.settle();
    this.failed(why);
  }
}

/** The fields of RTCStatsReport's entries that are read here. */
export interface Report {
  type: string;
  mid?: string;
  framesDecoded?: number;
  packetsReceived?: number;
  requestsReceived?: number;
  packetsSent?: number;
  bytesReceived?: number;
  bytesSent?: number;
  srtpCipher?: string;
  selectedCandidatePairId?: string;
  localCandidateId?: string;
  candidateType?: string;
  relayProtocol?: string;
  protocol?: string;
}

/** What packets go over: udp, tcp or relay; null before there is a way. */
export function wayOf(stats: RTCStatsReport): string | null {
  const all = stats as unknown as Map<string, Report>;
  for (const report of all.values()) {
    const pair = all.get(report.selectedCandidatePairId ?? "");
    const local = all.get(pair?.localCandidateId ?? "");
    // a relay behind a router is seen under another address than it knows, and its candidate is called after that
    if (local) return local.candidateType === "relay" || local.relayProtocol ? "relay" : (local.protocol ?? null);
  }
  return null;
}

export interface RoomStats {
  /** by peer id: decoded frames of camera and screen together */
  framesDecoded: Record<string, number>;
  /** by peer id: bytes of all media received */
  bytesReceived: Record<string, number>;
  bytesSent: number;
  /** what protects packets between here and the server, by connection */
  srtpCiphers: string[];
  /** what they go over, by connection: udp, tcp, relay */
  ways: string[];
}
