// What all views are built with: Preact, its hooks, and templates without a compiler.

import { Fragment, h, render } from "./preact.js";
import htm from "./htm.js";

export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "./preact-hooks.js";
export { Fragment, render };

// Texts in a template stay text: nothing here converts text of a page or a server to markup.
export const html = htm.bind(h);

// An object's own member. Names from outside may be "constructor".
export const own = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);

// Joins the class names that are set.
export const classes = (...names) => names.filter(Boolean).join(" ");
