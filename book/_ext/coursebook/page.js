// Fold all code of a page away, or show it again; the choice is kept for the next page.
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
  root.classList.toggle("code-hidden", read() === "hidden");
  document.addEventListener("DOMContentLoaded", function () {
    show(read() === "hidden");
    document.addEventListener("click", function (event) {
      if (!event.target.closest(".coursebook-code-toggle")) return;
      var hidden = !root.classList.contains("code-hidden");
      keep(hidden ? "hidden" : "shown");
      show(hidden);
    });
  });
})();
