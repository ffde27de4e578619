"""What the functions share: HTTP, tokens, tasks, the database."""
