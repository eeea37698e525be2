"""Tables of streams: their shape, DDL, drift, swap and views."""
