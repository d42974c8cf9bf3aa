"""Tables, and the migrations that upgrade older archives."""
