"""Documents from the web: what may be fetched, how politely, and what a feed or a sitemap lists."""
