"""What a task is, and the statements that read and write tasks."""
