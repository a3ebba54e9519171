// The check that what leaves the encoder does pass the worker. Browsers have let frames by before; then sending stops here, and the server
// refuses what has no seal.

interface OutboundReport {
  type: string;
  framesEncoded?: number;
  packetsSent?: number;
}

/** How long frames are watched, once and at most as often as follows: fewer than a few prove nothing. */
const span = 2000;
const spans = 10;
const few = 10;
/** How long frames on their way between encoder and worker are waited for, step by step: on a busy machine the worker lags behind. */
const waits = [0, 500, 1000, 2000, 4000];

/**
 * Watches a sender that has just begun. True: it sends frames that the worker has not seen.
 * @param passed how many frames the worker has seen so far, null when it does not say
 */
export async function leaks(sender: RTCRtpSender, passed: () => Promise<number | null>): Promise<boolean> {
  const seenBefore = (await passed()) ?? 0;
  const encodedBefore = await encoded(sender);
  let left = 0;
  for (let n = 0; n < spans && left < few; n++) {
    await sleep(span);
    left = (await encoded(sender)) - encodedBefore;
  }
  if (left < few) return false;
  for (const wait of waits) {
    await sleep(wait);
    if (((await passed()) ?? 0) - seenBefore >= 0.8 * left) return false;
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
