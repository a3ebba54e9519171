// Microphone and camera of this machine: switched on and off by the person alone, and a plain sentence when that does not work. Off means
// that the device itself is let go, so that its light goes out.

export type Source = "mic" | "camera";

const wanted: Record<Source, MediaStreamConstraints> = {
  mic: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  camera: { video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24, max: 30 } } },
};

const names: Record<Source, { the: string; no: string }> = {
  mic: { the: "das Mikrofon", no: "kein Mikrofon" },
  camera: { the: "die Kamera", no: "keine Kamera" },
};

export class Devices {
  private readonly tracks = new Map<Source, MediaStreamTrack>();

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
    if (this.on(source)) return null;
    if (!navigator.mediaDevices) {
      return `Der Browser gibt ${names[source].the} nur über eine gesicherte Verbindung (https) frei. ${comfort}`;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted[source]);
      const track = stream.getTracks()[0];
      if (!track) return explain(source, "NotFoundError");
      this.adopt(source, track);
      return null;
    } catch (error) {
      return explain(source, error instanceof DOMException ? error.name : "");
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
  }

  private adopt(source: Source, track: MediaStreamTrack): void {
    track.onended = () => {
      this.tracks.delete(source);
      this.changed(source, `${capital(names[source].the)} wurde getrennt. ${comfort}`);
    };
    this.tracks.set(source, track);
    this.changed(source);
  }
}

const comfort = "Zuhören, zusehen und mitschreiben können Sie auch so.";

function explain(source: Source, error: string): string {
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
