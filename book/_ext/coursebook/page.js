// Fold all code of a page away, or show it again (the choice is kept for the next page); save the page's notebook.
(function () {
  "use strict";
  var key = "coursebook-code";
  var root = document.documentElement;
  var read = function () { try { return localStorage.getItem(key); } catch (error) { return null; } };
  var keep = function (value) { try { localStorage.setItem(key, value); } catch (error) { /* private window */ } };
  var show = function (hidden) {
    root.classList.toggle("code-hidden", hidden);
    document.querySelectorAll(".coursebook-code-toggle").forEach(function (button) {
      button.setAttribute("aria-pressed", String(hidden));
      button.querySelector("span").textContent = hidden ? "Show code" : "Hide code";
    });
  };
  // From file:// a browser opens a neighbouring file instead of saving it, so the link is given the copy that the page carries.
  var fromPage = function (link) {
    if (link.href.slice(0, 5) === "blob:") return;
    var text = document.getElementById("coursebook-notebook").textContent;
    link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
  };
  root.classList.toggle("code-hidden", read() === "hidden");
  document.addEventListener("DOMContentLoaded", function () {
    show(read() === "hidden");
    document.addEventListener("click", function (event) {
      var download = event.target.closest(".coursebook-download");
      if (download && location.protocol === "file:") fromPage(download);
      if (!event.target.closest(".coursebook-code-toggle")) return;
      var hidden = !root.classList.contains("code-hidden");
      keep(hidden ? "hidden" : "shown");
      show(hidden);
    });
  });
})();
