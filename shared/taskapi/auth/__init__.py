"""Who is calling: tokens, their signatures, and the keys that check them."""
