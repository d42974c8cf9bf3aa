"""Tables, and the migrations that bring earlier archives up to date."""
