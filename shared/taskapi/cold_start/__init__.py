"""What makes a cold start short."""
