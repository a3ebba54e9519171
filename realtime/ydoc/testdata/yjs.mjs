// Runs real Yjs documents on behalf of the Go tests. Reads one JSON array of
// commands per line from standard input and answers each line with one JSON
// array of results. Documents and updates are kept under names that the
// caller chooses, until "reset".
//
// The directory that holds yjs is the first argument.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.argv[2] + '/')
const Y = require('yjs')

let docs = new Map()
let updates = [] // in the order in which edits made them

const b64 = bytes => Buffer.from(bytes).toString('base64')
const bytes = text => new Uint8Array(Buffer.from(text, 'base64'))
const roots = { t: 'getText', m: 'getMap', a: 'getArray', x: 'getXmlFragment' }
const root = (doc, name) => doc[roots[name[0]]](name)

// A place in a text that does not part a surrogate pair.
const whole = (text, pos) => {
  const c = text.charCodeAt(pos)
  return c >= 0xdc00 && c <= 0xdfff ? pos + 1 : pos
}

const string = ytext => ytext.toDelta().map(d => typeof d.insert === 'string' ? d.insert : '\0').join('')

// Values that JSON cannot carry from Go.
const odd = [undefined, 1n << 40n, -(1n << 62n), 1.5, -0.25, 1e300, 2 ** 40, -5, -(2 ** 33), new Uint8Array([0, 255, 7]), null, true, false]
const value = c => c.odd === undefined ? c.value : odd[c.odd]

// Keys sorted, so that equal documents give equal strings.
const stable = (_, v) => {
  if (typeof v === 'bigint') return `${v}n`
  if (v === undefined) return '\0undefined'
  if (v instanceof Uint8Array) return `bytes ${b64(v)}`
  if (v && typeof v === 'object' && !Array.isArray(v)) return Object.fromEntries(Object.entries(v).sort(([a], [b]) => a < b ? -1 : 1))
  return v
}

const edits = {
  insert (type, { at, text }) {
    const s = string(type)
    type.insert(whole(s, at % (s.length + 1)), text)
  },
  delete (type, { at, n }) {
    const s = string(type)
    const from = whole(s, at % (s.length + 1))
    const to = whole(s, Math.min(s.length, from + n))
    if (to > from) type.delete(from, to - from)
  },
  format (type, { at, n, value }) {
    const s = string(type)
    const from = whole(s, at % (s.length + 1))
    const to = whole(s, Math.min(s.length, from + n))
    if (to > from) type.format(from, to - from, value)
  },
  embed (type, { at, value }) {
    const s = string(type)
    type.insertEmbed(whole(s, at % (s.length + 1)), value)
  },
  push (type, c) { // wrapped: an array takes no bare undefined or bigint
    type.insert(c.at % (type.length + 1), [c.odd === undefined ? c.value : [value(c)], c.text])
  },
  cut (type, { at, n }) {
    if (type.length === 0) return
    const from = at % type.length
    type.delete(from, Math.min(n, type.length - from))
  },
  set (type, c) { type.set(c.key, value(c)) },
  unset (type, { key }) { type.delete(key) },
  nest (type, { key, at, kind }) {
    const child = kind === 'text' ? new Y.Text('innen') : kind === 'map' ? new Y.Map([['k', 1]]) : Y.Array.from([1, 'zwei'])
    if (type instanceof Y.Map) type.set(key, child)
    else type.insert(at % (type.length + 1), [child])
  },
  // Edits something that is nested inside the root, if there is anything.
  inner (type, c) {
    const found = []
    const look = t => t.forEach(v => { if (v instanceof Y.AbstractType) { found.push(v); if (!(v instanceof Y.Text)) look(v) } })
    look(type)
    if (found.length === 0) return
    const t = found[c.at % found.length]
    if (t instanceof Y.Text) edits.insert(t, c)
    else if (t instanceof Y.Map) edits.set(t, c)
    else edits.push(t, c)
  },
  element (type, { at, text }) {
    const e = new Y.XmlElement('absatz')
    e.setAttribute('art', text)
    e.insert(0, [new Y.XmlText(text)])
    type.insert(at % (type.length + 1), [e])
  }
}

const commands = {
  reset () { docs = new Map(); updates = []; return null },
  open ({ doc, client, gc }) {
    const d = new Y.Doc({ gc })
    if (client) d.clientID = client
    docs.set(doc, d)
    return null
  },
  edit ({ doc, root: name, does, ...args }) {
    const d = docs.get(doc)
    const before = Y.encodeStateVector(d)
    const sent = []
    const keep = update => sent.push(update)
    d.on('update', keep)
    d.transact(() => edits[does](root(d, name), args))
    d.off('update', keep)
    const all = sent.length === 0 ? Y.encodeStateAsUpdate(d, before) : sent.length === 1 ? sent[0] : Y.mergeUpdates(sent)
    updates.push(all)
    return b64(all)
  },
  deliver ({ doc, update }) { Y.applyUpdate(docs.get(doc), updates[update]); return null },
  // Everything that edits have sent so far, in one transaction.
  deliverAll ({ doc }) { if (updates.length > 0) Y.applyUpdate(docs.get(doc), Y.mergeUpdates(updates)); return null },
  apply ({ doc, bytes: b }) { Y.applyUpdate(docs.get(doc), bytes(b)); return null },
  // Both ways, as after a pause: each gets what its state vector lacks.
  sync ({ doc, with: other }) {
    const [a, b] = [docs.get(doc), docs.get(other)]
    const [forA, forB] = [Y.encodeStateAsUpdate(b, Y.encodeStateVector(a)), Y.encodeStateAsUpdate(a, Y.encodeStateVector(b))]
    Y.applyUpdate(a, forA)
    Y.applyUpdate(b, forB)
    return null
  },
  diff ({ doc, vector }) { return b64(Y.encodeStateAsUpdate(docs.get(doc), bytes(vector))) },
  read ({ doc, roots }) {
    const d = docs.get(doc)
    const texts = {}
    const lens = {}
    const json = {}
    const formatted = []
    for (const name of roots) {
      const t = root(d, name)
      lens[name] = t.length
      if (name[0] === 't') texts[name] = t.toString()
      json[name] = name[0] === 't' ? string(t) : t.toJSON()
      if (name[0] === 't') formatted.push(t.toDelta())
    }
    return {
      texts,
      lens,
      json: JSON.stringify(json, stable),
      formatted: JSON.stringify(formatted, stable),
      vector: b64(Y.encodeStateVector(d)),
      state: b64(Y.encodeStateAsUpdate(d)),
      pending: d.store.pendingStructs !== null || d.store.pendingDs !== null
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = JSON.parse(line).map(c => commands[c.do](c))
  } catch (e) {
    answer = { error: String(e.stack ?? e) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
