"""Analytics for conversational products: raw events in, traceable daily KPIs out."""
