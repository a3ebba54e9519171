// What one can try out before anybody else hears or sees it: how loud a microphone is, and whether the speaker works.

/**
 * Tells ten times a second how loud a track is, from 0 to 1, until the returned function is called or the track ends.
 * Needs a click on the page before, or browsers keep the meter at 0.
 */
export function meter(track: MediaStreamTrack, level: (loud: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const wave = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(wave);
    const power = wave.reduce((sum, one) => sum + one * one, 0) / wave.length;
    // speech lies between -50 and -10 dB of full scale: that is the whole bar
    level(Math.max(0, Math.min(1, (10 * Math.log10(power + 1e-9) + 50) / 40)));
  }, 100);
  return () => {
    clearInterval(timer);
    context.close().catch(reportError);
    level(0);
  };
}

/** Plays a soft rising tone; resolves when it is over. Must be called from a click. */
export async function tone(): Promise<void> {
  const context = new AudioContext();
  const loud = context.createGain();
  const voice = context.createOscillator();
  const begin = context.currentTime;
  voice.frequency.setValueAtTime(330, begin);
  voice.frequency.linearRampToValueAtTime(440, begin + 0.9);
  // a tone that begins or ends at once clicks
  loud.gain.setValueAtTime(0, begin);
  loud.gain.linearRampToValueAtTime(0.25, begin + 0.1);
  loud.gain.linearRampToValueAtTime(0, begin + 0.9);
  voice.connect(loud).connect(context.destination);
  const over = new Promise<void>((done) => (voice.onended = () => done()));
  voice.start(begin);
  voice.stop(begin + 0.9);
  await over;
  await context.close();
}
