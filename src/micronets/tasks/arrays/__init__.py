"""Arrays of your own, from any sensor."""
