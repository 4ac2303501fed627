// Tells require.js where the widget modules lie (beside this file) and gives ipywidgets, which still calls MathJax 2, what it asks for.
(function () {
  "use strict";
  var here = document.currentScript.src;
  requirejs.config({ baseUrl: here.slice(0, here.lastIndexOf("/")) });
  var mathjax = (window.MathJax = window.MathJax || {});
  mathjax.Hub = mathjax.Hub || {};
  mathjax.Hub.Queue = function (job) {
    var element = Array.isArray(job) ? job[2] : null;
    var ready = window.MathJax.startup && window.MathJax.startup.promise;
    if (!element || !ready) return;
    ready.then(function () {
      if (document.contains(element)) return window.MathJax.typesetPromise([element]);
    });
  };
})();
