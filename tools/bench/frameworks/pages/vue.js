import { createApp } from "vue/dist/vue.esm-bundler.js";

createApp({
  data: () => ({ product: null }),
  async mounted() { this.product = await (await fetch("/api/product")).json(); },
  watch: { product: ({ title }) => { document.title = title; } },
  template: `<main v-if="product"><h1>{{ product.title }}</h1><p class="price">{{ product.price }}</p>
    <p>{{ product.text }}</p></main><p v-else>Loading…</p>`,
}).mount("#root");
