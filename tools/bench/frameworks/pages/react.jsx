import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

function Product() {
  const [product, setProduct] = useState(null);
  useEffect(() => { fetch("/api/product").then((r) => r.json()).then(setProduct); }, []);
  useEffect(() => { if (product) document.title = product.title; }, [product]);
  if (!product) return <p>Loading…</p>;
  return <main><h1>{product.title}</h1><p className="price">{product.price}</p><p>{product.text}</p></main>;
}
createRoot(document.getElementById("root")).render(<Product />);
