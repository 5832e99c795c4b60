/** @jsxImportSource preact */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

function Product() {
  const [product, setProduct] = useState(null);
  useEffect(() => { fetch("/api/product").then((r) => r.json()).then(setProduct); }, []);
  useEffect(() => { if (product) document.title = product.title; }, [product]);
  if (!product) return <p>Loading…</p>;
  return <main><h1>{product.title}</h1><p class="price">{product.price}</p><p>{product.text}</p></main>;
}
render(<Product />, document.getElementById("root"));
