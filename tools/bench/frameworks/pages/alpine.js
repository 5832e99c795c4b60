import Alpine from "alpinejs";

Alpine.data("shop", () => ({
  product: null,
  async init() {
    this.product = await (await fetch("/api/product")).json();
    document.title = this.product.title;
  },
}));
Alpine.start();
