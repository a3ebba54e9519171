// The check that what leaves the encoder does pass the worker. Browsers have let frames by before; then sending stops here, and the server
// refuses what has no seal.

interface OutboundReport {
  type: string;
  framesEncoded?: number;
  packetsSent?: number;
}

/** How long frames are watched. */
const span = 2000;
/** Fewer frames than this prove nothing. */
const few = 10;

/**
 * Watches a sender that has just begun. True: it sends frames that the worker has not seen. Frames on their way between the two are waited
 * for.
 * @param passed how many frames the worker has seen so far
 */
export async function leaks(sender: RTCRtpSender, passed: () => Promise<number>): Promise<boolean> {
  const seenBefore = await passed();
  const encodedBefore = await encoded(sender);
  await sleep(span);
  const left = (await encoded(sender)) - encodedBefore;
  if (left < few) return false;
  for (const wait of [0, 500, 1000]) {
    await sleep(wait);
    if ((await passed()) - seenBefore >= 0.8 * left) return false;
  }
  return true;
}

/** Frames of a picture over all layers; of sound, packets, which are as many. */
export async function encoded(sender: RTCRtpSender): Promise<number> {
  let sum = 0;
  for (const report of (await sender.getStats()).values() as Iterable<OutboundReport>) {
    if (report.type === "outbound-rtp") sum += report.framesEncoded ?? report.packetsSent ?? 0;
  }
  return sum;
}

function sleep(wait: number): Promise<void> {
  return new Promise((done) => setTimeout(done, wait));
}
