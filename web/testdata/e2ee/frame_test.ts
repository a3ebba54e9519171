import { clearLength, frameKey, importSecret, open, overhead, seal, tailOf, Window, type Bytes } from "../../ts/e2ee/frame";
import { check, expect, hex, rejects } from "./check";

const origin = { peer: "00112233aabbccdd", source: "camera" };
const secret = () => importSecret(Uint8Array.from({ length: 32 }, (_, at) => at));
const picture: Bytes = Uint8Array.from({ length: 100 }, (_, at) => (at * 7) & 0xff);

async function sealed(counter = 2 ** 32 + 5, clear = 3): Promise<Bytes> {
  return seal(await frameKey(await secret(), 258, "camera"), counter, origin, clear, picture);
}

check("a frame as another implementation seals it", async () => {
  console.log(JSON.stringify({ vector: hex(await sealed()) }));
});

check("a sealed frame opens to what it was, and is 28 bytes longer", async () => {
  const key = await frameKey(await secret(), 258, "camera");
  for (const length of [0, 1, 2, 3, 10, 100]) {
    const plain = picture.slice(0, length);
    for (const clear of [0, 1, 3, 10]) {
      const frame = await seal(key, 7, origin, clear, plain);
      const tail = tailOf(frame);
      expect(tail !== null && tail.counter === 7 && tail.keyId === 2 && tail.clearLength === Math.min(clear, length), `tail ${JSON.stringify(tail)}`);
      expect(frame.length === length + overhead && overhead === 28, `${frame.length} bytes of ${length}`);
      expect(hex(await open(key, tail, origin, frame)) === hex(plain), `${length} bytes, ${clear} clear`);
    }
  }
});

check("the clear header can be read, the rest cannot", async () => {
  const frame = hex(await sealed());
  expect(frame.startsWith(hex(picture.slice(0, 3))), "the header is hidden");
  expect(!frame.includes(hex(picture.slice(3, 11))), "the picture is not");
});

check("no byte can be changed, and nobody else's frame passes for it", async () => {
  const key = await frameKey(await secret(), 258, "camera");
  const frame = await sealed();
  for (let at = 0; at < frame.length; at++) {
    const bad = frame.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    const tail = tailOf(bad);
    if (!tail) continue;
    if (tail.keyId !== 2) continue; // asks for another key
    await rejects(open(key, tail, origin, bad), `byte ${at} was changed`);
  }
  const tail = tailOf(frame);
  expect(tail !== null, "no tail");
  await rejects(open(key, tail, { ...origin, peer: "ffeeddccbbaa9988" }, frame), "another's frame");
  await rejects(open(key, tail, { ...origin, source: "screen" }, frame), "another source's frame");
  await rejects(open(await frameKey(await secret(), 259, "camera"), tail, origin, frame), "another epoch's key id");
  await rejects(open(await frameKey(await secret(), 258, "mic"), tail, origin, frame), "another source's key");
});

check("what has no seal is told by its tail", async () => {
  const frame = await sealed();
  expect(tailOf(picture) === null, "a plain frame");
  expect(tailOf(frame.slice(0, -1)) === null, "a cut frame");
  expect(tailOf(frame.slice(-overhead + 1)) === null, "too short a frame");
  const far = frame.slice();
  far.fill(255, far.length - 12, far.length - 4);
  expect(tailOf(far) === null, "a counter beyond counting");
});

check("what a server must read stays clear", () => {
  expect(clearLength("video/VP8", true) === 10 && clearLength("video/VP8", false) === 3, "VP8");
  expect(clearLength("video/VP9", true) === 0 && clearLength("audio/opus", false) === 1, "VP9 and Opus");
});

check("a counter passes once, and none that is long past", () => {
  const window = new Window();
  const pass = (counter: number) => {
    const fresh = window.fresh(counter);
    if (fresh) window.mark(counter);
    return fresh;
  };
  expect(pass(5) && pass(3) && !pass(5) && !pass(3), "twice");
  expect(pass(1023) && pass(1028) && !pass(4) && pass(6), "1028 - 1024 is too old, 6 is not");
  expect(pass(2 ** 40) && !pass(2 ** 40 - 1024) && pass(2 ** 40 - 1023), "far ahead");
  expect(!pass(2 ** 40 - 1023), "twice, late");
});
