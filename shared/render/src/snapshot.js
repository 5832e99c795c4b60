// Serialises the document as shown: open shadow roots and same-origin frames in place. Runs in an isolated world, where
// the page's scripts have changed nothing.
((maxSize) => {
  const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
  const RAW_TEXT = new Set("script style xmp noembed noframes plaintext".split(" "));
  const OMITTED = new Set(["noscript", "template"]);
  const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\u00a0": "&nbsp;" };
  const escape = (text) => text.replace(/[&<>"\u00a0]/g, (c) => ESCAPED[c]);
  const out = ["<!DOCTYPE html>"];
  let size = 0, nodes = 0;
  const put = (text) => { out.push(text); size += text.length; };
  const start = (node, name) => {
    let tag = "<" + name;
    for (const { name: key, value } of node.attributes) {
      if (/[\s"'<>\/=]/.test(key)) continue;
      const inFrame = node.ownerDocument !== document && (key === "href" || key === "src");
      tag += ` ${key}="${escape(inFrame && typeof node[key] === "string" ? node[key] : value)}"`;
    }
    put(tag + ">");
  };
  // Stack of what is still to be written. A string is an end tag.
  const open = [document.documentElement];
  const push = (list) => { for (let i = list.length - 1; i >= 0; i--) open.push(list[i]); };
  while (open.length > 0) {
    const node = open.pop();
    if (size > maxSize || ++nodes > 1000000) return null;
    if (typeof node === "string") { put(node); continue; }
    if (!node) continue;
    if (node.nodeType === Node.TEXT_NODE) {
      const parent = node.parentNode;
      put(parent && RAW_TEXT.has(parent.localName) ? node.data : escape(node.data));
      continue;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) continue;
    const name = node.localName;
    if (OMITTED.has(name)) continue;
    if (name === "slot" && node.getRootNode() instanceof ShadowRoot) {
      const assigned = node.assignedNodes();
      push(assigned.length > 0 ? assigned : node.childNodes);
      continue;
    }
    if (name === "iframe" || name === "frame") {
      let inner = null;
      try { inner = node.contentDocument; } catch {}
      if (!inner || !inner.body) { start(node, "iframe"); put("</iframe>"); continue; }
      put(`<div data-frame="${escape(inner.URL)}">`);
      open.push("</div>");
      push(inner.body.childNodes);
      continue;
    }
    start(node, name);
    if (VOID.has(name)) continue;
    open.push(`</${name}>`);
    push(node.shadowRoot ? node.shadowRoot.childNodes : node.childNodes);
  }
  return { html: out.join("").toWellFormed(), url: document.URL };
})
