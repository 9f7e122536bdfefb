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

  // A picture much wider than the screen keeps a size at which its type can be read, and its box scrolls sideways.
  function panPictures() {
    for (const picture of document.querySelectorAll(".content img")) {
      const box = picture.closest("p, div, figure");
      const width = Math.min(picture.naturalWidth, 660); // of the paper's text, at which type has its own size
      const pans = narrow.matches && width > 1.2 * box.clientWidth;
      picture.style.width = pans ? `${width}px` : "";
      picture.classList.toggle("pans", pans);
      box.classList.toggle("pan-box", pans);
      box.onscroll = () => box.classList.toggle("pan-end", box.scrollLeft + box.clientWidth >= box.scrollWidth - 1);
      box.onscroll();
    }
  }

  if (narrow.matches) stackFormulas();
  stackTables();
  narrow.addEventListener("change", stackTables);
  addEventListener("load", panPictures); // sizes are known then
  narrow.addEventListener("change", panPictures);
})();
