"""One page that shows what an archive holds, how good its model is, and where it fails."""
