// One section of the notes as a CodeMirror editor on a Y.Text: undo of one's own changes only, other people's carets with names, no half
// characters, no interference with an input method. Spelling is not checked: browsers may send the text elsewhere for it.

import { standardKeymap } from "@codemirror/commands";
import {
  Compartment,
  EditorState,
  StateEffect,
  StateField,
  type ChangeSpec,
  type Extension,
  type Range,
  type Text,
  type Transaction,
  type TransactionSpec,
} from "@codemirror/state";
import { Decoration, EditorView, WidgetType, keymap, placeholder, type DecorationSet } from "@codemirror/view";
import { StyleModule } from "style-mod";
import { ySyncAnnotation, yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { conventions } from "./colours";
import type { Passage } from "./guard/passage";
import { isRecord } from "./protocol";
import { cursorIn, halves, OwnCaret, tooMuch, wholeOnly, type Section, type SectionOptions } from "./section";

/** The view with carets, colours and completion. */
export function openEditor(options: SectionOptions): Section {
  StyleModule.mount = adopt;
  const own = new OwnCaret(options);
  const access = new Compartment();
  const view = new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text.toString(),
      extensions: [
        wholeCharacters(options.told),
        yCollab(options.text, null, { undoManager: options.undo }),
        // no binding for Tab: it leaves the field
        keymap.of([...yUndoManagerKeymap, ...standardKeymap]),
        EditorView.lineWrapping,
        theme,
        EditorView.contentAttributes.of({
          "aria-labelledby": options.labelledBy,
          ...(options.describedBy ? { "aria-describedby": options.describedBy } : {}),
          autocapitalize: "sentences",
          spellcheck: "false",
          translate: "no",
        }),
        access.of(accessTo(options.writable)),
        composition(options.composing),
        conventions(options.people),
        carets,
        named,
        follow(options, own),
      ],
    }),
  });
  options.parent.classList.toggle("readonly", !options.writable);
  const forget = followCarets(view, options);

  return {
    setWritable(writable) {
      options.parent.classList.toggle("readonly", !writable);
      view.dispatch({ effects: access.reconfigure(accessTo(writable)) });
    },
    caret: () => (view.hasFocus ? view.state.selection.main.head : null),
    selection: () => view.state.selection.main,
    focus(at) {
      view.focus();
      view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) }, scrollIntoView: true });
    },
    select(from, to) {
      view.focus();
      view.dispatch({ selection: within({ anchor: from, head: to }, view.state.doc.length), scrollIntoView: true });
    },
    replace(from, to, by) {
      if (view.state.readOnly || to > view.state.doc.length) return;
      view.focus();
      view.dispatch({ changes: { from, to, insert: by }, selection: { anchor: from + by.length }, scrollIntoView: true, userEvent: "input.replace" });
    },
    mark(passages) {
      view.dispatch({ effects: setNamed.of(passages) });
    },
    destroy() {
      forget();
      own.destroy();
      view.destroy();
    },
  };
}

function accessTo(writable: boolean): Extension {
  return [writable ? placeholder("Hier schreiben …") : [], EditorState.readOnly.of(!writable), EditorView.editable.of(writable), EditorView.contentAttributes.of(writable ? {} : { tabindex: "0", "aria-readonly": "true" })];
}

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "1.0625rem" },
  ".cm-scroller": { fontFamily: "var(--text)", lineHeight: "1.62", overflow: "visible" },
  ".cm-content": {
    minHeight: "2.75rem",
    padding: "0.45rem 0.75rem",
    marginInline: "-0.75rem",
    caretColor: "var(--ink)",
    borderRadius: "8px",
    border: "1px solid transparent",
  },
  "&:not(.cm-focused)": { borderBlockEnd: "1px solid var(--line)" },
  "&.cm-focused": { outline: "none", borderBlockEnd: "1px solid transparent" },
  ".cm-placeholder": { color: "var(--soft)" },
  ".cm-line": { padding: "0" },
  "&:not(.cm-focused) .cm-content:hover": { borderColor: "var(--line)" },
  "&.cm-focused .cm-content": { borderColor: "var(--deep)", backgroundColor: "var(--leaf)", outline: "2px solid var(--deep)" },
  ".readonly & .cm-content": { borderColor: "transparent !important" },
  ".readonly &": { borderBlockEnd: "0 !important" },
  ".cm-named": { textDecoration: "underline dotted 2px var(--warn)", textUnderlineOffset: "0.25em", backgroundColor: "var(--warn-wash)" },
  ".cm-named.cm-sure": { textDecorationStyle: "solid" },
  // the server's colours carry white letters; as a line on dark paper they need more light
  ".cm-remote": {
    position: "relative",
    borderInlineStart: "2px solid light-dark(var(--who), color-mix(in oklab, var(--who), white 50%))",
    marginInline: "-1px",
    pointerEvents: "none",
  },
  ".cm-remote > b": {
    position: "absolute",
    insetBlockEnd: "calc(100% - 3px)",
    insetInlineStart: "-2px",
    padding: "0 0.45em",
    borderRadius: "5px 5px 5px 0",
    color: "#fff",
    backgroundColor: "var(--who)",
    font: "600 0.72rem/1.4 var(--text)",
    whiteSpace: "nowrap",
  },
});

