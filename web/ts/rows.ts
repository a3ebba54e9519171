// Lists that can be gone through by keyboard: <ol data-rows>. Where the focus is in one of them, the arrow keys go from row to row, Home and
// End to the first and the last; everything else stays with the browser.

export function followRows(): void {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof HTMLAnchorElement)) return;
    const row = event.target.closest("[data-rows] > li");
    const next = row && neighbour(event.key, row);
    const goal = next?.querySelector<HTMLElement>(":scope > a, a");
    if (!goal) return;
    event.preventDefault();
    goal.focus();
  });
}

function neighbour(key: string, row: Element): Element | null {
  const rows = [...document.querySelectorAll("[data-rows] > li")];
  switch (key) {
    case "ArrowDown":
      return rows[rows.indexOf(row) + 1] ?? null;
    case "ArrowUp":
      return rows[rows.indexOf(row) - 1] ?? null;
    case "Home":
      return rows[0] ?? null;
    case "End":
      return rows.at(-1) ?? null;
  }
  return null;
}
