// What both peer connections of the room share.

/** How long a connection may be "disconnected" before it is built again; ICE often heals by itself within this time. */
const healing = 4000;

/** What both directions share: a connection, early candidates, one step after the other, and the sign that it has failed. */
export abstract class Connection {
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

/** The fields of RTCStatsReport's entries that are read here. */
export interface Report {
  type: string;
  mid?: string;
  framesDecoded?: number;
  bytesReceived?: number;
  bytesSent?: number;
  srtpCipher?: string;
}

export interface RoomStats {
  /** by peer id: decoded frames of camera and screen together */
  framesDecoded: Record<string, number>;
  /** by peer id: bytes of all media received */
  bytesReceived: Record<string, number>;
  bytesSent: number;
  /** what protects packets between here and the server, by connection */
  srtpCiphers: string[];
}
