"""What the deployed code is made of: its licences, its parts, and their known flaws."""
