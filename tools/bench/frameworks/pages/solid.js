import { createEffect, createResource } from "solid-js";
import html from "solid-js/html";
import { render } from "solid-js/web";

function Product() {
  const [product] = createResource(async () => (await fetch("/api/product")).json());
  createEffect(() => { if (product()) document.title = product().title; });
  return html`<main><h1>${() => product()?.title}</h1><p class="price">${() => product()?.price}</p>
    <p>${() => product()?.text}</p></main>`;
}
render(Product, document.getElementById("root"));
