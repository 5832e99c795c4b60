// Renders into an open shadow root.
import { LitElement, html } from "lit";

class ShopProduct extends LitElement {
  static properties = { product: { state: true } };
  async connectedCallback() {
    super.connectedCallback();
    this.product = await (await fetch("/api/product")).json();
  }
  updated() {
    if (this.product) document.title = this.product.title;
  }
  render() {
    if (!this.product) return html`<p>Loading…</p>`;
    const { title, price, text } = this.product;
    return html`<main><h1>${title}</h1><p class="price">${price}</p><p>${text}</p></main>`;
  }
}
customElements.define("shop-product", ShopProduct);
