// The secrets in guests' links. A link's secret stands behind its "#", which browsers send to nobody; it is drawn in the browser of whoever
// invites, and kept there. Who shows in the room that she holds it has the link from that person, if it was handed over outside of konsil.

import { isRecord } from "../protocol";
import type { Links } from "./keys";
import { decode, encode, random } from "./notice";

const prefix = "konsil-link/";
const length = 16;
/** Links end with their conference; what is older than this vouches for nobody any more. */
const keep = 180 * 24 * 60 * 60 * 1000;

/** Draws a secret for a guest's link and remembers it in this browser; the link is followed by "#" and what this returns. */
export function drawSecret(conference: string): string {
  forgetSecrets(Date.now() - keep);
  const secret = encode(random(length));
  const all = [secret, ...stored(conference)].slice(0, 50);
  try {
    localStorage.setItem(prefix + conference, JSON.stringify({ at: Date.now(), all }));
  } catch {
    // then this browser cannot vouch for the guest; the code can still be compared
  }
  return secret;
}

/** The secrets that count here: a guest's own from the address, or those of the links that this browser drew. */
export function linkSecrets(conference: string, guest: boolean): Promise<Links> {
  const own = /^#([\w-]{22})$/.exec(location.hash)?.[1];
  if (guest) return Promise.resolve({ role: own ? "guest" : "none", secrets: own ? [decode(own)] : [] });
  const secrets = stored(conference).flatMap((one) => (/^[\w-]{22}$/.test(one) ? [decode(one)] : []));
  return Promise.resolve({ role: secrets.length ? "host" : "none", secrets });
}

function stored(conference: string): string[] {
  const all = read(prefix + conference)?.["all"];
  return Array.isArray(all) ? all.filter((one): one is string => typeof one === "string") : [];
}

/**
 * Forgets the secrets of links that this browser drew: it vouches for their guests no more.
 * @param since only those that were last drawn by this time are forgotten; default all
 */
export function forgetSecrets(since = Infinity): void {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(prefix) && !(Number(read(name)?.["at"]) > since)) localStorage.removeItem(name);
    }
  } catch {
    // a browser that keeps nothing has nothing to forget
  }
}

function read(name: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}
