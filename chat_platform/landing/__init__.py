"""Files as delivered: finding new ones and cutting them into lines."""
