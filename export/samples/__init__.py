"""Makes named arrays of what users pass as samples."""
