// The list of pages begins where you are, not at its top.
(() => {
  const list = document.querySelector(".sidebar-scroll"), here = list?.querySelector(".current-page");
  if (!here) return;
  const from = here.getBoundingClientRect().top - list.getBoundingClientRect().top;
  if (from > list.clientHeight - 60) list.scrollBy({ top: from - list.clientHeight / 3, behavior: "instant" });
})();
