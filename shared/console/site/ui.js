// What every view is made with: Preact, its hooks, and templates without a compiler.

import { Fragment, h, render } from "./preact.js";
import htm from "./htm.js";

export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "./preact-hooks.js";
export { Fragment, render };

// Texts in a template are always text: nothing in here makes markup of what a page or a server says.
export const html = htm.bind(h);

// A member that an object has itself. What comes from elsewhere may be called "constructor".
export const own = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);

// Class names, those that hold.
export const classes = (...names) => names.filter(Boolean).join(" ");
