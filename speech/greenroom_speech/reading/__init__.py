"""What is read aloud of a text: the grammar of docs/text.md."""
