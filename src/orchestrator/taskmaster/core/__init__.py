"""What a document says and what follows from it. Pure: no file, clock or network."""