const sheets = new WeakMap<StyleModule, CSSStyleSheet>();

/** Hands CodeMirror's rules to the document as constructed sheets: the style element it would add is forbidden by our CSP. */
function adopt(_: Document | ShadowRoot, modules: StyleModule | readonly StyleModule[]): void {
  const wanted = [modules].flat().map((module) => {
    let sheet = sheets.get(module);
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(module.getRules());
      sheets.set(module, sheet);
    }
    return sheet;
  });
  const others = document.adoptedStyleSheets.filter((sheet) => !wanted.includes(sheet));
  document.adoptedStyleSheets = [...others, ...wanted];
}

// --- what could name somebody -----------------------------------------------------------------------------------------------------

const setNamed = StateEffect.define<Passage[]>();

const named = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, tr) {
    let next = shown.map(tr.changes);
    for (const effect of tr.effects) {
      if (!effect.is(setNamed)) continue;
      const inside = effect.value.filter((one) => one.start < one.end && one.end <= tr.newDoc.length);
      next = Decoration.set(inside.map((one) => Decoration.mark({ class: one.confidence === 3 ? "cm-named cm-sure" : "cm-named" }).range(one.start, one.end)));
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function within({ anchor, head }: { anchor: number; head: number }, length: number): { anchor: number; head: number } {
  return { anchor: Math.min(anchor, length), head: Math.min(head, length) };
}

// --- whole characters -------------------------------------------------------------------------------------------------------------

function unit(text: Text, at: number): number {
  return at >= 0 && at < text.length ? text.sliceString(at, at + 1).charCodeAt(0) : 0;
}

/** True where an edit at this place would part the two halves of one character. */
function parts(text: Text, at: number): boolean {
  return halves(unit(text, at - 1), unit(text, at));
}

/**
 * Widens edits to whole characters, and refuses very long ones. Replacing one emoji by its neighbour differs in the second half only, and
 * the browser's input is read as the smallest difference; a half character would make replicas differ for ever.
 */
function wholeCharacters(told: (sentence: string) => void): Extension {
  return EditorState.transactionFilter.of((tr) => {
    if (!tr.docChanged || tr.annotation(ySyncAnnotation)) return tr;
    let broken = false;
    let added = 0;
    const whole: ChangeSpec[] = [];
    tr.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
      added += inserted.length;
      const change = widen(tr.startState.doc, from, to, inserted.toString());
      broken ||= change.changed;
      whole.push(change.spec);
    });
    const refused = tooMuch(added);
    if (refused) {
      told(refused);
      return [];
    }
    return broken ? rewritten(tr, whole) : tr;
  });
}

function widen(doc: Text, from: number, to: number, insert: string): { spec: ChangeSpec; changed: boolean } {
  const left = parts(doc, from) ? 1 : 0;
  const right = parts(doc, to) ? 1 : 0;
  const full = doc.sliceString(from - left, from) + insert + doc.sliceString(to, to + right);
  const clean = wholeOnly(full);
  return { spec: { from: from - left, to: to + right, insert: clean }, changed: left + right > 0 || clean !== full };
}

