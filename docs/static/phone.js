// What a narrow screen needs and a style sheet can't do; on a wide one nothing changes.
(() => {
  const narrow = matchMedia("(max-width: 46em)");

  // A displayed row of formulas, f = …, \qquad g = …, becomes a column. MathJax runs after this script.
  function stackFormulas() {
    for (const box of document.querySelectorAll("div.math")) {
      const body = box.textContent.trim().replace(/^\\\[|\\\]$/g, "");
      if (!body.includes("\\qquad") || /\\begin|\\\\|&/.test(body)) continue;
      box.textContent = `\\[\\begin{gathered}${body.split("\\qquad").join("\\\\[.4em]")}\\end{gathered}\\]`;
    }
  }

  // A table that is too wide becomes a list of its rows, each value beside the name of its column.
  function stackTables() {
    for (const table of document.querySelectorAll(".content table.docutils")) {
      if (!narrow.matches || table.scrollWidth <= table.parentElement.clientWidth + 1) continue;
      const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
      for (const row of table.tBodies[0]?.rows ?? []) {
        [...row.cells].forEach((cell, i) => (cell.dataset.name = names[i] ?? ""));
      }
      table.classList.add("stacked");
    }
  }

  if (narrow.matches) stackFormulas();
  stackTables();
  narrow.addEventListener("change", stackTables);
})();
