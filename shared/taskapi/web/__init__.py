"""HTTP as the contract has it: events, routes, bodies, responses."""
