// The conventions of the notes in CodeMirror: colours by decorations that leave the text as it is, and completion for people and codes.
// Enter takes a suggestion, Escape closes the list; Tab is not bound, it leaves the field.

import { autocompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { EditorState, RangeSetBuilder, type Extension } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import { boxPattern, callName, findIn, type Candidate } from "./conventions";
import { icf } from "./icf";

export function conventions(people: () => Candidate[]): Extension {
  return [
    ViewPlugin.define((view) => new Colours(view, people), { decorations: (colours) => colours.shown }),
    autocompletion({ override: [(context) => completePeople(context, people), completeCodes], icons: false, maxRenderedOptions: 12 }),
    EditorState.phrases.of({ Completions: "Vorschläge" }),
    theme,
  ];
}

const line = Decoration.line({ class: "cm-measure" });

class Colours {
  shown: DecorationSet;

  constructor(
    view: EditorView,
    private readonly people: () => Candidate[],
  ) {
    this.shown = this.colour(view);
  }

  update(update: ViewUpdate): void {
    if (update.docChanged || update.viewportChanged) this.shown = this.colour(update.view);
  }

  private colour(view: EditorView): DecorationSet {
    const set = new RangeSetBuilder<Decoration>();
    const people = this.people();
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to; ) {
        const here = view.state.doc.lineAt(at);
        if (boxPattern.test(here.text)) set.add(here.from, here.from, line);
        for (const one of findIn(here.text, people)) {
          set.add(here.from + one.from, here.from + one.to, Decoration.mark({ class: `cm-${one.kind}`, ...(one.label ? { attributes: { title: one.label } } : {}) }));
        }
        at = here.to + 1;
      }
    }
    return set.finish();
  }
}

/** After an @: everybody who can take on a measure. */
function completePeople(context: CompletionContext, people: () => Candidate[]): CompletionResult | null {
  const typed = context.matchBefore(/@[\p{L}\p{M}-]*/u);
  if (!typed || /[\p{L}\p{N}]/u.test(context.state.sliceDoc(typed.from - 1, typed.from))) return null;
  const options = people().map((one) => ({ label: `@${callName(one.name)}`, detail: one.name === callName(one.name) ? "" : one.name, apply: `@${callName(one.name)} ` }));
  return options.length ? { from: typed.from, options, validFor: /^@[\p{L}\p{M}-]*$/u } : null;
}

/** After the letter of a component and a digit: the codes of our list, with their labels. */
function completeCodes(context: CompletionContext): CompletionResult | null {
  const typed = context.matchBefore(/[bsde]\d{1,3}/);
  if (!typed || /[\p{L}\p{N}.]/u.test(context.state.sliceDoc(typed.from - 1, typed.from))) return null;
  const options = Object.entries(icf)
    .filter(([code]) => code.startsWith(typed.text) && code !== typed.text)
    .map(([code, label]) => ({ label: code, detail: label }));
  return options.length ? { from: typed.from, options, filter: false } : null;
}

const theme = EditorView.theme({
  ".cm-measure": { fontWeight: "600" },
  ".cm-box": { color: "var(--deep)", fontVariantNumeric: "tabular-nums" },
  ".cm-who": { color: "var(--deep)", fontWeight: "600" },
  ".cm-icf": { fontWeight: "600", textDecoration: "underline dotted", textUnderlineOffset: "0.2em" },
  ".cm-tooltip.cm-tooltip-autocomplete": { border: "1px solid var(--edge)", borderRadius: "8px", backgroundColor: "var(--leaf)", color: "var(--ink)", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--text)", maxHeight: "15rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.35rem 0.75rem", lineHeight: "1.4" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--deep)", color: "var(--on-deep)" },
  ".cm-completionDetail": { fontStyle: "normal", marginInlineStart: "0.75em" },
});
