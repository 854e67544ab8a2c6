"""Images: image classification, visual wake words, and images of the user's own."""
