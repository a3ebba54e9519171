// Codes of the ICF that come up when work is the question, with the short labels that the server uses too. It is a working list,
// not a core set, and no text of the classification: what a code means in full stands there.

import labels from "../../conference/casefile/icf/labels.json";

export const icf: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(labels).map(([code, of]) => [code, of.label]));
