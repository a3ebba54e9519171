// How the connections of the room reach the server: what they may use for that, and the relay as the last resort.

import { isRecord } from "./protocol";

/** This many failures within this time, and only relayed ways are tried; as many again, and all are. */
const patience = 3;
const lately = 90_000;

/** Outlives the connections. Ways are tried in the order of the browser, which prefers UDP, then TCP, then a relay. */
export class Way {
  private servers: RTCIceServer[] = [];
  private failures: number[] = [];
  private relayed = false;
  /** to another page instead of the server, where no relay of ours leads to */
  straight = false;

  /** @param servers in place of those before: their credentials are short-lived */
  use(servers: RTCIceServer[]): void {
    this.servers = servers;
  }

  /** For a connection that begins, or looks for a way anew. */
  configuration(): RTCConfiguration {
    const relayed = !this.straight && this.relayed && this.servers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
    return { iceServers: this.servers, bundlePolicy: "max-bundle", iceTransportPolicy: relayed ? "relay" : "all" };
  }

  /** A connection came to nothing, though the server did answer. */
  failed(): void {
    const now = Date.now();
    this.failures = [...this.failures.filter((then) => now - then < lately), now];
    if (this.failures.length < patience) return;
    this.relayed = !this.relayed;
    this.failures = [];
  }
}

/** The servers of `welcome` and the like; what is none is left out. */
export function readIceServers(value: unknown): RTCIceServer[] {
  const found: RTCIceServer[] = [];
  for (const one of Array.isArray(value) ? value.filter(isRecord) : []) {
    const { urls, username, credential } = one;
    const list = (Array.isArray(urls) ? urls : [urls]).filter((url): url is string => typeof url === "string");
    if (!list.length) continue;
    found.push({ urls: list, ...(typeof username === "string" ? { username } : {}), ...(typeof credential === "string" ? { credential } : {}) });
  }
  return found;
}
