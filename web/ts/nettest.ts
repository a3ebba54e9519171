// Tries out before a conference whether, and how, this network lets pictures and sound through: three connections to the server that carry
// nothing, each with one way only. No other server is asked.

import { isRecord } from "./protocol";
import { readIceServers } from "./way";

/** How long a way may take. A network that swallows packets says nothing, so this is how long bad news takes. */
const patience = 6000;

export type Step = "udp" | "tcp" | "turn";

export interface Reach {
  step: Step;
  /** null: there is no such way to be tried */
  ok: boolean | null;
  /** what to tell the person */
  words: string;
}

const found: Record<Step, { yes: string; no: string }> = {
  udp: { yes: "Direkter Weg (UDP): frei.", no: "Direkter Weg (UDP): dieses Netz lässt ihn nicht zu." },
  tcp: { yes: "Ausweichweg (TCP): frei.", no: "Ausweichweg (TCP): dieses Netz lässt ihn nicht zu." },
  turn: { yes: "Umweg über das Relais: frei.", no: "Umweg über das Relais: dieses Netz lässt ihn nicht zu." },
};

/** Tries one way after the other. Throws when the server cannot be asked at all.
 * @param url where offers are answered: the page's data-nettest */
export async function* testNetwork(url: string): AsyncGenerator<Reach> {
  let servers: RTCIceServer[] = [];
  for (const step of ["udp", "tcp", "turn"] as const) {
    if (step === "turn" && !servers.length) {
      yield { step, ok: null, words: "Ein Relais ist hier nicht eingerichtet." };
      return;
    }
    const pc = new RTCPeerConnection(step === "turn" ? { iceServers: servers, iceTransportPolicy: "relay" } : {});
    try {
      const asked = await ask(pc, url);
      servers = asked.servers;
      const ok = await connects(pc, step === "turn" ? asked.sdp : only(asked.sdp, step));
      yield { step, ok, words: found[step][ok ? "yes" : "no"] };
    } finally {
      pc.close();
    }
  }
}

/** What the steps mean together, in one sentence. */
export function verdict(all: Reach[]): string {
  const way = all.find(({ ok }) => ok)?.step;
  if (way === "udp") return "Das Netz ist gut: Bild und Ton nehmen den direkten Weg.";
  if (way) return "Es geht: Bild und Ton nehmen einen Umweg. Bilder können dabei etwas stocken.";
  return "Bild und Ton kommen von hier aus nicht durch. Oft hilft ein anderes Netz, zum Beispiel das des Telefons.";
}

/** Offers to listen, and gets the server's answer with all its addresses. */
async function ask(pc: RTCPeerConnection, url: string): Promise<{ sdp: string; servers: RTCIceServer[] }> {
  pc.addTransceiver("audio", { direction: "recvonly" });
  await pc.setLocalDescription();
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ sdp: pc.localDescription?.sdp ?? "" }),
    redirect: "error",
    signal: AbortSignal.timeout(patience),
  });
  if (!answer.ok) throw new Error(`network test: ${answer.status}`);
  const body: unknown = await answer.json();
  if (!isRecord(body) || typeof body["sdp"] !== "string") throw new Error("network test: unexpected answer");
  return { sdp: body["sdp"], servers: readIceServers(body["iceServers"]) };
}

/** Leaves out every address that is not reached over this protocol. */
function only(sdp: string, protocol: "udp" | "tcp"): string {
  const lines = sdp.split("\r\n");
  return lines.filter((line) => !line.startsWith("a=candidate:") || line.split(" ")[2]?.toLowerCase() === protocol).join("\r\n");
}

async function connects(pc: RTCPeerConnection, sdp: string): Promise<boolean> {
  const settled = new Promise<boolean>((done) => {
    setTimeout(() => done(false), patience);
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "connected") done(true);
      else if (pc.connectionState === "failed") done(false);
    };
  });
  await pc.setRemoteDescription({ type: "answer", sdp });
  return settled;
}
