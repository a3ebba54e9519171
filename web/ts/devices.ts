// Microphone, camera and screen of this machine: switched on and off by the person alone, and a plain sentence when that does not work. Off
// means that the device itself is let go, so that its light goes out.

export type Source = "mic" | "camera" | "screen";

const wanted: Record<"mic" | "camera", MediaStreamConstraints> = {
  mic: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  camera: { video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } } },
};

const names: Record<"mic" | "camera", { the: string; no: string }> = {
  mic: { the: "das Mikrofon", no: "kein Mikrofon" },
  camera: { the: "die Kamera", no: "keine Kamera" },
};

export class Devices {
  private readonly tracks = new Map<Source, MediaStreamTrack>();
  private readonly asking = new Set<Source>(); // while the browser asks the person

  /** @param changed called with the source whose track came or went, and a sentence when it went by itself */
  constructor(private readonly changed: (source: Source, problem?: string) => void) {}

  track(source: Source): MediaStreamTrack | null {
    return this.tracks.get(source) ?? null;
  }

  on(source: Source): boolean {
    return this.tracks.has(source);
  }

  /** Asks the browser for the device. Resolves to a sentence for the person when there is none to be had. */
  async start(source: Source): Promise<string | null> {
    if (this.on(source) || this.asking.has(source)) return null;
    if (!navigator.mediaDevices) {
      if (source === "screen") return "Der Browser kann den Bildschirm nur über eine gesicherte Verbindung (https) teilen.";
      return `Der Browser gibt ${names[source].the} nur über eine gesicherte Verbindung (https) frei. ${comfort}`;
    }
    this.asking.add(source);
    try {
      const stream = await (source === "screen" ? screen() : navigator.mediaDevices.getUserMedia(wanted[source]));
      const track = stream.getTracks()[0];
      if (!track) return source === "screen" ? null : explain(source, "NotFoundError");
      this.adopt(source, track);
      return null;
    } catch (error) {
      if (source === "screen") return refused(error);
      return explain(source, error instanceof DOMException ? error.name : "");
    } finally {
      this.asking.delete(source);
    }
  }

  stop(source: Source): void {
    const track = this.tracks.get(source);
    if (!track) return;
    track.onended = null;
    track.stop();
    this.tracks.delete(source);
    this.changed(source);
  }

  stopAll(): void {
    this.stop("mic");
    this.stop("camera");
    this.stop("screen");
  }

  private adopt(source: Source, track: MediaStreamTrack): void {
    track.onended = () => {
      this.tracks.delete(source);
      // the browser has its own button to stop sharing; whoever used that knows
      if (source === "screen") this.changed(source);
      else this.changed(source, `${capital(names[source].the)} wurde getrennt. ${comfort}`);
    };
    this.tracks.set(source, track);
    this.changed(source);
  }
}

/** Text and tables, few pictures a second and no sound. */
async function screen(): Promise<MediaStream> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
  for (const track of stream.getVideoTracks()) track.contentHint = "detail";
  return stream;
}

/** Whoever closes the browser's choice of a screen has changed her mind and needs no sentence. */
function refused(error: unknown): string | null {
  if (error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError")) return null;
  return "Dieser Browser kann den Bildschirm nicht teilen.";
}

const comfort = "Zuhören, zusehen und mitschreiben können Sie auch so.";

function explain(source: "mic" | "camera", error: string): string {
  const { the, no } = names[source];
  switch (error) {
    case "NotAllowedError":
    case "SecurityError":
      return `Der Browser hat keine Erlaubnis für ${the}. Sie können sie links in der Adresszeile erteilen und es dann noch einmal versuchen. ${comfort}`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `An diesem Gerät wurde ${no} gefunden. ${comfort}`;
    case "NotReadableError":
    case "AbortError":
      return `${capital(the)} wird gerade von einem anderen Programm benutzt. ${comfort}`;
  }
  return `${capital(the)} lässt sich nicht einschalten. ${comfort}`;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
