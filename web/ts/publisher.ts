// The sending peer connection, offered here.

import { Connection, type Report, type RoomStats } from "./connection";
import type { Source } from "./devices";

/** The sending side. A source gets its transceiver when it is first switched on; off and on again needs no negotiation. */
export class Publisher extends Connection {
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
    const encoding = { maxBitrate: { mic: 48_000, camera: 800_000, screen: 1_200_000 }[source] };
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
