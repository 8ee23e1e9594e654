"""Decides what the user leaves open, or what data forbid: clippings, layers kept in float32."""