function rewritten(tr: Transaction, changes: ChangeSpec[]): TransactionSpec {
  const set = tr.startState.changes(changes);
  return { changes: set, selection: { anchor: Math.min(tr.newSelection.main.head, set.newLength) }, effects: tr.effects, scrollIntoView: true };
}

// --- composition ------------------------------------------------------------------------------------------------------------------

function composition(composing: (active: boolean) => void): Extension {
  const on = () => composing(true);
  // CodeMirror reads the composed text after this event: what was held back may come only then
  const off = () => void setTimeout(() => composing(false), 60);
  return EditorView.domEventHandlers({ compositionstart: on, compositionupdate: on, compositionend: off, blur: off });
}

// --- carets -----------------------------------------------------------------------------------------------------------------------

interface Remote {
  name: string;
  color: string;
  light: string;
  anchor: number;
  head: number;
}

const setRemotes = StateEffect.define<Remote[]>();

const carets = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, tr) {
    let next = shown.map(tr.changes);
    for (const effect of tr.effects) if (effect.is(setRemotes)) next = draw(effect.value, tr.newDoc.length);
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function draw(remotes: Remote[], length: number): DecorationSet {
  const ranges: Range<Decoration>[] = [];
  for (const remote of remotes) {
    const anchor = Math.min(remote.anchor, length);
    const head = Math.min(remote.head, length);
    if (anchor !== head) {
      const light = `background-color: ${remote.light}`;
      ranges.push(Decoration.mark({ attributes: { style: light } }).range(Math.min(anchor, head), Math.max(anchor, head)));
    }
    ranges.push(Decoration.widget({ widget: new Caret(remote.name, remote.color), side: head > anchor ? -1 : 1 }).range(head));
  }
  return Decoration.set(ranges, true);
}

/** Somebody else's caret. Hidden from assistive technology, which hears of it through the page's polite line instead. */
class Caret extends WidgetType {
  constructor(
    private readonly name: string,
    private readonly color: string,
  ) {
    super();
  }

  override eq(other: Caret): boolean {
    return other.name === this.name && other.color === this.color;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = "cm-remote";
    caret.ariaHidden = "true";
    caret.style.setProperty("--who", this.color);
    const flag = document.createElement("b");
    flag.textContent = this.name;
    caret.append(flag);
    return caret;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

/** Draws the others' carets whenever awareness or the text changes, at most once a frame and never into a composition. */
function followCarets(view: EditorView, options: SectionOptions): () => void {
  let asked = 0;
  const redraw = () => {
    asked = 0;
    if (view.composing) return later();
    view.dispatch({ effects: setRemotes.of(remotesIn(options)) });
  };
  const later = () => {
    asked ||= requestAnimationFrame(redraw);
  };
  options.awareness.on("change", later);
  options.text.observe(later);
  later();
  return () => {
    cancelAnimationFrame(asked);
    options.awareness.off("change", later);
    options.text.unobserve(later);
  };
}

function remotesIn({ awareness, text }: SectionOptions): Remote[] {
  const found: Remote[] = [];
  for (const [client, state] of awareness.getStates()) {
    if (client === awareness.clientID) continue;
    const cursor = cursorIn(state, text);
    const user: unknown = state["user"];
    if (!cursor || !isRecord(user)) continue;
    found.push({ ...cursor, name: words(user["short"] ?? user["name"]), color: colour(user["color"], "#0b5a5e"), light: colour(user["colorLight"], "#0b5a5e33") });
  }
  return found;
}

function words(value: unknown): string {
  return typeof value === "string" && value ? value : "?";
}

function colour(value: unknown, otherwise: string): string {
  return typeof value === "string" && CSS.supports("color", value) ? value : otherwise;
}

/** Tells of one's own caret, edits and line. */
function follow(options: SectionOptions, own: OwnCaret): Extension {
  return EditorView.updateListener.of((update) => {
    if (update.docChanged && !update.transactions[0]?.annotation(ySyncAnnotation)) own.wrote();
    if (!update.selectionSet && !update.focusChanged && !update.docChanged) return;
    // after this update: the Y.Text follows the editor, and a position beyond its end cannot be named
    queueMicrotask(() => {
      const { main } = update.view.state.selection;
      own.publish(update.view.hasFocus ? main : null);
      if (update.view.hasFocus) options.line(update.view.state.doc.lineAt(main.head).text);
    });
  });
}
