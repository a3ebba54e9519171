// The one socket of the live page: ticket, frames, coming back. Knows nothing of notes or rooms. The wire is described in
// realtime/protocol.md.

/** Why the page may not go on: from the server's `ended` and, of those before the door, `lobby.denied`; `elsewhere` from close code 4409. */
export type Reason = "elsewhere" | (typeof reasons)[number];

const reasons = ["withdrawn", "closed", "cancelled", "rights", "signedout", "kicked", "denied", "locked", "full"] as const;

/** Limits that end a socket which may come back: too many frames from here, or too much waiting for here. */
export type Limit = "flood" | "slow";

const limits: Record<number, Limit> = { 4429: "flood", 4408: "slow" };

export interface Handlers {
  /** The socket is open; nothing has been received yet. */
  open(): void;
  binary(frame: Uint8Array): void;
  text(type: string, data: Record<string, unknown>): void;
  /** The socket is gone; the link tries again by itself. With a limit, that is why the server has closed it. */
  lost(limit: Limit | null): void;
  /** The end: the link has closed itself and will not come back. `withdrawn` also where the consent has run out. */
  ended(reason: Reason): void;
}

const waits = [0, 250, 500, 1000, 2000, 3000];

/** A socket that comes back. It retries for ever, waiting 3 s at most, until the server says that this person has no place here. */
export class Link {
  private socket: WebSocket | null = null;
  private timer = 0;
  private attempt = 0;
  private stopped = false;

  constructor(
    private readonly ticketURL: string,
    private readonly socketURL: string,
    private readonly handlers: Handlers,
  ) {
    addEventListener("online", this.online);
    addEventListener("offline", this.offline);
    void this.connect();
  }

  /** Sends a notes frame; false when there is no open socket. */
  binary(frame: Uint8Array<ArrayBuffer>): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(frame);
    return true;
  }

  /** Sends a room message; false when there is no open socket. */
  text(type: string, data: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ t: type, d: data }));
    return true;
  }

  /** Gives this socket up and takes a new one at once. */
  restart(): void {
    this.drop();
    this.again(0);
  }

  /** Closes for good. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.online);
    removeEventListener("offline", this.offline);
    this.drop();
  }

  private readonly online = () => {
    this.attempt = 0;
    if (!this.socket) this.again(0);
  };
  /** A socket over a network that is gone looks open for a minute; the browser knows earlier. */
  private readonly offline = () => {
    if (this.socket) this.restart();
  };

  private async connect(): Promise<void> {
    let ticket: string;
    try {
      ticket = await this.ticket();
    } catch {
      return this.again(); // no network, or a server that is just starting
    }
    if (this.stopped || this.socket) return;
    const url = new URL(this.socketURL, location.href);
    url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
    url.searchParams.set("ticket", ticket);
    this.listen(new WebSocket(url));
  }

  /** A new ticket. An answer that says "not you" ends the link; everything else throws, and is tried again. */
  private async ticket(): Promise<string> {
    const answer = await fetch(this.ticketURL, {
      method: "POST",
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(8000),
    });
    // a sign-in page instead of a ticket arrives as a redirect
    if (answer.status === 401 || answer.type === "opaqueredirect") this.end("signedout");
    if (answer.status === 403 || answer.status === 404) this.end("rights");
    if (answer.status === 409) this.end("closed");
    if (answer.status === 410) this.end("withdrawn");
    if (!answer.ok) throw new Error(`ticket: ${answer.status}`);
    const body: unknown = await answer.json();
    if (!isRecord(body) || typeof body["ticket"] !== "string") throw new Error("ticket: unexpected answer");
    return body["ticket"];
  }

  private listen(socket: WebSocket): void {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.handlers.open();
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      this.attempt = 0; // only a server that talks has really taken us back
      if (typeof event.data === "string") this.receiveText(event.data);
      else this.handlers.binary(new Uint8Array(event.data));
    };
    socket.onclose = (event) => {
      this.drop(limits[event.code]);
      if (event.code === 4403) this.end("rights");
      else if (event.code === 4409) this.end("elsewhere");
      else this.again(event.code === 4429 ? 1000 : undefined);
    };
  }

  private receiveText(raw: string): void {
    let message: unknown;
    try {
      message = JSON.parse(raw);
    } catch {
      return;
    }
    if (!isRecord(message) || typeof message["t"] !== "string") return;
    const data = isRecord(message["d"]) ? message["d"] : {};
    if (message["t"] === "ended" || message["t"] === "lobby.denied") this.end(asReason(data["reason"]));
    else this.handlers.text(message["t"], data);
  }

  /** Lets go of the socket; tells the handlers if there was one. */
  private drop(limit: Limit | null = null): void {
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.handlers.lost(limit);
  }

  private again(wait?: number): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const base = waits[Math.min(this.attempt++, waits.length - 1)] ?? 3000;
    // after a restart of the server everybody comes at once: spread the later tries
    this.timer = setTimeout(() => void this.connect(), wait ?? base * (0.7 + 0.3 * Math.random()));
  }

  private end(reason: Reason): void {
    if (this.stopped) return;
    this.stop();
    this.handlers.ended(reason);
  }
}

function asReason(value: unknown): Reason {
  return reasons.find((one) => one === value) ?? "rights";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
