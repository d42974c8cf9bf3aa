"""From crawls to posts in the database."""
