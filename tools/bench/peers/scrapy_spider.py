"""Crawls the tree with Scrapy: `scrapy runspider scrapy_spider.py -a seed=URL -O out.jsonl`."""

import scrapy


class Tree(scrapy.Spider):
    name = "tree"

    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [seed]

    def parse(self, response):
        yield {
            "url": response.url,
            "title": response.css("h1::text").get(),
            "price": float(response.css("p.price::text").get().lstrip("$")),
        }
        yield from response.follow_all(css="nav a", callback=self.parse)
