"""HTTP: events, routes, bodies and responses, as the API's contract defines them."""
