// A client made of yjs and y-protocols alone, as any page with a stock provider has it. It talks over standard input and output,
// four bytes of length before each frame; the test carries the frames to and from a real socket.
const { createRequire } = require("node:module");
const [modules, say, wait] = process.argv.slice(2);
const from = createRequire(modules + "/package.json");
const Y = from("yjs");
const sync = from("y-protocols/sync");
const awareness = from("y-protocols/awareness");
const encoding = from("lib0/encoding");
const decoding = from("lib0/decoding");

const doc = new Y.Doc();
const here = new awareness.Awareness(doc);
const text = doc.getText("s:lage");
const server = Symbol("server");

function send(type, fill) {
  const to = encoding.createEncoder();
  encoding.writeVarUint(to, type);
  fill(to);
  const frame = encoding.toUint8Array(to);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  process.stdout.write(Buffer.concat([length, frame]));
}

function receive(frame) {
  const body = decoding.createDecoder(frame);
  const type = decoding.readVarUint(body);
  if (type === 0) {
    const to = encoding.createEncoder();
    encoding.writeVarUint(to, 0);
    const kind = sync.readSyncMessage(body, to, doc, server);
    if (encoding.length(to) > 1) send(0, (out) => encoding.writeUint8Array(out, encoding.toUint8Array(to).subarray(1)));
    if (kind === sync.messageYjsSyncStep2) text.insert(text.length, say);
  } else if (type === 1) {
    awareness.applyAwarenessUpdate(here, decoding.readVarUint8Array(body), server);
  } // everything else is not for a stock client
  const others = [...here.getStates()].filter(([id]) => id !== doc.clientID).map(([, state]) => state.user);
  if (text.toString().includes(wait) && others.length > 0) {
    process.stderr.write(JSON.stringify({ text: text.toString(), others }));
    process.stdin.destroy();
    here.destroy();
  }
}

doc.on("update", (update, origin) => {
  if (origin !== server) send(0, (to) => sync.writeUpdate(to, update));
});
here.setLocalState({ user: { name: "selbst gewählt", color: "#000000" }, cursor: null });
send(0, (to) => sync.writeSyncStep1(to, doc));
send(1, (to) => encoding.writeVarUint8Array(to, awareness.encodeAwarenessUpdate(here, [doc.clientID])));

let waiting = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  waiting = Buffer.concat([waiting, chunk]);
  while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE()) {
    const end = 4 + waiting.readUInt32BE();
    receive(waiting.subarray(4, end));
    waiting = waiting.subarray(end);
  }
});
