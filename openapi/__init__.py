"""openapi.json: made from the functions, compared between versions, and shown."""
