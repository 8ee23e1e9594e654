"""All that knows a recurrent cell."""
