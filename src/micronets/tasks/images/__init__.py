"""Pictures: image classification, visual wake words, and pictures of your own."""
