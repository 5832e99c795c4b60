// Returns how long nothing has changed, in milliseconds, and whether the selector matches. Runs in an isolated world.
((selector) => {
  let state = globalThis.__seen;
  if (!state) {
    state = globalThis.__seen = { lastChange: performance.now(), roots: new Set() };
    state.observer = new MutationObserver(() => { state.lastChange = performance.now(); });
  }
  const watch = (root) => {
    if (state.roots.has(root) || state.roots.size > 2000) return;
    state.roots.add(root);
    state.observer.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
  };
  watch(document);
  let remaining = 20000;
  const watchShadowRoots = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (remaining-- <= 0) return;
      if (element.shadowRoot) { watch(element.shadowRoot); watchShadowRoots(element.shadowRoot); }
    }
  };
  watchShadowRoots(document);
  const matched = selector !== null && [...state.roots].some((root) => root.querySelector(selector) !== null);
  return [performance.now() - state.lastChange, matched];
})
